"""An environment on stage: played, and what is seen written down, once it is known to be well-formed."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentrl.check.hostile import noise
from agentrl.check.rules import Broken, Watch
from agentrl.env import Player, PlayerKind, Split, TextEnv
from agentrl.errors import ConfigError
from agentrl.types import Panel, Task

TASKS = 6
"""tasks of the training split that rules try"""
LEADERS: tuple[PlayerKind, ...] = ("demonstrator", "expert")
"""players that show the way in random episodes, the more varied one first"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an agent and its trainer see at one moment."""

    observation: str
    reward: float
    over: tuple[bool, bool]
    key: str
    admissible: tuple[str, ...] | None
    score: float


class Stage:
    """One environment under check, and the plays that rules compare."""

    def __init__(self, name: str, cls: type[TextEnv], options: Mapping[str, Any], watch: Watch) -> None:
        self.name, self.cls, self.options, self.watch = name, cls, options, watch
        self._tasks: list[Task] = []

    def make(self, split: Split = "train") -> TextEnv:
        """Return a fresh environment."""
        with self.watch.over("making the environment"):
            return self.cls(split, **self.options)

    def panel(self, split: Split) -> Panel:
        """Return the panel of a split, from a fresh environment."""
        env = self.make()
        with self.watch.over(f"tasks({split!r})"):
            return env.tasks(split)

    def tasks(self) -> list[Task]:
        """Return some training tasks, from all over the panel."""
        if not self._tasks:
            panel = self.panel("train").tasks
            self._tasks = list(panel[:: max(1, len(panel) // TASKS)][:TASKS])
        return self._tasks

    def begin(self, env: TextEnv, task: Task) -> Seen:
        """Return the start of an episode."""
        with self.watch.over(f"reset of task {task.id}"):
            observation, info = env.reset(options={"task": task})
        return self._seen(observation, 0.0, (False, False), info)

    def restore(self, env: TextEnv, snapshot: bytes) -> None:
        """Take an environment back to a snapshot."""
        with self.watch.over("restore"):
            env.restore(snapshot)

    def step(self, env: TextEnv, action: Any) -> Seen:
        """Return what an action leads to."""
        with self.watch.over(f"step({str(action)[:40]!r})"):
            observation, reward, terminated, truncated, info = env.step(action)
        return self._seen(observation, reward, (terminated, truncated), info)

    def _seen(self, observation: Any, reward: Any, over: tuple[bool, bool], info: Mapping[str, Any]) -> Seen:
        """Return what is seen, once it is well-formed."""
        score = info.get("score", 0.0)
        admissible = info["admissible"]
        for what, value, kind in (
            ("observation", observation, str), ("reward", reward, float), ("score", score, float | int),
            ("state key", info["state_key"], str), ("admissible", admissible, list | tuple | None),
        ):  # fmt: skip
            if not isinstance(value, kind):
                raise Broken(f"{what} is {value!r}, a {type(value).__name__}")
        if reward != reward or abs(reward) == float("inf") or not 0 <= score <= 1:
            raise Broken(f"reward {reward:g}, score {score:g}: rewards are finite, scores from 0 to 1")
        if info.get("success") and not over[0]:
            raise Broken("success without the end of the episode")
        return Seen(
            observation,
            reward,
            over,
            info["state_key"],
            None if admissible is None else tuple(admissible),
            score,
        )

    def play(self, env: TextEnv, task: Task, actions: Sequence[str]) -> list[Seen]:
        """Return what is seen when actions are played from the start, to the end of either."""
        return [self.begin(env, task), *self.go_on(env, actions)]

    def go_on(self, env: TextEnv, actions: Sequence[str]) -> list[Seen]:
        """Return what is seen when actions are played from here, to the end of either."""
        seen: list[Seen] = []
        for action in actions:
            seen.append(self.step(env, action))
            if any(seen[-1].over):
                break
        return seen

    def wander(self, env: TextEnv, task: Task, seed: int) -> list[str]:
        """Return the actions of a random episode: a player's first ones, then mostly admissible ones.

        A player leads the way for some turns, where there is one: past a page that takes the right words,
        nobody gets by chance. Where nothing is admissible, an earlier action or words that were read follow.
        """
        dice = random.Random(f"{task.id}/{seed}")
        now, actions = self.begin(env, task), list[str]()
        player = _leader(env, seed)
        led = dice.randrange(env.max_turns) if player else 0
        while not any(now.over):
            if player and len(actions) < led:
                actions.append(self._played(player, now))
            elif now.admissible and dice.random() < 0.9:
                actions.append(dice.choice(now.admissible))
            else:
                actions.append(dice.choice([*now.observation.split()[:50], *actions, noise(dice)]))
            now = self.step(env, actions[-1])
        return actions

    def _played(self, player: Player, now: Seen) -> str:
        """Return a player's action."""
        with self.watch.over("a player's action"):
            return player(now.observation)

    def finish(self, env: TextEnv, now: Seen, player: Player) -> Seen:
        """Return the end of an episode that a player plays on from `now`."""
        while not any(now.over):
            now = self.step(env, self._played(player, now))
        return now


def _leader(env: TextEnv, seed: int) -> Player | None:
    """Return a player of the episode that has begun: the demonstrator or the expert, if there is one."""
    for kind in LEADERS:
        try:
            return env.player(kind, seed)
        except ConfigError:  # how an environment says that it has no such player
            continue
    return None


def same(one: Sequence[Seen], two: Sequence[Seen], where: str) -> None:
    """Raise Broken where two plays differ, saying in what."""
    if len(one) != len(two):
        raise Broken(f"{where}: {len(one)} turns, then {len(two)}")
    for number, (first, second) in enumerate(zip(one, two, strict=True)):
        for field in Seen.__slots__:
            a, b = getattr(first, field), getattr(second, field)
            if a != b:
                raise Broken(f"{where}: {field} {number} is {str(a)[:60]!r}, then {str(b)[:60]!r}")
