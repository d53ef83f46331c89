"""Every hyper-parameter of every algorithm is explained: what it means, in what unit, where it is from."""

import inspect
import re
import tomllib
from dataclasses import Field, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from agentrl.outline import outline
from agentrl.show import docs, shown, source_of
from tests.agentrl.installed import install_ourselves

ROOT = Path(__file__).resolve().parents[2]
NAMES = list(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["agentrl.algos"])
UNIT = re.compile(
    r"\b(reward units|nats?|bits?|episodes|demonstrations|tokens|iterations|rounds|states|actions|multiples"
    r"|ratio|score|share|0 to 1|at least \d|above \d)\b"
)
"""units and ranges; a number's text names one"""
ORIGIN = re.compile(r"arXiv:\d{4}\.\d{4,5}|\b(19|20)\d\d\b|code|scripts|ours|re-implementation|cloning|paper")
PUBLISHED: dict[tuple[str, str], object] = {
    ("gigpo", "kl"): 0.01, ("gigpo", "gamma"): 0.95, ("gigpo", "omega"): 1.0, ("gigpo", "group_size"): 8,
    ("gigpo", "invalid_penalty"): 0.1, ("gigpo", "clip_low"): 0.2, ("gigpo", "dual_clip"): 3.0,
    ("grpo", "group_size"): 64, ("dapo", "group_size"): 16, ("dapo", "clip_high"): 0.28,
    ("dapo", "dual_clip"): 10.0, ("dapo", "overlong_buffer"): 0.2, ("dapo", "replace"): 10,
    ("gspo", "clip_low"): 3e-4, ("gspo", "clip_high"): 4e-4, ("cispo", "cap"): 5.0,
    ("rloo", "kl"): 0.05, ("rloo", "group_size"): 2, ("rloo", "kl_kind"): "k1", ("rloo", "kl_in"): "reward",
    ("reinforce_pp", "reset"): True, ("reinforce_pp", "kl_in"): "reward",
    ("grpo_d", "kl_low"): 0.04, ("grpo_d", "kl_high"): 0.1,
    ("ppo", "gamma"): 1.0, ("ppo", "lam"): 1.0, ("ppo", "value_clip"): 0.5,
    ("pf_ppo", "power"): 2.0, ("pf_ppo", "extremes"): "batch",
    ("vetta", "gamma"): 0.95, ("vetta", "lam"): 0.95, ("vetta", "alpha"): 3,
    ("hgpo", "history"): 4, ("hgpo", "alpha"): 1.0, ("hgpo", "whole_task"): False, ("hgpo", "scale"): "none",
    ("graphgpo", "gamma"): 0.2, ("graphgpo", "goal_reward"): 10.0,
    ("proxmo", "temperature"): 0.1, ("proxmo", "omega"): 1.0,
    ("disco", "tau"): 1, ("disco", "delta"): 1e-4, ("disco", "beta"): 1e3, ("disco", "kl_kind"): "k1",
    ("trpa", "group_size"): 16, ("trpa", "beta"): 0.1, ("trpa", "anisotropy"): 2.5, ("trpa", "trust"): 0.001,
    ("copo", "k"): 20, ("copo", "b"): 0.5, ("copo", "group_size"): 6, ("copo", "kl"): 0.001,
    ("opd", "coef"): 1.0, ("kepo", "coef"): 1.0, ("kepo", "support"): 0, ("kepo", "mix"): 0.5,
    ("kepo", "tau"): 1.0, ("kepo", "group_size"): 8, ("seed_grpo", "scale"): "none", ("dpo", "beta"): 0.1,
}  # fmt: skip
"""what papers and published code use (one of the values where they use several)"""


def settings(name: str) -> list[tuple[type[Any], Field[Any]]]:
    cls = outline(name)
    return [(cls, one) for one in fields(cls)] if is_dataclass(cls) else []


EVERY = [pytest.param(cls, one, id=f"{name}.{one.name}") for name in NAMES for cls, one in settings(name)]


@pytest.mark.parametrize(("cls", "one"), EVERY)
def test_a_setting_has_a_meaning_a_unit_where_it_is_a_number_and_a_source_of(
    cls: type[Any], one: Field[Any]
) -> None:
    text = docs(cls).get(one.name, "")
    assert text, "no text under the field"
    if isinstance(one.default, int | float) and not isinstance(one.default, bool):
        assert UNIT.search(text.partition("(published")[0]), "no unit and no range"
    assert ORIGIN.search(source_of(cls, one.name)), "no source"


@pytest.mark.parametrize(("name", "key"), PUBLISHED)
def test_a_published_value_is_the_default_or_is_told(name: str, key: str) -> None:
    cls = outline(name)
    default = next(one.default for one in fields(cls) if one.name == key)  # type: ignore[arg-type]
    published = PUBLISHED[name, key]
    if default == published:
        return
    told = docs(cls)[key].partition("published")[2].partition("[")[0]
    word = str(published).lower() if isinstance(published, bool) else f"{published}"
    assert re.search(rf"(?<![\d.]){re.escape(word)}(?![\d.]*\d)", told), docs(cls)[key]


@pytest.mark.parametrize("name", NAMES)
def test_an_algorithm_says_what_it_learns_from_and_where_it_is_from(name: str) -> None:
    cls = outline(name)
    assert cls.data and inspect.getdoc(cls)
    assert cls.paper or name in ("random", "expert")


def test_a_redeclared_setting_is_its_redeclarers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path, monkeypatch)
    gspo, cispo = outline("gspo"), outline("cispo")
    assert source_of(gspo, "clip_low") == "arXiv:2507.18071"
    assert source_of(gspo, "kl") == source_of(cispo, "kl") == "arXiv:2402.03300"
    text = shown(["algo=gspo"])
    assert "from groups of episodes of a task; arXiv:2507.18071" in text
    assert "above 0  [arXiv:2507.18071]" in text
    assert "in multiples of its credit  [arXiv:1912.09729]" in text
