"""The JSON contracts of a run."""

import dataclasses
import json

import pytest

from agentrl.errors import DataError
from agentrl.records import (
    CurvePoint,
    Evaluation,
    FinalScores,
    Measurement,
    PanelRecord,
    SampleEpisode,
    SampleTurn,
    Scores,
    Summary,
    final_scores,
    from_json,
    measured,
    sample_episode,
    scores,
    to_json,
)
from agentrl.types import Panel, Task, Trajectory, Turn, floats32, ids32

PANEL = PanelRecord("guess/test", "0123456789ab", 4)


def measurement(decoding: str, *success: bool, calls: float = 0.0) -> Measurement:
    count = len(success)
    return Measurement(
        panel=PanelRecord("guess/test", "0123456789ab", count),
        split="test",
        decoding=decoding,
        tasks=tuple(f"t{i}" for i in range(count)),
        success=success,
        score=tuple(float(s) for s in success),
        turns=(3,) * count,
        invalid=0.25,
        tool_calls=calls,
        seconds=1.0,
    )


def summary() -> Summary:
    return Summary(
        "guess",
        "gigpo",
        0,
        PANEL,
        Scores(0.1, 0.2, 0.3),
        FinalScores(0.4, None, 0.6, 1.0),
        7,
        {"total": 2.0},
        {},
    )


def turn(action: str, *, reward: float, admissible: bool = True, text: str | None = None) -> Turn:
    return Turn(
        observation="higher or lower?",
        prompt_ids=ids32([1]),
        action_ids=ids32([2]),
        logprobs=floats32([-1.0]),
        text=action if text is None else text,
        action=action,
        rewards={"task": reward, "format": 0.5},
        state_key="s",
        admissible=admissible,
        calls=({"name": "search"},),
    )


def episode(name: str, *turns: Turn, success: bool) -> Trajectory:
    outcome = "success" if success else "environment_error"
    return Trajectory(
        Task(name, "test", 0),
        name,
        0,
        turns,
        outcome,
        success=success,
        score=float(success),  # type: ignore[arg-type]
    )


def test_the_summary_has_exactly_the_documented_keys() -> None:
    raw = json.loads(to_json(summary()))
    assert set(raw) == {
        "env", "algo", "seed", "panel", "warm_start", "final", "environment_steps", "seconds", "versions",
    }  # fmt: skip
    assert set(raw["panel"]) == {"name", "hash", "tasks"}
    assert set(raw["warm_start"]) == {"greedy", "sampled", "best"}
    assert set(raw["final"]) == {"greedy", "sampled", "best", "tool_calls"}


def test_the_summary_reads_back_equal() -> None:
    assert from_json(to_json(summary()), Summary, "summary.json") == summary()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sed": 1}, r"summary.json has an unknown key 'sed'; did you mean 'seed'\?"),
        (
            {"panel": {"name": "a", "hash": "b", "tasks": 1, "size": 2}},
            r"summary.json.panel has an unknown key 'size'",
        ),
        ({"panel": {"name": "a"}}, "missing required field `hash`"),
        ({"seed": "0"}, r"Expected `int`, got `str` - at `\$.seed`"),
        ({"environment_steps": None}, "environment_steps"),
    ],
)
def test_a_summary_that_is_not_as_documented_is_refused(change: dict[str, object], message: str) -> None:
    raw = {**json.loads(to_json(summary())), **change}
    with pytest.raises(DataError, match=message):
        from_json(json.dumps(raw), Summary, "summary.json")


@pytest.mark.parametrize(
    "broken", [{"seed": "zero"}, {"seconds": {"total": float("nan")}}, {"env": object()}]
)
def test_a_summary_with_wrong_values_is_not_written(broken: dict[str, object]) -> None:
    with pytest.raises(DataError, match="Summary cannot be written"):
        to_json(dataclasses.replace(summary(), **broken))  # type: ignore[arg-type]


def test_text_that_is_no_json_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"^summary\.json: "):
        from_json("{", Summary, "summary.json")


def test_an_evaluation_reads_back_equal_and_forgets_what_comes_after_an_iteration() -> None:
    points = tuple(CurvePoint(i, 100 * i, 1.5 * i, {"greedy": 0.1 * i}) for i in range(3))
    whole = Evaluation(
        warm_start=(measurement("greedy", True, False),),
        final=(measurement("greedy", True, True),),
        baselines={"random": measurement("random", False, False)},
        curve=points,
        dev=PANEL,
    )
    assert from_json(to_json(whole), Evaluation, "evaluation.json") == whole
    early = whole.until(1)
    assert early.final == ()
    assert early.warm_start == whole.warm_start
    assert [p.iteration for p in early.curve] == [0, 1]


def test_best_is_the_highest_of_all_decodings_and_brings_its_tool_calls() -> None:
    looks = [
        measurement("greedy", True, False, False, False),
        measurement("1.0", False, False, False, False),
        measurement("best_admissible", True, True, True, False, calls=2.5),
    ]
    assert scores(looks) == Scores(greedy=0.25, sampled=0.0, best=0.75)
    assert final_scores(looks) == FinalScores(greedy=0.25, sampled=0.0, best=0.75, tool_calls=2.5)
    assert scores([]) == Scores(None, None, None)


def test_a_measurement_is_counted_from_its_episodes() -> None:
    panel = Panel("guess/test", (Task("a", "test", 0), Task("b", "test", 0)))
    played = [
        episode("a", turn("1", reward=0.0), turn("2", reward=1.0), success=True),
        episode("b", turn("x", reward=0.0, admissible=False), turn("3", reward=0.0), success=False),
    ]
    got = measured(panel, "greedy", played, 2.0)
    assert (got.rate, got.mean_score, got.mean_turns) == (0.5, 0.5, 2.0)
    assert (got.invalid, got.tool_calls, got.errors) == (0.25, 2.0, 1)
    assert got.panel == PanelRecord("guess/test", panel.hash, 2)
    with pytest.raises(DataError, match="2 episodes do not match, in order, the 2 tasks of guess/test"):
        measured(panel, "greedy", played[::-1], 2.0)


def test_a_sample_keeps_what_people_read() -> None:
    played = episode(
        "a", turn("go", reward=1.0, text="<think>hm</think> go"), turn("go", reward=0.0), success=True
    )
    kept = sample_episode(played, "win", "after", "greedy")
    assert kept.turns == (
        SampleTurn("higher or lower?", "go", 1.5, True, "<think>hm</think> go"),
        SampleTurn("higher or lower?", "go", 0.5, True),
    )
    assert from_json(to_json((kept,)), tuple[SampleEpisode, ...], "samples.json") == (kept,)


def test_success_is_counted_by_sort_of_task_where_tasks_have_one() -> None:
    tasks = tuple(Task(f"t{i}", "test", i, {"kind": kind}) for i, kind in enumerate(("put", "look", "put")))
    episodes = [
        Trajectory(task, task.id, 0, (), "success" if task.id != "t0" else "failure", success=task.id != "t0")
        for task in tasks
    ]
    one = measured(Panel("p", tasks), "greedy", episodes, 1.0)
    assert one.by_kind == {"look": (1, 1), "put": (1, 2)}
    plain = Panel("p", tuple(Task(task.id, "test", 0) for task in tasks))
    assert measured(plain, "greedy", episodes, 1.0).by_kind == {}
