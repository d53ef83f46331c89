"""Actors, engines, worlds and drivers are killed at random moments: runs end, and their accounts add up."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.test_async import SIZES, SLOW, actors, below, check_accounts, gone, lines, started

ITERATIONS = 12


def worlds(pid: int) -> list[int]:
    """Return the processes of environments in a run's actors."""
    return [one for actor in actors(pid) for one, words in below(actor) if "agentrl.mother" in words]


def struck(kind: str, pid: int, harm: Path, dice: random.Random) -> None:
    """Do harm to a run that is under way."""
    if kind == "engine":
        harm.touch()
        return
    aims = {"driver": [pid], "actor": actors(pid), "world": worlds(pid)}[kind]
    for aim in dice.sample(aims, min(1, len(aims))):
        try:
            os.kill(aim, signal.SIGKILL)
        except ProcessLookupError:
            continue


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_whoever_dies_no_group_is_lost_and_none_trained_on_twice(seed: int, tmp_path: Path) -> None:
    dice, folder, harm = random.Random(f"chaos/{seed}"), tmp_path / "run", tmp_path / "harm"
    staleness, workers = 1 + seed % 3, 2 * (seed % 2)
    kinds = ["actor", "driver", "world" if workers else "engine"]
    process = started(
        "run", *SIZES, SLOW, "env.seconds=0.05", f"env.harm={harm}", f"run.staleness={staleness}",
        f"cluster.actors={1 + seed // 2 % 2}", f"rollout.workers={workers}", "rollout.deadline=20",
        f"iterations={ITERATIONS}", f"out={folder}",
    )  # fmt: skip
    known: set[int] = set()
    blows = [*kinds, dice.choice(kinds)]
    dice.shuffle(blows)
    for kind, moment in zip(blows, sorted(dice.sample(range(ITERATIONS), len(blows))), strict=True):
        while process.poll() is None and len(lines(folder)) < moment:
            time.sleep(0.02)
        time.sleep(dice.random())
        if process.poll() is not None:
            break
        known |= {process.pid, *(one for one, _ in below(process.pid))}
        struck(kind, process.pid, harm, dice)
        if kind == "driver":
            process.communicate()
            assert gone(known), "a process outlived its driver"
            process = started("resume", str(folder))
    known |= {process.pid, *(one for one, _ in below(process.pid))}
    output, _ = process.communicate()
    assert process.returncode == 0, output
    check_accounts(folder, ITERATIONS, staleness)
    assert gone(known), "a process outlived its run"
