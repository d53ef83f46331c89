"""Measuring a policy that decides at test time."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agentrl.config import from_values
from agentrl.deciding import attempts, choice, decided, majority
from agentrl.errors import ConfigError
from agentrl.evaluate import evaluate_run
from agentrl.records import Measurement, from_json, to_json
from agentrl.rollout.collect import Collector, SamplerActor
from agentrl.settings import EvalSettings
from agentrl.train import train
from agentrl.types import Panel, Sampling, Trajectory
from agentrl_envs.guess import Guess
from agentrl_envs.math import Math
from tests.agentrl.examples import episode
from tests.agentrl.rollout.examples import Doors, tasks
from tests.agentrl.rollout.test_collect import chat_of
from tests.agentrl.rollout.test_lookahead import Coin

PANEL = Panel("doors/test", tuple(tasks(6)))


def measured(values: object = None, **how: object) -> Measurement:
    chat = chat_of("transcript")
    collector = Collector(Doors, SamplerActor(Coin(chat), Sampling(max_tokens=8)), chat, 0)
    return decided(EvalSettings(**how), PANEL, collector, values, Doors())  # type: ignore[arg-type]


def test_an_oracle_solves_what_any_episode_solved_and_says_so() -> None:
    found = measured(decode="best_of_n", candidates=8, choose="oracle")
    assert found.decoding == "best of 8 by oracle"
    assert found.rate == found.shares["pass@8"].mean > found.shares["pass@1"].mean
    assert list(found.shares) == ["pass@1", "pass@2", "pass@4", "pass@8"]
    assert found.spent["episodes"] == 48 and found.spent["turns"] > sum(found.turns)
    assert all(share.low <= share.mean <= share.high for share in found.shares.values())
    again = from_json(to_json(found), Measurement, "it")
    assert (again.spent, again.shares) == (found.spent, found.shares)


def test_one_episode_each_is_the_policy_itself() -> None:
    found = measured(decode="best_of_n", candidates=1, choose="oracle")
    assert found.rate == found.shares["pass@1"].mean and found.spent["turns"] == sum(found.turns)


def test_episodes_are_chosen_by_the_value_of_their_last_state() -> None:
    longest = measured(lambda contexts: [float(len(c)) for c in contexts], decode="best_of_n", candidates=8)
    shortest = measured(lambda contexts: [-float(len(c)) for c in contexts], decode="best_of_n", candidates=8)
    assert longest.mean_turns > shortest.mean_turns


@pytest.mark.parametrize(
    ("how", "name"),
    [
        ({"decode": "best_of_k", "candidates": 3}, "best_of_k 3"),
        ({"decode": "best_of_k", "candidates": 3, "look": "action"}, "best_of_k 3 action"),
        ({"decode": "value_beam", "candidates": 2}, "value_beam 2"),
    ],
)
def test_what_a_search_plays_is_counted(how: dict[str, object], name: str) -> None:
    found = measured(lambda contexts: [0.0 for _ in contexts], **how)
    assert found.decoding == name and found.spent["tokens"] > 0
    assert found.spent["turns"] >= sum(found.turns)
    assert ("restored states" in found.spent) == ("look" not in how)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"decode": "value_beam", "look": "action"}, "a beam is of states"),
        ({"decode": "best_of_n", "choose": "majority"}, "end with no answer to agree on"),
        ({"decode": "best_of_n", "choose": "oracel"}, "did you mean 'oracle'"),
        ({"decode": "best_of_n", "choose": "exact"}, "judges by answer of a task's data"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(how: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        measured(lambda contexts: [0.0 for _ in contexts], **how)


def answering(*said: str, right: str = "8") -> list[Trajectory]:
    """Return episodes of a problem that end with these solutions."""
    env = Math("test")
    task = replace(env.tasks("test")[0], data={"question": "?", "answer": right})
    made = [episode("g", i, turns=1, seed=i, window=True) for i in range(len(said))]
    return [
        replace(one, task=task, success=right in text, turns=(replace(one.turns[0], action=text),))
        for one, text in zip(made, said, strict=True)
    ]


def test_the_answer_that_is_given_most_often_is_chosen_however_it_is_dressed() -> None:
    env = Math("test")
    group = answering("\\boxed{7}", "so \\boxed{8}", "no idea", "\\boxed{ 8 }", "\\boxed{9}")
    assert choice("majority", None, env, Panel("p", (group[0].task,)))(group) == 1
    assert majority([None, None]) == 0 and majority(["a", "b", "b", "a"]) == 0


def test_a_named_verifier_chooses_what_it_passes() -> None:
    env = Math("test")
    group = answering("\\boxed{7}", "\\boxed{8}", "\\boxed{9}")
    assert choice("math", None, env, Panel("p", (group[0].task,)))(group) == 1


def test_attempts_are_estimated_a_task_at_a_time() -> None:
    def group(*solved: bool) -> Sequence[Trajectory]:
        return [replace(episode("g", 0, turns=1, seed=0, window=True), success=one) for one in solved]

    assert attempts([group(True, False), group(False, False)], 1) == [0.5, 0.0]
    assert attempts([group(True, False), group(False, False)], 2) == [1.0, 0.0]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three iterations with a critic, and what it left."""
    out = tmp_path_factory.mktemp("run") / "ppo"
    small = {
        **{"env": "guess", "algo": "ppo", "model.hidden": 16, "model.layers": 1, "model.heads": 2},
        **{"warm.demonstrations": 1, "warm.tasks": 20, "rollout.tasks": 3, "iterations": 2},
        **{"eval.test": 3, "eval.dev": 2, "eval.every": 0, "eval.decodings": "1.0", "run.out": str(out)},
    }
    return train(from_values(small))


@pytest.mark.parametrize("decode", ["best_of_k", "value_beam", "best_of_n"])
def test_a_finished_run_decides_by_what_it_learnt(
    decode: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (found,) = evaluate_run([f"model={run}", f"decode={decode}", "candidates=2"])
    assert len(found.success) == 3 and found.spent["turns"] >= sum(found.turns)
    assert "in all: " in capsys.readouterr().out
    assert Guess.max_turns >= max(found.turns)


def test_a_player_and_a_training_run_decide_nothing(run: Path) -> None:
    with pytest.raises(ConfigError, match="a scripted player draws no replies"):
        evaluate_run(["env=guess", "algo=random", "decode=value_beam"])
    with pytest.raises(ConfigError, match="for a policy that is trained"):
        train(from_values({"env": "guess", "algo": "gigpo", "eval.decode": "best_of_n"}))
