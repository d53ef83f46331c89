"""The words of a benchmark: what they ask for, and what is wrong with others."""

from pathlib import Path

import pytest

from agentrl.bench.words import NOBODY, planned
from agentrl.brought import TINY
from agentrl.errors import ConfigError
from tests.agentrl.installed import install_ourselves

DRAWER = f"{Path(__file__).parent / 'drawer.py'}:Drawer"


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path, monkeypatch)


def test_without_words_the_players_answer_the_default_questions_of_tools() -> None:
    plan = planned(["tool-use"])
    [place] = plan.places
    assert (plan.out, plan.split, plan.tasks, plan.decoding) == (
        Path("runs/bench-tool-use"),
        "test",
        0,
        "1.0",
    )
    assert (place.env, place.differing, place.models) == ("tools", (), ())
    assert place.settings.model.path == NOBODY and place.settings.env_options["form"] == "text"


def test_models_with_other_options_of_the_environment_are_asked_in_a_place_of_their_own() -> None:
    plan = planned(["tool-use", "model=tiny,some/model,other/model"])
    tiny, others = plan.places
    assert [one.name for one in tiny.models] == ["tiny"]
    assert "env.form=line (default text)" in tiny.differing
    assert [one.name for one in others.models] == ["some/model", "other/model"] and not others.differing
    assert tiny.models[0].settings.rollout.style == TINY["rollout.style"]
    together = planned(["tool-use", "model=tiny,some/model", "env.form=text", "env.most=4", "env.sums=0.25",
                        "env.people=8", "env.shown=4", "env.hops=2"])  # fmt: skip
    assert [len(place.models) for place in together.places] == [2]


def test_a_word_may_be_meant_for_one_environment() -> None:
    plan = planned(["tool-use", f"env=tools,{DRAWER}", "drawer.max_turns=2", "seed=3"])
    tools, drawer = plan.places
    assert (drawer.env, drawer.differing) == (DRAWER, ("env.max_turns=2 (default 3)",))
    assert not tools.differing and tools.settings.run.seed == drawer.settings.run.seed == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tool-us"], r"no benchmark 'tool-us'; did you mean 'tool-use'\? \(there are: tool-use\)"),
        ([], "say which benchmark: agentrl bench tool-use"),
        (["model=runs/a"], "say which benchmark: agentrl bench tool-use"),
        (["tool-use", "tasks=-1"], "tasks=-1: at least 1, or 0 for all"),
        (["tool-use", "tasks=many"], "tasks=many: expected a whole number"),
        (["tool-use", "decoding=0.5"], "decoding=0.5: expected greedy or 0.4"),
        (["tool-use", "published=otd"], r"published=otd: expected none or otc; did you mean 'otc'\?"),
        (["tool-use", "env=tols"], r"no env 'tols'; did you mean 'tools'\?"),
        (["tool-use", "model=a,b,a"], "'a' stands there twice"),
        (["tool-use", "model=a", "model.path=b"], "model is given twice: a and b"),
        (["tool-use", "env="], "env=: say which environments"),
        (["tool-use", "model=./nowhere"], "no such folder"),
        (["tool-use", "env.fomr=line"], r"no setting 'env.fomr'; did you mean 'env.form'\?"),
    ],
)
def test_wrong_words_are_refused_in_a_line(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        planned(words)
