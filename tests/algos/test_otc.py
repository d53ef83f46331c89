"""Rewards shaped by tool calls, on tables: what is scaled, against what, and what is remembered."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from agentrl.algo import AlgoState
from agentrl.batch import TokenTable, token_table
from agentrl.config import from_values
from agentrl.errors import ConfigError
from agentrl.train import resume, train
from agentrl_algos.clipped import Clipped
from agentrl_algos.gigpo import GiGPO
from agentrl_algos.grpo import GRPO
from agentrl_algos.otc import OTCGRPO, OTCPPO, ToolRL
from tests.agentrl.examples import episode, episodes

TALK = Path(__file__).resolve().parents[1] / "agentrl/plugins/talk.py"


def table(
    calls: Sequence[float], success: Sequence[bool], group: Sequence[str], **measures: float
) -> TokenTable:
    """Return two-turn episodes that earn 1 and 3 where they succeed, with these calls."""
    made = []
    for number, (count, right, name) in enumerate(zip(calls, success, group, strict=True)):
        plain = episode(name, number, turns=2, seed=number, window=True)
        turns = tuple(
            replace(turn, rewards={"task": pay * right}, admissible=True)
            for turn, pay in zip(plain.turns, (1.0, 3.0), strict=True)
        )
        made.append(replace(plain, turns=turns, success=right, metrics={"calls": count, **measures}))
    return token_table(made)


def shaped(algo: Clipped, seen: TokenTable, state: AlgoState | None = None) -> list[float]:
    return [round(x, 4) for x in algo.observe(seen, state or {})[0].trajectories.ret.tolist()]


BATCH = table([2, 3, 1, 5], [True, True, False, True], "aaab")


def test_an_episode_is_paid_by_its_distance_from_the_fewest_of_its_group() -> None:
    assert shaped(OTCGRPO(tools="group"), BATCH) == [4.0, 3.8042, 0.0, 4.0]


def test_the_fewest_of_earlier_iterations_count_and_only_successes_lower_them() -> None:
    algo = OTCGRPO()
    _, state = algo.observe(BATCH, algo.start())
    assert state == {"least": {"a": 2.0, "b": 5.0}}
    assert shaped(algo, table([3], [True], "b"), state) == [4.0], "fewer than ever: lowered first, then paid"
    assert shaped(algo, table([4], [True], "a"), state) == [3.4641]
    _, state = algo.observe(table([1, 0], [True, False], "ba"), state)
    assert state == {"least": {"a": 2.0, "b": 1.0}}


def test_without_a_fewest_count_every_call_lowers_the_reward() -> None:
    assert shaped(OTCPPO(), BATCH) == [2.8284, 2.3511, 0.0, 1.7355]
    assert shaped(OTCPPO(tools_c=1), BATCH)[0] == pytest.approx(4 * 0.3090, abs=1e-3)


def test_the_limit_is_the_environments_where_it_says_so() -> None:
    seen = table([2], [True], "a", calls_limit=8.0)
    assert shaped(OTCPPO(), seen) == shaped(OTCPPO(tools_c=8), seen) != shaped(OTCPPO(tools_c=4), seen)


def test_calls_can_be_counted_by_what_they_cost() -> None:
    seen = table([1, 2], [True, True], "aa", cost=6.0)
    assert shaped(OTCGRPO(tools_by="cost"), seen) == [4.0, 4.0]


def test_alpha_scales_what_is_shaped_and_nothing_else() -> None:
    assert shaped(OTCGRPO(tools="group", tools_alpha=0.5), BATCH) == [2.0, 1.9021, 0.0, 2.0]


@pytest.mark.parametrize("algo", [OTCGRPO(), OTCPPO(), GiGPO(tools="group"), ToolRL(tools="memory")])
def test_turns_parts_and_returns_are_scaled_alike(algo: Clipped) -> None:
    seen, _ = algo.observe(BATCH, {})
    turns, found = seen.turns, seen.trajectories
    total = torch.zeros(len(found), dtype=torch.float64).index_add(0, turns.trajectory, turns.reward)
    torch.testing.assert_close(total, found.ret)
    torch.testing.assert_close(found.parts["task"], found.ret)
    assert seen.columns is BATCH.columns


def test_nothing_is_touched_where_it_is_not_asked_for() -> None:
    seen, state = GRPO().observe(BATCH, {"kl": 0.5})
    assert seen is BATCH and state == {"kl": 0.5}


def test_without_any_call_it_is_plain_grpo() -> None:
    plain = token_table(episodes(16, seed=3))
    seen, _ = OTCGRPO().observe(plain, {})
    torch.testing.assert_close(OTCGRPO().credit(seen).value, GRPO().credit(plain).value)


def test_a_correct_episode_with_many_calls_is_punished_unless_told_otherwise() -> None:
    batch = table([1, 1, 2, 0], [True, True, True, False], "aaaa")
    for clip, sign in ((False, -1), (True, 0)):
        algo = OTCGRPO(tools="group", scale="none", clip_correct_advantage=clip)
        credit = algo.credit(algo.observe(table([1, 1, 2], [True] * 3, "aaa"), {})[0]).value
        assert credit[-1].sign() == sign and bool((credit[:4] > 0).all())
        wrong = algo.credit(algo.observe(batch, {})[0]).value
        assert bool((wrong[-2:] < 0).all())


def test_ppo_is_told_shaped_rewards() -> None:
    values = torch.zeros(len(BATCH), dtype=torch.float64)
    seen, _ = OTCPPO().observe(BATCH.with_columns(values_old=values), {})
    credit = OTCPPO().credit(seen)
    assert credit.returns is not None
    torch.testing.assert_close(credit.returns[0], seen.trajectories.ret[0])


def test_what_is_remembered_is_json() -> None:
    _, state = OTCGRPO().observe(BATCH, {})
    assert json.loads(json.dumps(state, allow_nan=False)) == state


@pytest.mark.parametrize(
    ("algo", "why"),
    [
        (OTCGRPO(tools_alpha=0.0), "tools_alpha=0"),
        (OTCPPO(tools_c=-1.0), "tools_c=-1: must be at least 0"),
    ],
)
def test_numbers_that_scale_nothing_are_refused(algo: Clipped, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        algo.check()


def test_a_run_that_goes_on_remembers_what_it_would_have(tmp_path: Path) -> None:
    """Two iterations twice are four: same metrics, same memory, and there is something to remember."""
    words = {
        **{"env": str(TALK), "algo": "otc_grpo", "algo.group_size": 4, "rollout.tasks": 4, "run.keep": 9},
        **{"model.hidden": 16, "model.layers": 1, "model.heads": 2, "run.iterations": 4, "run.checkpoint": 1},
        **{"eval.every": 0, "eval.test": 1, "eval.dev": 1, "eval.decodings": "1.0", "run.trajectories": 0},
        **{"warm.demonstrations": 0, "learner.lr": 0.01, "rollout.max_tokens": 6},
    }
    whole = train(from_values(words, {"run.out": str(tmp_path / "whole")}))
    part = tmp_path / "part"
    shutil.copytree(whole, part)
    for gone in ("rl-000003", "rl-000004"):
        shutil.rmtree(part / "checkpoints" / gone)
    (part / "summary.json").unlink()
    resume(part)
    assert (part / "metrics.jsonl").read_text() == (whole / "metrics.jsonl").read_text()
    last, half = (
        torch.load(path / "checkpoints" / name / "state.pt", weights_only=False)["algo_state"]["least"]
        for path, name in ((whole, "rl-000004"), (part, "rl-000002"))
    )
    again = torch.load(part / "checkpoints/rl-000004/state.pt", weights_only=False)["algo_state"]
    assert again == {"least": last}
    kept = {task for task in half if half[task] == last[task]}
    assert len(half) == len(last) == 4 and kept, "the memory of the first two iterations matters"
