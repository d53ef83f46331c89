"""Collecting data, and training on it in place of playing."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

import agentrl
from agentrl import collecting
from agentrl.collecting import collect_command, sorted_out
from agentrl.config import from_values
from agentrl.datafile import read_episodes, read_header, read_pairs
from agentrl.errors import AgentRLError, ConfigError
from agentrl.exporting import best_and_worst, export_command, import_command
from agentrl.picked import kept
from agentrl.train import train
from agentrl.trajectories import read_trajectories, write_trajectories
from agentrl.types import Trajectory
from tests.agentrl.examples import episode

SMALL = {
    **{"env": "guess", "model.hidden": 16, "model.layers": 1, "model.heads": 2, "eval.decodings": "1.0"},
    **{"rollout.tasks": 3, "iterations": 1, "eval.test": 2, "eval.dev": 2, "eval.every": 0},
    **{"rollout.mode": "transcript", "rollout.style": "plain", "rollout.max_tokens": 24},
    **{"rollout.max_context": 512, "learner.lr": 1e-3},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that learnt a little."""
    out = tmp_path_factory.mktemp("run") / "sft"
    warm = {"warm.demonstrations": 3, "warm.tasks": 60, "run.trajectories": 1, "run.out": str(out)}
    return train(from_values({**SMALL, **warm, "algo": "gigpo", "algo.group_size": 2}))


@pytest.fixture(scope="module")
def pairs(run: Path) -> Path:
    """Pairs of actions that this run's policy tried."""
    return collect_command(words(run, run.parent / "pairs.jsonl.gz", "how=trees", "tasks=8", "points=3"))


def words(run: Path, out: Path, *more: str) -> list[str]:
    return ["env=guess", f"model={run}", f"out={out}", *more]


def on(run: Path, out: Path, **more: object) -> Path:
    """Return the folder of a run that goes on from the policy of another, without a warm start."""
    start = {"model.path": str(run / "model"), "warm.demonstrations": 0, "run.out": str(out)}
    return train(from_values({**SMALL, **start, **more}))


def steps(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["phase"] == "rl"]


def timeless(episodes: list[Trajectory]) -> list[Trajectory]:
    return [replace(e, turns=tuple(replace(turn, seconds=0.0) for turn in e.turns)) for e in episodes]


def test_a_file_holds_each_task_s_episodes_and_says_how_they_were_played(run: Path, tmp_path: Path) -> None:
    path = agentrl.collect(tmp_path / "a.jsonl.gz", env="guess", model=str(run), tasks=4, per_task=3)
    episodes = read_episodes(path)
    assert [(e.task.id, e.sample) for e in episodes] == [
        (f"guess-train-{t}", s) for t in range(4) for s in range(3)
    ]
    header = read_header(path)
    assert header is not None and (header.kind, header.env) == ("episodes", "guess")
    assert header.made["per_task"] == 3 and header.made["play"]["mode"] == "transcript"
    assert collect_command(words(run, path, "tasks=4", "per_task=3")) == path  # it is there
    with pytest.raises(ConfigError, match="by another command"):
        collect_command(words(run, path, "tasks=4", "per_task=2"))


