"""Time of sandboxed programs, and what hostile ones leave behind.

`python benchmarks/sandbox.py`: a warm run, a run that waits for its sandbox to start, and a bare interpreter
without any sandbox, in turn, so that they meet the same load; then programs a second, judged cases a second.
`python benchmarks/sandbox.py --hostile 2000`: that many submissions that cheat, hang, flood, fork and crash,
through the judge, and what of them is there afterwards.
"""

import argparse
import os
import random
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from agentrl.sandbox import Backend, Limits, choose, close_all, run
from agentrl.sandbox.local import interpreter
from agentrl.sandbox.pool import READY
from agentrl.sandbox.session import run_in
from agentrl_verifiers.code_tests import Terms, judged

PROGRAM = "print(1)"
LIMITS = Limits(wall=30.0)
PAUSE = 0.05
"""seconds between single runs: a pool is refilled in them"""
CHECK = "def check(candidate):\n" + "\n".join(f"    assert candidate({n}) == {n * n}" for n in range(10))
PAIRS = [{"stdin": f"{n}\n", "stdout": f"{n * n}\n"} for n in range(10)]
HOSTILE = {
    "loops for ever": (20, "def f(x):\n    while True: pass"),
    "leaves daemons": (
        150,
        "import os, time\nfor _ in range(3):\n    if os.fork() == 0:\n        os.setsid()\n"
        "        time.sleep(999)\ndef f(x): return x",
    ),
    "fork bomb": (
        60,
        "import os, time\ndef f(x):\n    while True:\n        if os.fork() == 0: time.sleep(999)",
    ),
    "memory bomb": (100, "def f(x):\n    held = []\n    while True: held.append(bytearray(10**8))"),
    "fills the disk": (
        100,
        "def f(x):\n    for n in range(10**6):\n        open(f'f{n}', 'wb').write(bytes(10**6))",
    ),
    "floods the output": (150, "def f(x):\n    while True: print('x' * 10**5)"),
    "answers with a gigabyte": (100, "def f(x): return 'a' * 10**8"),
    "crashes natively": (150, "import ctypes\ndef f(x): ctypes.string_at(0)"),
    "leaves early with status 0": (250, "import os\ndef f(x): os._exit(0)"),
    "is equal to everything": (
        250,
        "class A:\n    __eq__ = lambda s, o: True\ndef f(x): return A()",
    ),
    "forges replies": (
        150,
        "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'\\0\\0\\0\\2{}')\n"
        "    except OSError: pass\ndef f(x): return x",
    ),
    "kills whoever it can": (
        100,
        "import os\nfor pid in (-1, 1, os.getppid()):\n    try: os.kill(pid, 9)\n    except OSError: pass\n"
        "def f(x): return x",
    ),
    "is wrong": (320, "def f(x): return x"),
    "is right": (100, "def f(x): return x * x"),
}
"""shares of the mix, of 2,000"""


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def bare() -> None:
    """Run the program without a sandbox."""
    subprocess.run([interpreter(""), "-I", "-c", PROGRAM], stdout=subprocess.DEVNULL, check=True)


def singles(backend: Backend, count: int) -> None:
    """Print what one run takes."""
    run(PROGRAM, limits=LIMITS, backend=backend)
    ways: dict[str, Callable[[], object]] = {
        "warm run": lambda: run(PROGRAM, limits=LIMITS, backend=backend),
        "cold run": lambda: run_in(backend.start(LIMITS), PROGRAM, limits=LIMITS),
        "bare interpreter": bare,
    }
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(count):
        for way, work in ways.items():
            time.sleep(PAUSE if backend.name != "docker" else 20 * PAUSE)
            taken[way].append(1e3 * seconds_of(work))
    base = statistics.median(taken["bare interpreter"])
    for way, times in taken.items():
        middle = statistics.median(times)
        low, high = (statistics.quantiles(times, n=10)[at] for at in (0, -1))
        print(
            f"{backend.name:10}  {way:17} median {middle:6.1f} ms ({low:.1f} to {high:.1f}),"
            f" {middle / base:.2f} times the bare one"
        )


