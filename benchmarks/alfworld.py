"""How fast ALFWorld is, here and, where it is installed, in TextWorld beside it.

    python benchmarks/alfworld.py DATA [seconds=2] [steps=1000000] [games=4]

DATA is what `env.data=` takes. One core; rates are of CPU time. `steps` are played to see whether memory
grows; `games` are played in both engines (`pip install agentrl[alfworld-ref]`), the same commands in one
process.
"""

import importlib.util
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from agentrl_envs.alfworld import AlfWorld
from agentrl_envs.alfworld.engine import Engine, Play
from agentrl_envs.alfworld.room import compiled
from agentrl_envs.alfworld.sources import Archives, Entry, Tree, opened
from benchmarks.alfworld_reference import original

EPISODE = 50
VIEWS = ("text", "gigpo", "notes")
Made = TypeVar("Made")


def rate(what: Callable[[], int], seconds: float) -> float:
    """Return how often a second of CPU time something is done; a call returns how often it did it."""
    begun, count = time.process_time(), 0
    while (spent := time.process_time() - begun) < seconds:
        count += what()
    return count / spent


def walk(play: Play, dice: random.Random, steps: int = EPISODE) -> int:
    """Play random commands from the start, with list and goal looked at each turn; return how many."""
    play.begin()
    for _ in range(steps):
        play.do(dice.choice(play.admissible()))
        _ = play.won
    return steps


def episode(env: AlfWorld, dice: random.Random) -> int:
    """Play a random episode of one game through the environment; return its number of steps."""
    _, info = env.reset(seed=0)
    for count in range(1, EPISODE + 1):
        _, _, terminated, truncated, info = env.step(dice.choice(info["admissible"]))
        if terminated or truncated:
            return count
    return EPISODE


def resident() -> float:
    """Return the memory this process holds, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def microseconds(what: Callable[[], object], count: int = 20_000) -> float:
    """Return the mean time of a call."""
    begun = time.process_time()
    for _ in range(count):
        what()
    return (time.process_time() - begun) / count * 1e6


def snapshots(data: str, play: Play) -> None:
    """Print how long it takes to keep and to take back a moment, and how large it is."""
    dice = random.Random(1)
    walk(play, dice, 20)
    kept = play.state
    keep, load = microseconds(lambda: play.state), microseconds(lambda: play.load(kept))
    print(f"engine         keep {keep:.2f} us, load {load:.2f} us")
    for view in VIEWS:
        moment(view, AlfWorld("test", data=data, view=view), dice)


def moment(view: str, env: AlfWorld, dice: random.Random) -> None:
    """Print the same of an environment."""
    episode(env, dice)
    own, whole = env.save(), env.snapshot()
    save, load = microseconds(env.save), microseconds(lambda: env.load(own))
    out, back = microseconds(env.snapshot, 2000), microseconds(lambda: env.restore(whole), 2000)
    print(
        f"TextEnv, {view:6}save {save:.1f} us, load {load:.1f} us; snapshot {out:.0f} us, restore"
        f" {back:.0f} us, {len(whole):,} bytes"
    )


def memory(plays: Sequence[Play], steps: int) -> None:
    """Print how memory changes over many steps."""
    dice = random.Random(2)
    for play in plays:
        walk(play, dice, 500)
    before, done = resident(), 0
    while done < steps:
        done += walk(plays[(done // EPISODE) % len(plays)], dice)
    print(f"memory over {done:,} steps: {before:.1f} MB -> {resident():.1f} MB")


class Clock:
    """CPU seconds by name."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(("load", "reset", "steps"), 0.0)

    def timed(self, name: str, what: Callable[[], Made]) -> Made:
        """Return what a call returns, its time added to a name."""
        begun = time.process_time()
        made = what()
        self.seconds[name] += time.process_time() - begun
        return made


def side_by_side(source: Tree | Archives, entries: Sequence[Entry]) -> None:
    """Print what the same episodes take in both engines."""
    ours, whole, theirs, count = Clock(), Clock(), Clock(), 0
    with tempfile.TemporaryDirectory() as folder:
        for number, entry in enumerate(entries):
            file = Path(folder) / str(number) / "game.tw-pddl"
            file.parent.mkdir()
            file.write_text(json.dumps(source.texts(entry)))
            count += all_three(file, random.Random(number), ours, whole, theirs)
    for name, other in theirs.seconds.items():
        each = count if name == "steps" else len(entries)
        print(f"{name:6} TextWorld {other / each * 1000:9.2f} ms", end="")
        for what, clock in (("engine", ours), ("TextEnv", whole)):
            mine = clock.seconds[name]
            print(f"; {what} {mine / each * 1000:8.4f} ms, {other / mine:,.0f} times", end="")
        print()


def all_three(file: Path, dice: random.Random, ours: Clock, whole: Clock, theirs: Clock) -> int:
    """Play one random episode in our engine, our environment and TextWorld; return its number of steps."""
    alone = opened(str(file))
    play = ours.timed("load", lambda: Play(Engine(compiled(alone.game(alone.entries("game")[0])))))
    ours.timed("reset", play.begin)
    twin, said = Play(play.engine), list[str]()
    for _ in range(EPISODE):
        said.append(dice.choice(twin.admissible()))
        twin.do(said[-1])
        if twin.won:  # the environment ends here
            break
    ours.timed("steps", lambda: [(play.do(command), play.admissible(), play.won) for command in said])
    world = whole.timed("load", lambda: AlfWorld("test", data=str(file), max_turns=EPISODE + 1))
    whole.timed("load", lambda: world.reset(seed=0))
    whole.timed("reset", lambda: world.reset(seed=0))
    whole.timed("steps", lambda: [world.step(command) for command in said])
    env = theirs.timed("load", lambda: original(file))
    theirs.timed("reset", env.reset)
    theirs.timed("steps", lambda: [env.step(command) for command in said])
    return len(said)


def main() -> None:
    data, given = sys.argv[1], dict(word.split("=", 1) for word in sys.argv[2:])
    seconds, dice = float(given.get("seconds", 2)), random.Random(0)
    source = opened(data)
    entries = source.entries(
        next(split for split in ("valid_seen", *source.splits) if split in source.splits)
    )
    chosen = random.Random(0).sample(list(entries), min(40, len(entries)))
    begun = time.process_time()
    games = [source.game(entry) for entry in chosen]
    read = (time.process_time() - begun) / len(games) * 1000
    begun = time.process_time()
    plays = [Play(Engine(compiled(game))) for game in games]
    print(f"read {read:.2f} ms, compile {(time.process_time() - begun) / len(games) * 1000:.2f} ms a game")
    steps = rate(lambda: walk(dice.choice(plays), dice), seconds)
    print(f"engine           {steps:10,.0f} steps/s, list of commands and goal included")
    for view in ("text", "gigpo", "notes"):
        env = AlfWorld("test", data=data, view=view, max_turns=EPISODE)
        episode(env, dice)
        print(f"TextEnv, {view:8}{rate(partial(episode, env, dice), seconds):10,.0f} steps/s")
    snapshots(data, plays[0])
    memory(plays, int(given.get("steps", 1_000_000)))
    if importlib.util.find_spec("textworld") and importlib.util.find_spec("alfworld"):
        side_by_side(source, chosen[: int(given.get("games", 4))])
    else:
        print("TextWorld is not installed: nothing to compare with (pip install agentrl[alfworld-ref])")


if __name__ == "__main__":
    main()
