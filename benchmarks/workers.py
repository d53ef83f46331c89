"""What workers cost and bring: environment steps a second in process and in workers, side by side.

    python benchmarks/workers.py [seconds=2] [rounds=3] [to=benchmarks/results/workers.md]

32 environments are stepped tick by tick, as the logical schedule does, with a random admissible action each.
Rounds alternate between the ways, so that a busy machine is busy for all of them; the median round counts.
"""

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from agentrl import Reply, TextEnv
from agentrl.config import parse
from agentrl.rollout.workers import Environments
from agentrl.types import Task

PLAYING = 32
WAYS = (0, 1, 2)
"""numbers of workers"""


class _Paced(TextEnv):
    """Say go until it is over."""

    max_turns = 50
    milliseconds = 0.0

    def begin(self, task: Task) -> str:
        return "Go on."

    def admissible(self) -> list[str]:
        return ["go"]

    def act(self, action: str) -> Reply:
        self.spend(self.milliseconds / 1000)
        return Reply("Go on.")

    def spend(self, seconds: float) -> None:
        """Let time pass."""
        raise NotImplementedError


class Busy(_Paced):
    """Compute for 3 ms a step."""

    milliseconds = 3.0

    def spend(self, seconds: float) -> None:
        """Use that much of a processor."""
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            pass


class Waiting(_Paced):
    """Wait for 10 ms a step, as for a machine elsewhere."""

    milliseconds = 10.0

    def spend(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)


class Play:
    """Environments in play under one way."""

    def __init__(self, env: str, workers: int) -> None:
        words = [f"env={env}", "algo=gigpo", f"rollout.workers={workers}"]
        self.worlds = Environments(parse(words))
        self.pool = ThreadPoolExecutor(workers) if workers else None
        self.dice = random.Random(0)
        self.envs = [self.worlds("train") for _ in range(PLAYING)]
        begun = time.perf_counter()
        self.infos = [env.reset(seed=number)[1] for number, env in enumerate(self.envs)]
        self.started = time.perf_counter() - begun

    def stepped(self, number: int) -> None:
        """Step one environment, or begin anew where it is over."""
        actions = self.infos[number]["admissible"]
        if not actions:
            self.infos[number] = self.envs[number].reset(seed=number)[1]
            return
        self.infos[number] = self.envs[number].step(actions[self.dice.randrange(len(actions))])[4]

    def steps_per_second(self, seconds: float) -> float:
        """Return what a round brings."""
        spread = self.pool.map if self.pool else map
        begun, ticks = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            list(spread(self.stepped, range(PLAYING)))
            ticks += 1
        return ticks * PLAYING / (time.perf_counter() - begun)

    def mib(self) -> float:
        """Return the MiB that a worker does not share with others; 0 without workers."""
        shares = [private(worker.child.pid) for worker in self.worlds._workers]
        return median(shares) if shares else 0.0

    def close(self) -> None:
        """End what was started."""
        self.worlds.close()
        if self.pool:
            self.pool.shutdown()


def private(pid: int | None) -> float:
    """Return the MiB of a process that no other one shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1024


def row(env: str, seconds: float, rounds: int) -> str:
    """Return the table's row of an environment."""
    plays = [Play(env, workers) for workers in WAYS]
    rates = [[play.steps_per_second(seconds) for play in plays] for _ in range(rounds)]
    here, *there = (median(rates[r][w] for r in range(rounds)) for w in range(len(WAYS)))
    # Below the noise of a step that takes milliseconds.
    cost = f"{1e6 * (1 / there[0] - 1 / here):.0f}" if here > 1000 else "-"
    born, kept = 1000 * plays[2].started / PLAYING, plays[2].mib()
    for play in plays:
        play.close()
    ratios = " | ".join(f"{rate:,.0f} ({rate / here:.2f} ×)" for rate in there)
    name = env.rpartition(":")[2]
    return f"| {name} | {here:,.0f} | {ratios} | {cost} | {born:.0f} | {kept:.1f} |"


def main(words: list[str]) -> int:
    """Measure, print and write the table."""
    given = dict(word.split("=", 1) for word in words)
    seconds, rounds = float(given.get("seconds", 2)), int(given.get("rounds", 3))
    target = Path(given.get("to", Path(__file__).parent / "results" / "workers.md"))
    text = "\n".join(
        [
            "# Environments in workers",
            "",
            f"`python benchmarks/workers.py seconds={seconds:g} rounds={rounds}`: steps a second of {PLAYING}"
            " environments, in process and with 1 and 2 workers; what a call costs more in a worker; what the"
            " first reset takes for each, the start of the first process included; memory that a process"
            " shares with no other.",
            "",
            "| | in process | 1 worker | 2 workers | µs a call | ms a start | MiB each |",
            "|---|---|---|---|---|---|---|",
            *(
                row(env, seconds, rounds)
                for env in ("guess", "webshop", f"{__file__}:Busy", f"{__file__}:Waiting")
            ),
            "",
        ]
    )
    target.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
