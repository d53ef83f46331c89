"""A run whose learner lives in several processes: what it comes to, goes on from, and ends with."""

import json
import os
import signal
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from agentrl.cluster.base import Need, gathered
from agentrl.cluster.local import LocalHost
from agentrl.cluster.roles import Role, roles
from agentrl.config import moved, parse
from agentrl.errors import ConfigError, RaisedError, RunError
from agentrl.learner import checkpoint
from agentrl.learner.ranks import PIECE, Ranks, blame, pieces
from agentrl.preflight import preflight
from agentrl.train import resume, train
from tests.agentrl.cluster.test_hosts import Counter
from tests.e2e.test_resume import command, lines

SIZES = [
    *("env=guess", "model.hidden=32", "model.layers=1", "model.dtype=float64", "warm.demonstrations=1"),
    *("rollout.tasks=3", "eval.test=4", "eval.dev=4", "eval.every=0", "iterations=4", "run.checkpoint=2"),
    *("learner.lr=1e-3", "learner.microbatch_tokens=400", "run.trajectories=2", "group_size=4"),
]
TWO = "learner.processes=2"


class Killed(BaseException):
    """The end of a process that can say nothing more."""


def ran(out: Path, *words: str) -> Path:
    return train(parse([*SIZES, *words, f"out={out}"]))


