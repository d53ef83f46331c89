"""Training that does not wait: no group lost, none trained on twice, whoever dies."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentrl.config import parse
from agentrl.errors import ConfigError
from agentrl.preflight import check_place, preflight
from agentrl.train import resume, train
from agentrl.trajectories import read_trajectories

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in (".", "envs", "verifiers", "algos")),
}
TASKS, SIZE = 2, 2
SIZES = [
    *("model.hidden=16", "model.layers=1", "model.heads=2", "warm.demonstrations=0", "eval.every=0"),
    *(f"rollout.tasks={TASKS}", "algo=grpo", f"group_size={SIZE}", "eval.test=2", "eval.decodings=greedy"),
    *("run.checkpoint=2", "run.trajectories=1", "run.failures=1", "run.keep=2"),
]
SLOW = "env=tests/agentrl/slow.py:Slow"


def lines(folder: Path) -> list[dict[str, float]]:
    path = folder / "metrics.jsonl"
    text = path.read_text() if path.exists() else ""
    found = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [line for line in found if line["phase"] == "rl"]


def groups(folder: Path, iteration: int) -> dict[int, list[bool]]:
    """Return the tickets whose episodes an iteration's file holds, and which of these can be scored."""
    found: dict[int, list[bool]] = {}
    for episode in read_trajectories(folder / "trajectories" / f"{iteration:06d}.jsonl.gz"):
        found.setdefault(int(episode.group.rpartition("@")[2]), []).append(episode.scorable)
    return found


def check_accounts(folder: Path, iterations: int, staleness: int) -> dict[str, int]:
    """Hold what a run says of its tickets against its files; return the final accounts."""
    made = lines(folder)
    assert [line["iteration"] for line in made] == list(range(1, iterations + 1))
    seen: Counter[int] = Counter()
    whole = failed = 0
    for number, line in enumerate(made, 1):
        batch = groups(folder, number)
        assert len(batch) == TASKS and all(len(members) == SIZE for members in batch.values())
        seen.update(batch.keys())
        whole += sum(all(members) for members in batch.values())
        failed += sum(not all(members) for members in batch.values())
        told = {name.partition("/")[2]: int(v) for name, v in line.items() if name.startswith("accounts/")}
        assert (told["trained"], told.get("given_up/failed", 0)) == (whole, failed)
        told.pop("reissued")
        assert told.pop("issued") == sum(told.values())
        assert told["under_way"] <= (1 + staleness) * TASKS
        assert line["staleness_max"] <= staleness
        assert line["staleness_mean"] <= line["staleness_max"]
    assert max(seen.values()) == 1, "a ticket was trained on twice"
    accounts: dict[str, int] = json.loads((folder / "summary.json").read_text())["accounts"]
    gone = {name: count for name, count in accounts.items() if name not in ("issued", "reissued")}
    assert accounts["issued"] == sum(gone.values())
    others = accounts["issued"] - len(seen)
    assert others == sum(n for how, n in gone.items() if how not in ("trained", "given_up/failed"))
    assert set(seen) <= set(range(accounts["issued"]))
    return accounts