def rates(backend: Backend, count: int) -> None:
    """Print how many programs and judged cases a second there are, at 1, 2 and 4 at once."""
    for at_once in (1, 2, 4):
        with ThreadPoolExecutor(at_once) as threads:
            boxed = seconds_of(
                lambda: list(
                    threads.map(lambda _: run(PROGRAM, limits=LIMITS, backend=backend), range(count))
                )
            )
            plain = seconds_of(lambda: list(threads.map(lambda _: bare(), range(count))))
        print(
            f"{backend.name:10}  {at_once} at once: {count / boxed:6.1f} programs/s,"
            f" {boxed / plain:.2f} times the time of bare interpreters"
        )
    few = max(4, count // 20)
    for kind, program, test in (
        ("function", "def f(x): return x * x", CHECK),
        ("stdin", "print(int(input()) ** 2)", PAIRS),
    ):
        spent = seconds_of(partial(judge_all, [(program, test)] * few, backend))
        print(f"{backend.name:10}  2 at once: {10 * few / spent:6.1f} judged {kind} cases/s, 10 a submission")


def judge_all(submissions: Sequence[tuple[str, Any]], backend: Backend) -> None:
    """Judge programs, two at once."""
    terms = Terms(LIMITS, total=60.0, backend=backend)
    with ThreadPoolExecutor(2) as threads:
        for marks in threads.map(lambda s: judged(s[0], s[1], "f", terms), submissions):
            assert marks.fate == "pass", marks


def mix(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yield hostile submissions, named, in random order, in the shares of HOSTILE."""
    total = sum(share for share, _ in HOSTILE.values())
    names = [name for name, (share, _) in HOSTILE.items() for _ in range(round(count * share / total))]
    random.Random(seed).shuffle(names)
    for name in names:
        yield name, HOSTILE[name][1]


def present() -> dict[str, float]:
    """Return what a sandbox might leave: processes, files, groups, open files, memory."""
    names = [
        p.name for p in Path("/proc").glob("[0-9]*") if _command(p).startswith(("bwrap", "/usr/bin/python3"))
    ]
    status = Path("/proc/self/status").read_text()
    memory = Path("/proc/meminfo").read_text()
    return {
        "sandbox processes": len(names),
        "files for a while": sum(1 for folder in ("/tmp", "/dev/shm") for _ in os.scandir(folder)),
        "control groups": sum(1 for _ in Path("/sys/fs/cgroup").glob(f"**/agentrl-{os.getpid()}-*")),
        "open files here": len(os.listdir("/proc/self/fd")),
        "MiB held here": int(status.split("VmRSS:")[1].split()[0]) / 1024,
        "MiB free, machine": int(memory.split("MemAvailable:")[1].split()[0]) / 1024,
        "MiB of shared memory": int(memory.split("Shmem:")[1].split()[0]) / 1024,
    }


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(errors="replace")
    except OSError:
        return ""


def hostile(backend: Backend, count: int, seed: int) -> None:
    """Judge hostile submissions and print their fates and what is left of them."""
    limits = Limits(wall=1.0, memory=256 << 20, processes=16, disk=8 << 20)
    terms = Terms(limits, total=2.0, partial=False, backend=backend)
    run(PROGRAM, limits=limits, backend=backend)
    close_all()
    time.sleep(1.0)
    before = present()
    fates: Counter[tuple[str, str]] = Counter()
    begun = time.perf_counter()
    with ThreadPoolExecutor(2) as threads:
        told = threads.map(lambda case: (case[0], judged(case[1], CHECK, "f", terms)), mix(count, seed))
        for name, marks in told:
            fates[name, marks.fate] += 1
    spent = time.perf_counter() - begun
    close_all()
    time.sleep(2.0)
    after = present()
    for (name, fate), number in sorted(fates.items()):
        print(f"{number:5} {name:28} {fate}")
    passed = sum(n for (name, fate), n in fates.items() if fate == "pass" and name != "is right")
    print(f"{sum(fates.values())} submissions in {spent:.0f} s; {passed} passed that should not have")
    for name, value in after.items():
        print(f"{name:22} {before[name]:10.1f} before {value:10.1f} after")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", default="auto", help="auto, bubblewrap, docker or weak")
    parser.add_argument("--count", type=int, default=200, help="programs for each rate; a quarter one by one")
    parser.add_argument(
        "--hostile", type=int, default=0, metavar="N", help="judge N hostile submissions instead"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the order of the hostile ones")
    given = parser.parse_args()
    backend = choose(given.backend)
    print(f"{backend.name}, {os.cpu_count()} cores, {READY} sandboxes ready, load {os.getloadavg()[0]:.1f}")
    if given.hostile:
        hostile(backend, given.hostile, given.seed)
        return
    singles(backend, max(8, given.count // 4))
    rates(backend, given.count)


if __name__ == "__main__":
    main()
