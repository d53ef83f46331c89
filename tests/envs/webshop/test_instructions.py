"""What customers say holds every word that the reward reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import ConfigError
from agentrl_envs.webshop.catalogue import world
from agentrl_envs.webshop.instructions import PLAIN, TEMPLATES, UNPRICED, templates, wording

ATTRIBUTES = ("slim fit", "quick dry")
OPTIONS = {"color": "blue", "size": "wide"}


def test_there_are_twenty_sentences_at_least():
    spoken = {wording("dress shirt", ATTRIBUTES, OPTIONS, 40, one) for one in TEMPLATES}
    assert len(spoken) == len(TEMPLATES) >= 20


@pytest.mark.parametrize("template", [*TEMPLATES, PLAIN])
@given(count=st.integers(1, 2), upper=st.integers(1, 30))
def test_a_sentence_holds_type_attributes_options_and_price(template, count, upper):
    text = wording("dress shirt", ATTRIBUTES[:count], OPTIONS, 10.0 * upper, template)
    for needed in (
        "dress shirt",
        *ATTRIBUTES[:count],
        *OPTIONS,
        *OPTIONS.values(),
        f"{10 * upper}{'' if template is PLAIN else '.00'} dollars",
    ):
        assert needed in text
    assert text == text.lower()
    assert "{" not in text
    assert count == 2 or "quick dry" not in text


def test_the_plain_form_is_short_and_regular():
    assert wording("dress shirt", ATTRIBUTES, OPTIONS, 40, PLAIN) == (
        "dress shirt , slim fit , quick dry , color : blue , size : wide , price lower than 40 dollars"
    )


def test_the_unpriced_form_leaves_the_price_to_the_shop():
    assert "40" not in wording("dress shirt", ATTRIBUTES, OPTIONS, 40, UNPRICED)


def test_both_forms_ask_for_the_same_things():
    spoken, plain = world(100), world(100, instructions="plain")
    for split, goals in spoken.goals.items():
        for a, b in zip(goals, plain.goals[split], strict=True):
            assert (a.asin, a.attributes, a.options, a.price_upper) == (
                b.asin,
                b.attributes,
                b.options,
                b.price_upper,
            )
            assert a.text != b.text


def test_customers_use_every_sentence():
    goals = world(400).goals["train"]
    starts = {template.sentence.split("{")[0] for template in TEMPLATES} - {""}
    assert all(any(goal.text.startswith(start) for goal in goals) for start in starts)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ConfigError, match="not one of templates, plain"):
        templates("loud")