def started(*words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "agentrl", *words], env=ENVIRONMENT, cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def below(pid: int) -> Iterator[tuple[int, str]]:
    """Yield the processes below a process, whoever started them, and what each was called with."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(
                int(path.parent.name)
            )
        except OSError:
            continue
    waiting = list(parents.get(pid, ()))
    while waiting:
        one = waiting.pop()
        waiting += parents.get(one, ())
        try:
            yield one, Path(f"/proc/{one}/cmdline").read_text().replace("\0", " ")
        except OSError:
            continue


def actors(pid: int) -> list[int]:
    return [one for one, words in below(pid) if "agentrl.cluster.local" in words]


def gone(pids: set[int]) -> bool:
    until = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_run_with_two_actors_trains_on_every_ticket_once_within_its_bound(tmp_path: Path) -> None:
    words = [*SIZES, "env=guess", "run.staleness=1", "cluster.actors=2", "iterations=5"]
    folder = train(parse([*words, f"out={tmp_path / 'run'}"]))
    accounts = check_accounts(folder, 5, 1)
    assert accounts["under_way"] == 0
    made = lines(folder)
    for line in made:
        shares = {name: value for name, value in line.items() if name.startswith("stale/")}
        assert sum(shares.values()) == pytest.approx(1.0) and set(shares) <= {"stale/0", "stale/1"}
        tokens = sum(value for name, value in line.items() if name.startswith("stale_tokens/"))
        assert tokens == line["tokens"]
        assert {"rollout_wait", "correction_ess", "groups_given_up", "actors_restarted"} <= line.keys()
    assert any(line["staleness_max"] == 1 for line in made)


def test_a_killed_actor_and_a_killed_driver_cost_no_ticket(tmp_path: Path) -> None:
    folder, harm = tmp_path / "run", tmp_path / "harm"
    words = [*SIZES, SLOW, "env.seconds=0.1", f"env.harm={harm}", "run.staleness=2", "cluster.actors=2"]
    process = started("run", *words, "iterations=12", f"out={folder}")
    known: set[int] = set()

    def until(count: int) -> None:
        while process.poll() is None and len(lines(folder)) < count:
            time.sleep(0.02)
        known.update(pid for pid, _ in below(process.pid))

    until(1)
    os.kill(actors(process.pid)[0], signal.SIGKILL)
    until(4)
    harm.touch()  # an engine that raises
    until(7)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert gone(known), "an actor outlived its driver"
    process = started("resume", str(folder))
    until(9)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    accounts = check_accounts(folder, 12, 2)
    assert accounts["reissued"] > 0 and not harm.exists()
    assert sum(line["actors_restarted"] for line in lines(folder)) >= 1
    assert gone(known)


REFUSED = [
    (["algo=mcts_dpo"], "run.staleness=1 needs an algorithm that plays groups of episodes"),
    (["algo=dapo"], "run.staleness=1 needs algo.replace=0"),
    (["algo=grpo", "run.curriculum=success"], "run.staleness=1 needs run.curriculum=none"),
    (["algo=grpo", "rollout.schedule=logical"], "run.staleness=1 needs rollout.schedule=eager or auto"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED)
def test_what_cannot_play_on_is_refused_in_words(words: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        preflight(parse(["env=guess", "run.staleness=1", *words]))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("cluster.actors=2", r"cluster\.actors=2 play while the driver trains"),
        ("run.overdue=train", r"run\.overdue=train says what becomes of groups that are too old"),
        ("cluster.address=head:6379", r"cluster\.address=head:6379 is Ray's"),
    ],
)
def test_what_would_change_nothing_is_refused(word: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        preflight(parse(["env=guess", "algo=grpo", word]))


def test_a_run_that_waits_does_not_go_on_with_actors(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[env]\nname = "guess"\n[algo]\nname = "grpo"\n')
    with pytest.raises(ConfigError, match=r"cluster\.actors=2 play while the driver trains"):
        resume(tmp_path, ["cluster.actors=2"])


def test_a_run_that_goes_on_elsewhere_needs_no_model_that_it_began_with() -> None:
    settings = parse(["env=guess", "algo=grpo", "model=./gone", "learner.processes=2"])
    with pytest.raises(ConfigError, match="gone"):
        preflight(settings)
    check_place(settings)


def test_staleness_brings_the_correction_unless_the_sampler_is_to_be_trusted() -> None:
    settings = parse(["env=guess", "algo=grpo", "run.staleness=1"])
    assert (settings.rollout.trusts_sampler, settings.rollout.weighted) == (False, "truncate")
    settings = parse(["env=guess", "algo=grpo", "run.staleness=1", "rollout.old=behaviour"])
    assert (settings.rollout.trusts_sampler, settings.rollout.weighted) == (True, "none")
    assert parse(["env=guess", "algo=grpo"]).rollout.trusts_sampler
