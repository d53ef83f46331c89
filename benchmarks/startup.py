"""Seconds until a command answers: `agentrl --help`, `agentrl list`, and an interpreter that does nothing.

`python benchmarks/startup.py [--times 21]`: the three in turn, each in a process of its own, so that they
meet the same load; medians side by side. The first round warms the file cache and does not count.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "agentrl --help": ["-m", "agentrl", "--help"],
    "agentrl list": ["-m", "agentrl", "list"],
}


def seconds(words: list[str]) -> float:
    """Return how long an interpreter takes with these words."""
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    begun = time.perf_counter()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True, env=surroundings)
    return time.perf_counter() - begun


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--times", type=int, default=21)
    times = asked.parse_args().times
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(times + 1):
        for name, words in COMMANDS.items():
            taken = seconds(words)
            if number:
                found[name].append(taken)
    floor = statistics.median(found["python -c pass"])
    print(f"{times} times each, in turn; median seconds")
    for name, every in found.items():
        middle = statistics.median(every)
        print(f"{name:<16} {middle:6.3f}   above an empty interpreter {middle - floor:6.3f}")


if __name__ == "__main__":
    main()