def test_a_stopped_collection_goes_on_to_the_same_file(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("tasks=6", "per_task=2", "rollout.parallel=4")
    whole = collect_command(words(run, tmp_path / "whole.jsonl.gz", *asked))
    out, written = tmp_path / "cut.jsonl.gz", collecting.write_lines
    count = iter(range(100))

    def interrupted(path: Path, lines: object) -> int:
        if next(count) == 2:
            raise KeyboardInterrupt
        return written(path, lines)  # type: ignore[arg-type]

    monkeypatch.setattr(collecting, "write_lines", interrupted)
    with pytest.raises(KeyboardInterrupt):
        collect_command(words(run, out, *asked))
    assert not out.exists()
    monkeypatch.setattr(collecting, "write_lines", written)
    with pytest.raises(ConfigError, match="by another command"):
        collect_command(words(run, out, "tasks=5", "per_task=2"))
    collect_command(words(run, out, *asked))
    assert timeless(read_episodes(out)) == timeless(read_episodes(whole))
    assert not (tmp_path / "cut.jsonl.gz.parts").exists()


@pytest.mark.parametrize("source", ["demonstrator", "expert"])
def test_scripted_players_collect_without_a_model(source: str, tmp_path: Path) -> None:
    path = collect_command(["env=guess", f"source={source}", "tasks=3", f"out={tmp_path / 'x.jsonl.gz'}"])
    assert len(read_episodes(path)) == 3


def test_pairs_are_of_one_state_and_the_better_one_first(pairs: Path) -> None:
    found = list(read_pairs(pairs))
    assert found
    for pair in found:
        before = [[t.action for t in side.turns[: pair.turn]] for side in (pair.chosen, pair.rejected)]
        assert before[0] == before[1] and pair.margin > 0
        assert pair.chosen.turns[pair.turn].action_ids != pair.rejected.turns[pair.turn].action_ids


def test_rectified_pairs_part_where_an_episode_that_failed_could_still_be_won(
    run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "r.jsonl.gz"
    found = list(read_pairs(collect_command(words(run, out, "how=rectify", "tasks=12", "width=6"))))
    assert found
    assert all(pair.chosen.success and not pair.rejected.success for pair in found)


def test_what_is_kept_of_a_group() -> None:
    made = [episode("g", i, turns=2, seed=i, window=True) for i in range(4)]
    group = [
        replace(e, ret=ret, success=ret > 0.5) for e, ret in zip(made, (0.2, 0.9, 0.9, 0.0), strict=True)
    ]
    assert kept(group, "episodes") == group and kept(group, "episodes", "success") == group[1:3]
    assert kept(group, "best_of_n") == [group[1]]
    again = replace(group[1], sample=7)
    assert kept([*group, again], "rejection") == group[1:3]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["env=guess"], r"say where: out=FILE\.jsonl\.gz"),
        (["out=a.jsonl.gz", "how=trees", "source=expert"], "does one thing"),
        (["out=a.jsonl.gz", "how=rectify", "only=success"], "what went well and what did not"),
        (["out=a.jsonl.gz", "per_task=0"], "at least 1"),
        (["out=a.jsonl.gz", "how=tree"], "did you mean 'trees'"),
    ],
)
def test_words_without_a_sense_are_refused(asked: list[str], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        sorted_out(asked)
    with pytest.raises(ConfigError, match="collect needs a policy"):
        collect_command(["env=guess", "out=a.jsonl.gz"])


def test_offline_algorithms_train_on_a_file_and_play_nothing(run: Path, tmp_path: Path) -> None:
    data = collect_command(words(run, tmp_path / "a.jsonl.gz", "tasks=6", "per_task=2"))
    for algo, more in (("oreo", {"algo.batch": 6}), ("sft", {"algo.batch": 6, "algo.only": "all"})):
        (line,) = steps(on(run, tmp_path / algo, algo=algo, **{"run.store": str(data)}, **more))
        assert line["environment_steps"] == 0 and line["episodes"] == 6 and line["grad_norm"] > 0


@pytest.mark.parametrize("algo", ["dpo", "step_dpo"])
def test_algorithms_on_pairs_train_on_a_file(algo: str, run: Path, pairs: Path, tmp_path: Path) -> None:
    (line,) = steps(on(run, tmp_path / "run", algo=algo, **{"run.store": str(pairs)}))
    assert line["environment_steps"] == 0 and line["pairs"] > 0 and line["grad_norm"] > 0


def test_a_run_learns_the_clearest_pairs_of_a_file_first(run: Path, pairs: Path, tmp_path: Path) -> None:
    count = len(list(read_pairs(pairs)))
    more = {"run.store": str(pairs), "algo.stages": 2, "iterations": 2, "rollout.tasks": 64}
    lines = steps(on(run, tmp_path / "run", algo="dpo", **more))
    assert [line["pairs"] for line in lines] == [count // 2, count - count // 2]


@pytest.mark.parametrize("form", ["trl", "trl_plain", "step_dpo"])
def test_pairs_that_were_written_as_text_are_learnt_from_alike(
    form: str, run: Path, pairs: Path, tmp_path: Path
) -> None:
    text, count = export_command([str(pairs), f"format={form}", f"out={tmp_path / 'text.jsonl'}"])
    assert count == len(list(read_pairs(pairs)))
    own = on(run, tmp_path / "own", algo="dpo", **{"run.store": str(pairs), "rollout.tasks": 64})
    other = on(run, tmp_path / "other", algo="dpo", **{"run.store": str(text), "rollout.tasks": 64})
    back, _ = import_command([str(text), f"model={run}", f"out={tmp_path / 'back.jsonl.gz'}"])
    third = on(run, tmp_path / "third", algo="dpo", **{"run.store": str(back), "rollout.tasks": 64})
    lines = [steps(folder)[0] for folder in (own, other, third)]
    # Ids of a text may be others than those that were sampled: never more than nearly alike.
    assert lines[1]["pairs"] == lines[2]["pairs"] and lines[1]["grad_norm"] == lines[2]["grad_norm"]
    assert lines[0]["pairs"] == lines[1]["pairs"]


def test_a_run_s_episodes_are_messages_or_the_best_against_the_worst(run: Path, tmp_path: Path) -> None:
    out, count = export_command([str(run), "format=messages", f"out={tmp_path / 'm.jsonl'}"])
    first = json.loads(out.read_text().splitlines()[0])
    assert 0 < count <= 6 and first["messages"][-1]["role"] == "assistant"
    made = [episode("g", i, turns=2, seed=i, window=False) for i in range(3)]
    (pair,) = best_and_worst([replace(e, ret=float(i)) for i, e in enumerate(made)])
    assert (pair.chosen.sample, pair.rejected.sample, pair.turn, pair.whole) == (2, 0, 0, True)
    assert best_and_worst([replace(e, ret=1.0) for e in made]) == []


def test_data_that_a_run_cannot_learn_from_is_refused_in_words(
    run: Path, pairs: Path, tmp_path: Path
) -> None:
    def refused(why: str, kind: type[AgentRLError] = ConfigError, **more: object) -> None:
        with pytest.raises(kind, match=why):
            on(run, tmp_path / "no", **more)

    refused("holds pairs, and algo=oreo", algo="oreo", **{"run.store": str(pairs)})
    refused("divides the pairs of a file", algo="dpo", **{"algo.stages": 3})
    refused("leaves some without any", algo="dpo", **{"run.store": str(pairs), "algo.stages": 3})
    refused("there is no such file", algo="dpo", **{"run.store": str(tmp_path / "none.jsonl")})
    refused("collected in env 'guess'", algo="dpo", env="math", **{"run.store": str(pairs)})
    data = tmp_path / "e.jsonl.gz"
    collect_command(words(run, data, "tasks=2"))
    refused("plays its own", algo="dpo", **{"run.store": str(data)})
    refused("plays anew", algo="oreo", iterations=2, **{"run.store": str(data), "algo.rounds": 2})
    with gzip.open(data) as file:
        held = file.read().replace(b'"tokenizer":"', b'"tokenizer":"0')
    with gzip.open(tmp_path / "other.jsonl.gz", "wb") as file:
        file.write(held)
    refused(
        "tokens of another tokenizer",
        algo="oreo",
        **{"run.store": str(tmp_path / "other.jsonl.gz")},
    )
    bare = [replace(e, turns=tuple(replace(t, text="?") for t in e.turns)) for e in read_trajectories(data)]
    write_trajectories(tmp_path / "bare.jsonl.gz", bare)
    refused(
        "tokens of another tokenizer",
        algo="oreo",
        **{"run.store": str(tmp_path / "bare.jsonl.gz")},
    )
