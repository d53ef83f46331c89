"""The same episodes in TextWorld and here, step by step: observation, commands offered, won.

    python benchmarks/alfworld_reference.py DATA [episodes=200] [seed=0] [split=train] [steps=30]

Needs the original's packages: `pip install agentrl[alfworld-ref]`, which compiles a planner (C++, cmake).
Prints every difference, the verbs that were covered, and the seconds each side took.
"""

import json
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agentrl_envs.alfworld.engine import NOTHING, Engine, Play
from agentrl_envs.alfworld.explorer import Explorer
from agentrl_envs.alfworld.room import compiled
from agentrl_envs.alfworld.sources import Archives, Entry, Tree, opened

JUNK = ("", " look ", "Look", "go to nowhere 1", "take  mug 1", "put mug 1 in/on desk 1", "xyzzy", "help me")
POLICIES = ("verbs", "uniform", "explorer", "walkthrough")


def original(file: Path) -> Any:
    """Return the original's environment on a game file, wrapped as the alfworld package wraps it."""
    # A script's own folder comes first, and the one beside this file is called like the package.
    sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]
    # Importing sets ALFWORLD_DATA, loading a game overwrites the program's arguments.
    arguments, variables = sys.argv, dict(os.environ)
    try:
        import textworld
        from alfworld.agents.environment.alfred_tw_env import AlfredDemangler, AlfredInfos

        asked = textworld.EnvInfos(won=True, admissible_commands=True)
        return textworld.start(str(file), asked, wrappers=[AlfredDemangler, AlfredInfos])
    finally:
        sys.argv = arguments
        os.environ.clear()
        os.environ.update(variables)


def commands(policy: str, play: Play, dice: random.Random, steps: int) -> Iterator[str]:
    """Yield the commands of an episode; the state of `play` is read before each."""
    walk = list(play.engine.room.game.walkthrough)
    explorer = Explorer(play.engine.room.game.goal, dice.random(), dice.randrange(10**6))
    lead = dice.randrange(len(walk) + 1) if policy in ("verbs", "uniform") else len(walk)
    text = play.begin()
    for number in range(steps):
        offered = play.admissible()
        if policy == "explorer":
            command = explorer.next(text, offered)
        elif number < lead:
            command = walk[number]
        elif dice.random() < 0.1:
            command = dice.choice((*JUNK, dice.choice(offered).upper(), f" {dice.choice(offered)}  "))
        elif policy == "uniform":
            command = dice.choice(offered)
        else:
            verb = dice.choice(sorted({offer.split()[0] for offer in offered}))
            command = dice.choice([offer for offer in offered if offer.split()[0] == verb])
        yield command
        text = play.do(command) or NOTHING


class Comparison:
    """What came out so far."""

    def __init__(self) -> None:
        self.steps = self.differences = 0
        self.verbs: Counter[str] = Counter()
        self.seconds: dict[str, float] = defaultdict(float)

    def episode(self, source: Tree | Archives, entry: Entry, policy: str, seed: int, steps: int) -> None:
        """Play one episode on both sides and compare."""
        dice = random.Random(f"{entry.id}/{policy}/{seed}")
        game = source.game(entry)
        begun = time.process_time()
        play, twin = (Play(Engine(compiled(game))) for _ in range(2))
        ours = [(play.begin(), play.admissible(), play.won)]
        said = []
        for command in commands(policy, twin, dice, steps):
            said.append(command)
            ours.append((play.do(command) or NOTHING, play.admissible(), play.won))
        self.seconds["ours, everything"] += time.process_time() - begun
        theirs = self._theirs(source, entry, said)
        for number, (one, two) in enumerate(zip(ours, theirs, strict=True)):
            self.steps += 1
            if number:
                self.verbs[said[number - 1].strip().split(" ")[0] if two[0] != NOTHING else "(nothing)"] += 1
            if one != two:
                self.differences += 1
                print(f"DIFFERENT {entry.id} {policy} step {number} after {said[:number][-3:]}", flush=True)
                print(f"  ours   {one[0]!r} won {one[2]}\n  theirs {two[0]!r} won {two[2]}")
                print(f"  only one offers {set(one[1]) ^ set(two[1])}", flush=True)

    def _theirs(
        self, source: Tree | Archives, entry: Entry, said: Sequence[str]
    ) -> list[tuple[str, list[str], bool]]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "game.tw-pddl"
            file.write_text(json.dumps(source.texts(entry)))
            begun = time.process_time()
            env = original(file)
            state = env.reset()
            self.seconds["TextWorld, load and reset"] += time.process_time() - begun
            seen = [_state(state)]
            begun = time.process_time()
            for command in said:
                state, _, _ = env.step(command)
                seen.append(_state(state))
            self.seconds["TextWorld, steps"] += time.process_time() - begun
            env.close()
        return seen


def _state(state: Any) -> tuple[str, list[str], bool]:
    return state["feedback"], sorted(set(state["admissible_commands"])), bool(state["won"])


def main() -> int:
    """Compare, print what came out; return 1 where anything differs."""
    data, given = sys.argv[1], dict(word.split("=", 1) for word in sys.argv[2:])
    episodes, seed, steps = (int(given.get(k, d)) for k, d in (("episodes", 200), ("seed", 0), ("steps", 30)))
    source, dice = opened(data), random.Random(seed)
    entries = list(source.entries(given.get("split", "train")))
    chosen = dice.sample(entries, min(episodes, len(entries)))
    found = Comparison()
    for number, entry in enumerate(chosen):
        found.episode(source, entry, POLICIES[number % len(POLICIES)], seed, steps)
        if number % 10 == 9 or number + 1 == len(chosen):
            print(f"{number + 1} episodes, {found.steps} states, {found.differences} differences", flush=True)
    print("commands:", ", ".join(f"{verb} {count}" for verb, count in found.verbs.most_common()))
    for what, seconds in found.seconds.items():
        print(f"{what}: {seconds:.2f} CPU s")
    theirs, ours = found.seconds["TextWorld, steps"], found.seconds["ours, everything"]
    print(
        f"steps alone: {theirs / ours:,.0f} times the time that all of ours took (games read twice included)"
    )
    return int(found.differences > 0)


if __name__ == "__main__":
    sys.exit(main())
