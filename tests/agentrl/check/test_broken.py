# ruff: noqa: E501 - messages are kept whole
"""Each broken thing is caught by the rule that names its fault; what is built in keeps every rule."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from agentrl.check.env import env_rules
from agentrl.check.rules import Finding, Watch, findings
from agentrl.check.verifier import verifier_rules
from tests.agentrl.installed import ROOT, install_ourselves

BROKEN = Path(__file__).parent / "broken"
FAULTS = {
    "reset_draws_anew": ("all members of a group start alike", "begun again after an episode: observation 0"),
    "group_starts_differ": ("all members of a group start alike", "is 'Step 0 of 3.', then 'Step 1 of 3.'"),
    "reward_is_shown": ("observations give away neither answer nor reward", "reads 'reward: 0' before its end"),
    "answer_is_in_the_prompt": (
        "observations give away neither answer nor reward", "shows its answer, 'apple', before the first action"
    ),
    "answer_is_in_the_observation": (
        "observations give away neither answer nor reward", "shows its answer, '10', before the first action, and so"
    ),
    "one_key_for_two_states": (
        "the same actions pay and end alike from all states of one key",
        "key room stands for states in which",
    ),
    "snapshot_forgets": (
        "a snapshot goes on alike, here and in another process", "restored in another environment: observation"
    ),
    "state_cannot_be_pickled": ("it can be pickled in the middle of an episode", "cannot pickle '_thread.lock'"),
    "step_hangs": ("junk solves nothing and scores below 1", "step('') did not come back within"),
    "reset_hangs": ("all members of a group start alike", "reset of task reset_hangs-train-0 did not come back within"),
    "odd_text_raises": (
        "whatever the action, there is a well-formed answer", "ValueError: invalid literal for int()"
    ),
    "player_is_missing": (
        "the reference players that it declares are there", "it declares the player 'always', but: env 'player_is_missing' has no always"
    ),
    "gold_scores_less": ("the expert solves every task, with score 1", "ended with score 0.5"),
    "junk_is_paid": ("junk solves nothing and scores below 1", "is solved by saying ''"),
    "echo_is_paid": ("junk solves nothing and scores below 1", "is solved by saying again what was read"),
    "verifier_pays_empty_answers": ("junk gets less than the best score", "an empty answer got 1 in every task"),
    "verifier_pays_the_question": (
        "junk gets less than the best score", "'Is Paris or Rome the capital of France?', which only says the task again, got 1"
    ),
    "verifier_raises_on_odd_text": (
        "whatever the answer, there is a verdict within the range", "UnicodeEncodeError"
    ),
    "verifier_is_moody": ("the same answer gets the same verdict", "'yes' got 1, then 0"),
    "verifier_hangs": ("whatever the answer, there is a verdict within the range", "did not come back within"),
    "verifier_fails_gold": ("answers that must pass get the best score", "'yes' got 1, not 2"),
}  # fmt: skip
"""file of `broken/`: the rule that fails, and words in which it says what is wrong"""
CHEAP = {"code": {"env.view": "holes", "env.problems": "60"}}
"""options of the environment whose own would take minutes"""
SLOW = {"tools", "code", "webshop", "alfworld", "search_qa", "math"}
"""what is built in and takes about ten seconds or more"""
LATE = 0.5


def checked(
    sort: str,
    name: str,
    sentence: str = "",
    *,
    deadline: float = 20.0,
    options: Mapping[str, str] | None = None,
) -> Iterator[Finding]:
    """Yield what becomes of the rules, or of the one with this sentence."""
    watch = Watch()
    rules = env_rules(name, options or {}, watch) if sort == "env" else verifier_rules(name, watch)
    yield from findings([rule for rule in rules if sentence in ("", rule.sentence)], watch, deadline)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught_and_named(fault: str) -> None:
    sentence, words = FAULTS[fault]
    sort = "verifier" if fault.startswith("verifier_") else "env"
    found = list(
        checked(sort, str(BROKEN / f"{fault}.py"), sentence, deadline=LATE if "hangs" in fault else 20.0)
    )
    assert [(one.sentence, one.status) for one in found] == [(sentence, "FAILED")]
    assert words in found[0].why


def test_every_broken_thing_is_tried() -> None:
    assert {path.stem for path in BROKEN.glob("*.py")} == FAULTS.keys()


@pytest.mark.parametrize("name", ["Steps", "Asks"])
def test_what_they_are_made_of_keeps_every_rule(name: str) -> None:
    found = list(checked("env", f"{Path(__file__).parent / 'whole.py'}:{name}"))
    assert not [str(one) for one in found if one.status == "FAILED"]
    assert len(found) == 16


def built_in(sort: str) -> list[object]:
    """Return what the package brings of a sort, each with its options; what takes long is marked slow."""
    offered = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][
        f"agentrl.{sort}s"
    ]
    return [
        pytest.param(
            sort, name, CHEAP.get(name, {}), id=f"{sort}-{name}", marks=[pytest.mark.slow] * (name in SLOW)
        )
        for name in offered
        if name != "mcp"  # has no task without a server
    ]


def prompts(file: Path) -> Path:
    """Return a file of questions with their answers."""
    rows = [{"prompt": f"{a} + {b} =", "answer": str(a + b)} for a in range(9) for b in range(9)]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file


@pytest.mark.parametrize(("sort", "name", "options"), [*built_in("env"), *built_in("verifier")])
def test_what_is_built_in_keeps_every_rule(
    sort: str, name: str, options: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_ourselves(tmp_path, monkeypatch)
    if name == "prompts":
        options = {"env.data": str(prompts(tmp_path / "sums.jsonl"))}
    found = list(checked(sort, name, options=options, deadline=60.0))
    assert found and not [str(one) for one in found if one.status == "FAILED"]
