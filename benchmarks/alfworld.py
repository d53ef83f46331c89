"""How fast ALFWorld is, here and, where it is installed, in TextWorld beside it.

    python benchmarks/alfworld.py DATA [seconds=2] [steps=1000000] [games=12]

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
        self.steps = self.games = 0

    def timed(self, name: str, what: Callable[[], Made]) -> Made:
        """Return what a call returns, its time added to a name."""
        begun = time.process_time()
        made = what()
        self.seconds[name] += time.process_time() - begun
        return made

    def each(self, name: str) -> float:
        """Return milliseconds a game, or a step."""
        if name == "load + reset":
            return self.each("load") + self.each("reset")
        return self.seconds[name] / (self.steps if name == "steps" else self.games) * 1000


Side = Callable[[Clock, Path, list[str]], None]
"""plays a file's game by these commands, and notes how long it took"""


def engine(clock: Clock, file: Path, commands: list[str]) -> None:
    """Play in our engine."""

    def load() -> Play:
        alone = opened(str(file))
        return Play(Engine(compiled(alone.game(alone.entries("game")[0]))))

    play = clock.timed("load", load)
    clock.timed("reset", play.begin)
    clock.timed("steps", lambda: [(play.do(command), play.admissible(), play.won) for command in commands])


def environment(clock: Clock, file: Path, commands: list[str]) -> None:
    """Play through our environment."""

    def load() -> AlfWorld:
        made = AlfWorld("test", data=str(file), max_turns=EPISODE + 1)
        made.reset(seed=0)
        return made

    env = clock.timed("load", load)
    clock.timed("reset", lambda: env.reset(seed=0))
    clock.timed("steps", lambda: [env.step(command) for command in commands])


def textworld(clock: Clock, file: Path, commands: list[str]) -> None:
    """Play in TextWorld."""
    env = clock.timed("load", lambda: original(file))
    clock.timed("reset", env.reset)
    clock.timed("steps", lambda: [env.step(command) for command in commands])


def script(play: Play, dice: random.Random) -> list[str]:
    """Return the commands of a random episode."""
    play.begin()
    said = list[str]()
    while len(said) < EPISODE and not play.won:  # the environment ends where it is won
        said.append(dice.choice(play.admissible()))
        play.do(said[-1])
    return said


def side_by_side(source: Tree | Archives, entries: Sequence[Entry]) -> None:
    """Print what the same episodes take; ours first, lest its garbage collector walk through TextWorld.

    Each side's first game, for which it imports, is not counted.
    """
    sides: dict[str, Side] = {"engine": engine, "TextEnv": environment, "TextWorld": textworld}
    clocks = {name: Clock() for name in sides}
    with tempfile.TemporaryDirectory() as folder:
        games = []
        for number, entry in enumerate(entries):
            file = Path(folder) / str(number) / "game.tw-pddl"
            file.parent.mkdir()
            file.write_text(json.dumps(source.texts(entry)))
            play = Play(Engine(compiled(source.game(entry))))
            games.append((file, script(play, random.Random(number))))
        for name, side in sides.items():
            side(Clock(), *games[0])
            for file, commands in games[1:]:
                side(clocks[name], file, commands)
                clocks[name].games += 1
                clocks[name].steps += len(commands)
    other = clocks.pop("TextWorld")
    for name in (*other.seconds, "load + reset"):
        print(f"{name:12} TextWorld {other.each(name):9.2f} ms", end="")
        for side_name, clock in clocks.items():
            ratio = other.each(name) / clock.each(name)
            print(f"; {side_name} {clock.each(name):8.4f} ms, {ratio:,.0f} times", end="")
        print()


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
        side_by_side(source, chosen[: int(given.get("games", 12)) + 1])
    else:
        print("TextWorld is not installed: nothing to compare with (pip install agentrl[alfworld-ref])")


if __name__ == "__main__":
    main()
