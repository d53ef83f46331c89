"""The embedded tokenizer and model."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from agentrl.learner.tiny import tiny_model, tiny_tokenizer

TEXTS = [
    "Kestrel Bay Shirt $35.0 n0 [SEP] color: x-large | gold (chosen)",
    "click[x-large] search[red shirt]",
]
TOKENIZER = tiny_tokenizer(TEXTS)


def encoded(text: str) -> list[int]:
    return TOKENIZER(text, add_special_tokens=False)["input_ids"]


def test_a_word_is_the_same_token_on_a_page_and_inside_brackets() -> None:
    page, action = encoded("a red shirt"), encoded("search[red shirt]")
    assert page[-2:] == action[-3:-1]


def test_known_words_are_one_token_each() -> None:
    assert len(encoded("click[n0]")) == 4


@settings(max_examples=200)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=60))
def test_any_text_comes_back_but_for_case_and_outer_spaces(text: str) -> None:
    plain = text.lower().replace("[ ", "[").replace("<", "(")
    assert TOKENIZER.decode(encoded(plain)).replace("[ ", "[").strip(" ") == plain.strip(" ")


def test_a_conversation_ends_with_the_cue_to_act() -> None:
    ids = TOKENIZER.apply_chat_template([{"role": "user", "content": "red"}], add_generation_prompt=True)[
        "input_ids"
    ]
    assert TOKENIZER.convert_ids_to_tokens(ids)[-1] == "<act>"


def test_the_model_is_a_function_of_its_seed_and_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    shape = {"hidden": 32, "layers": 1, "heads": 2, "context": 64}
    one, two, other = (tiny_model(TOKENIZER, **shape, seed=s) for s in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(next(one.parameters()), next(other.parameters()))


def test_transformers_reads_it_back(tmp_path) -> None:  # type: ignore[no-untyped-def]
    model = tiny_model(TOKENIZER, hidden=32, layers=1, heads=2, context=64, seed=1).eval()
    model.save_pretrained(tmp_path)
    TOKENIZER.save_pretrained(tmp_path)
    again, tokenizer = (
        AutoModelForCausalLM.from_pretrained(tmp_path).eval(),
        AutoTokenizer.from_pretrained(tmp_path),
    )
    ids = torch.tensor([encoded("search[red shirt]")])
    assert tokenizer("search[red shirt]", add_special_tokens=False)["input_ids"] == ids[0].tolist()
    assert torch.allclose(model(ids).logits, again(ids).logits)