def stopped(out: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> Path:
    """Begin a run that ends once its checkpoint of the second iteration is written."""
    save = checkpoint.save

    def dying(*given: Any) -> Path:
        path = save(*given)
        if path.name == "rl-000002":
            raise Killed
        return path

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", dying)
        with pytest.raises(Killed):
            ran(out, *words)
    return out


def same(one: Path, two: Path) -> None:
    """Check that two runs came to the same metrics, weights, critics and credit."""
    told = [
        [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()] for run in (one, two)
    ]
    for left, right in zip(*told, strict=True):
        assert list(left) == list(right)
        for name, value in right.items():
            assert left[name] == (pytest.approx(value, abs=1e-9) if isinstance(value, float) else value), name
    for name in ("model/model.safetensors", "critic/critic.safetensors"):
        assert (one / name).exists() == (two / name).exists()
        if (one / name).exists():
            left, right = load_file(one / name), load_file(two / name)
            assert left.keys() == right.keys()
            for key, tensor in right.items():
                torch.testing.assert_close(left[key], tensor, atol=1e-9, rtol=0, msg=key)
    assert [p.name for p in sorted((one / "credit").iterdir())] == [
        p.name for p in sorted((two / "credit").iterdir())
    ]


def gone(pid: int) -> bool:
    until = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    return not Path(f"/proc/{pid}").exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of one process to its end."""
    return ran(tmp_path_factory.mktemp("runs") / "whole", "algo=ppo")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("algo=grpo", "kl=0.05"),
        ("algo=ppo", "learner.critic=head"),
        pytest.param(
            ("algo=grpo", "kl=0.05", "model.lora=4"),
            marks=pytest.mark.skipif(not find_spec("peft"), reason="needs peft"),
        ),
    ],
)
def test_a_run_comes_to_the_same_with_two_processes(words: tuple[str, ...], tmp_path: Path) -> None:
    same(ran(tmp_path / "two", *words, TWO), ran(tmp_path / "one", *words))


@pytest.mark.slow
@pytest.mark.parametrize(("begun", "on"), [(2, 1), (1, 2), (2, 3)])
def test_a_run_goes_on_with_another_number_of_processes(
    begun: int, on: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stopped(tmp_path / "run", monkeypatch, "algo=ppo", f"learner.processes={begun}")
    resume(run, [f"learner.processes={on}"])
    same(run, whole)


@pytest.mark.slow
def test_a_learner_process_that_is_killed_ends_the_run_in_words_and_the_run_goes_on(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn, pids = Ranks.learn, []

    def hit(ranks: Ranks, table: Any, state: Any, iteration: int, *args: Any, **more: Any) -> Any:
        if iteration == 3:
            pids.extend(member.pid for member in ranks.members)
            os.kill(pids[1], signal.SIGKILL)
        return learn(ranks, table, state, iteration, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Ranks, "learn", hit)
        with pytest.raises(RunError, match=r"learner-1: the process .*ended.*agentrl resume"):
            ran(tmp_path / "run", "algo=ppo", TWO)
    assert len(pids) == 2 and all(map(gone, pids))
    assert [p.name for p in (tmp_path / "run" / "checkpoints").glob("rl-*")] == ["rl-000002"]
    same(resume(tmp_path / "run"), whole)


@pytest.mark.slow
def test_a_learner_process_that_hangs_ends_the_run_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn, pids = Ranks.learn, []

    def stop(ranks: Ranks, *args: Any, **more: Any) -> Any:
        pids.extend(member.pid for member in ranks.members)
        os.kill(pids[1], signal.SIGSTOP)
        return learn(ranks, *args, **more)

    monkeypatch.setattr(Ranks, "learn", stop)
    with pytest.raises(RunError, match="no answer to learn from learner-1, which may hang"):
        ran(tmp_path / "run", "algo=grpo", TWO, "cluster.deadline=90")
    assert len(pids) == 2 and all(map(gone, pids))


@pytest.mark.slow
def test_a_driver_that_is_killed_leaves_no_process_and_its_run_goes_on_elsewhere(
    whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = command("run", *SIZES, "algo=ppo", TWO, f"out={run}")
    while process.poll() is None and lines(run) < 3:
        time.sleep(0.01)
    own = Path(f"/proc/{process.pid}/task")
    pids = [int(pid) for task in own.iterdir() for pid in (task / "children").read_text().split()]
    process.kill()
    process.communicate()
    assert len(pids) >= 2 and all(map(gone, pids))
    again = command("resume", str(run), "learner.processes=1")
    output, _ = again.communicate()
    assert again.returncode == 0, output
    same(run, whole)


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (("die",), "one: the process ended"),
        (("rest", 300.0), "zero: ZeroDivisionError: by nought; no answer to fail from one, which may hang"),
    ],
)
def test_the_process_to_blame_is_named(
    end: tuple[Any, ...], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is gone or silent makes another one fail, who is not to blame."""
    monkeypatch.setattr("agentrl.learner.ranks.GRACE", 2.0)
    host = LocalHost()
    zero, one = (host.start(name, partial(Counter, 0)) for name in ("zero", "one"))
    gathered([member.call("pid", deadline=300) for member in (zero, one)])
    calls = [zero.call("fail", "other", deadline=300), one.call(*end, deadline=300)]
    with pytest.raises(RaisedError):
        calls[0].result(timeout=300)
    assert blame(calls).startswith(told)
    for member in (zero, one):
        member.end()


def test_weights_travel_in_pieces_of_bounded_size() -> None:
    sizes = [1, 5, 4, 1, 1]
    parameters = [torch.nn.Parameter(torch.empty(size * PIECE // 4 // 5, device="meta")) for size in sizes]
    found = [(place, len(some)) for place, some in pieces(parameters)]
    assert found == [(0, 1), (1, 1), (2, 2), (4, 1)]


def test_learner_processes_want_room_beside_each_other() -> None:
    words = ["env=guess", "algo=grpo", "model=somewhere", "run.threads=2"]
    assert roles(parse(words), gpu=True) == ()
    assert roles(parse([*words, TWO]), gpu=True) == (Role("learner", 2, Need(2, 1.0), together=True),)


def test_what_several_processes_could_not_do_as_one_is_refused() -> None:
    words = ["env=guess", "algo=grpo", TWO, "model.lora=4", "model.lora_dropout=0.1"]
    with pytest.raises(ConfigError, match="draws what is dropped in one stream"):
        preflight(parse([*words, "warm.demonstrations=1"]))


def test_a_run_goes_on_elsewhere_but_not_as_another_run(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[env]\nname = "guess"\n[algo]\nname = "grpo"\n')
    assert moved(path, [TWO]).learner.processes == 2
    with pytest.raises(ConfigError, match=r"learner.lr=1: a run goes on under its own settings"):
        moved(path, ["learner.lr=1"])
