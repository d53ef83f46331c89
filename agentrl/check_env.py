"""The rules of every environment."""

import contextlib
import io
import json
import pickle
import random
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentrl.check import Broken, LeftOut, Rule, Watch
from agentrl.config import env_options
from agentrl.env import SPLITS, TextEnv
from agentrl.errors import ConfigError
from agentrl.hostile import hostile, noise
from agentrl.other_process import elsewhere
from agentrl.registry import absolute, find
from agentrl.types import Task

TASKS = 6
"""tasks of the training split that rules try"""
ACTIONS = 400
"""hostile actions tried"""
ANSWERS = ("answer", "answers", "gold", "label", "secret", "solution")
"""fields of a task's data that must not be read off the first observation"""
PAYMENT = re.compile(r"\b(?:reward|score)\b\W{0,3}-?\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Seen:
    """What an agent and its trainer see at one moment."""

    observation: str
    reward: float
    over: tuple[bool, bool]
    key: str
    admissible: tuple[str, ...] | None
    score: float


def env_rules(name: str, given: Mapping[str, str], watch: Watch) -> Sequence[Rule]:
    """Return the rules of an environment with these options, ready to be checked."""
    cls: type[TextEnv] = find("envs", name)
    kit = EnvKit(absolute("envs", name), cls, env_options(cls, given), watch)
    return (
        Rule("panels hold tasks with names of their own, and no two splits share one", kit.panels),
        Rule("panels are the same every time and in every process", kit.panel_hashes),
        Rule("all members of a group start alike", kit.equal_starts),
        Rule("task and actions alone decide an episode", kit.deterministic),
        Rule("the expert solves every task, with score 1", kit.expert),
        Rule("junk solves nothing and scores below 1", kit.junk),
        Rule("whatever the action, there is a well-formed answer", kit.hostile),
        Rule("episodes end at max_turns at the latest", kit.turn_limit),
        Rule("a snapshot goes on alike, here and in another process", kit.snapshot),
        Rule("it can be pickled in the middle of an episode", kit.picklable),
        Rule("states with one key offer the same actions, now and one step on", kit.state_keys),
        Rule("observations give away neither answer nor reward", kit.leaks),
        Rule("Gymnasium's own check passes", kit.gymnasium),
    )


class EnvKit:
    """One environment under check."""

    def __init__(self, name: str, cls: type[TextEnv], options: Mapping[str, Any], watch: Watch) -> None:
        self.name, self.cls, self.options, self.watch = name, cls, options, watch
        self._tasks: list[Task] = []

    # Playing.

    def make(self, split: Any = "train") -> TextEnv:
        with self.watch.over("making the environment"):
            return self.cls(split, **self.options)

    def tasks(self) -> list[Task]:
        """Return some training tasks, from all over the panel."""
        if not self._tasks:
            env = self.make()
            with self.watch.over("tasks('train')"):
                panel = list(env.tasks("train"))
            self._tasks = panel[:: max(1, len(panel) // TASKS)][:TASKS]
        return self._tasks

    def begin(self, env: TextEnv, task: Task) -> Seen:
        with self.watch.over(f"reset of task {task.id}"):
            observation, info = env.reset(options={"task": task})
        return self._seen(observation, 0.0, (False, False), info)

    def step(self, env: TextEnv, action: Any) -> Seen:
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
        """Return the actions of a random episode: mostly admissible, else words that were read."""
        dice = random.Random(f"{task.id}/{seed}")
        now, actions = self.begin(env, task), list[str]()
        while not any(now.over):
            if now.admissible and dice.random() < 0.9:
                actions.append(dice.choice(now.admissible))
            else:
                actions.append(
                    dice.choice([*now.observation.split()[:50], str(dice.randrange(20)), noise(dice)])
                )
            now = self.step(env, actions[-1])
        return actions

    # Rules.

    def panels(self) -> None:
        env = self.make()
        names: dict[str, str] = {}
        contents: dict[str, str] = {}
        for split in SPLITS:
            panel = env.tasks(split)
            if not len(panel):
                raise Broken(f"{split} is empty")
            for task in panel:
                if task.split != split:
                    raise Broken(f"task {task.id} of {split} says that it is of {task.split}")
                if task.id in names:
                    raise Broken(f"task id {task.id} is in {names[task.id]} and {split}")
                content = json.dumps([task.seed, task.data], sort_keys=True)  # raises where data are no JSON
                if contents.get(content, split) != split:
                    raise Broken(
                        f"task {task.id} of {split} has the seed and data of a task of {contents[content]}"
                    )
                names[task.id] = contents[content] = split

    def panel_hashes(self) -> None:
        once, again = ([self.make().tasks(split).hash for split in SPLITS] for _ in range(2))
        for where, other in (("", again), (" in another process", None)):
            hashes = other or elsewhere(self.name, self.options, "panels", b"")
            for split, one, two in zip(SPLITS, once, hashes, strict=True):
                if one != two:
                    raise Broken(f"{split} is {one}, then {two}{where}")

    def equal_starts(self) -> None:
        used = self.make()
        for task in self.tasks():
            first = self.begin(self.make(), task)
            self.wander(used, task, 0)
            _same([first], [self.begin(used, task)], f"task {task.id}, begun again after an episode")
            _same([first], [self.begin(self.make(), task)], f"task {task.id}, begun twice")

    def deterministic(self) -> None:
        used, before = self.make(), random.getstate()
        try:
            for number, task in enumerate(self.tasks()):
                random.seed(1)
                actions = self.wander(used, task, number)
                first = self.play(self.make(), task, actions)
                random.seed(2)  # who draws from the common generator is found out here
                _same(first, self.play(self.make(), task, actions), f"task {task.id}, played twice")
                _same(
                    first,
                    self.play(used, task, actions),
                    f"task {task.id}, played again in a used environment",
                )
        finally:
            random.setstate(before)

    def expert(self) -> None:
        env = self.make()
        for task in self.tasks():
            self.begin(env, task)
            try:
                player = env.player("expert", 0)
            except ConfigError as why:
                raise LeftOut(str(why)) from None
            last = self._played(env, task, player)
            if last.score != 1 or not last.over[0]:
                raise Broken(f"task {task.id} ended with score {last.score:g}")

    def junk(self) -> None:
        env = self.make()
        for task in self.tasks():
            for text in ("", "xyzzy", "I do not know."):
                last = self._played(env, task, lambda _, text=text: text)  # type: ignore[misc]
                if last.score >= 1:
                    raise Broken(f"task {task.id} is solved by saying {text!r}")

    def _played(self, env: TextEnv, task: Task, player: Callable[[str], str]) -> Seen:
        now = self.begin(env, task)
        while not any(now.over):
            now = self.step(env, player(now.observation))
        return now

    def hostile(self) -> None:
        env, number, tasks = self.make(), 0, self.tasks()
        good = [action for task in tasks for action in self.wander(env, task, 1)]
        now = self.begin(env, tasks[0])
        for action in (*hostile(0, ACTIONS, good), None, 3, b"bytes", ["x"]):
            if any(now.over):
                number += 1
                now = self.begin(env, tasks[number % len(tasks)])
            now = self.step(env, action)

    def turn_limit(self) -> None:
        env = self.make()
        for task in self.tasks():
            self.begin(env, task)
            count = len(self.go_on(env, ["(nothing)"] * (env.max_turns + 1)))
            if count > env.max_turns:
                raise Broken(f"task {task.id} went on for {count} turns; max_turns is {env.max_turns}")

    def snapshot(self) -> None:
        if self.cls.restorable == "no":
            raise LeftOut("restorable='no'")
        env, fresh = self.make(), self.make()
        for number, task in enumerate(self.tasks()[:3]):
            actions = self.wander(env, task, 10 + number)
            for cut in {0, len(actions) // 2, len(actions) - 1}:
                self.play(env, task, actions[:cut])
                taken = env.snapshot()
                wanted = self.go_on(env, actions[cut:])
                where = f"task {task.id} after {cut} turns"
                fresh.restore(taken)
                _same(wanted, self.go_on(fresh, actions[cut:]), f"{where}, restored in another environment")
                env.restore(taken)
                _same(wanted, self.go_on(env, actions[cut:]), f"{where}, restored in the same")
            request = pickle.dumps((taken, actions[cut:]))
            there = elsewhere(self.name, self.options, "restore", request)
            _same(wanted, there, f"{where}, restored in another process")

    def picklable(self) -> None:
        env = self.make()
        for task in self.tasks()[:2]:
            actions = self.wander(env, task, 20)
            half = len(actions) // 2
            self.play(env, task, actions[:half])
            copy = pickle.loads(pickle.dumps(env))
            wanted = self.go_on(env, actions[half:])
            _same(wanted, self.go_on(copy, actions[half:]), f"task {task.id} after {half} turns, pickled")

    def state_keys(self) -> None:
        env = self.make()
        for task in self.tasks():
            offers: dict[str, frozenset[str]] = {}
            nexts: dict[tuple[str, str], frozenset[str]] = {}
            for seed in range(8):
                actions = self.wander(env, task, 30 + seed)
                seen = self.play(env, task, actions)
                for now, action, then in zip(seen, [*actions, ""], [*seen[1:], None], strict=True):
                    if now.admissible is None:
                        if any(now.over):
                            continue
                        raise LeftOut("it lists no actions")
                    offer = frozenset(now.admissible)
                    if offers.setdefault(now.key, offer) != offer:
                        raise Broken(
                            f"task {task.id}: {_apart(offers[now.key], offer)} under one key, {now.key}"
                        )
                    if then is not None and then.admissible is not None and action in offer:
                        offer = frozenset(then.admissible)
                        if nexts.setdefault((now.key, action), offer) != offer:
                            apart = _apart(nexts[now.key, action], offer)
                            raise Broken(f"task {task.id}: {apart} after {action!r} under one key, {now.key}")

    def leaks(self) -> None:
        env = self.make()
        for task in self.tasks():
            text = "\n".join([self.begin(env, task).observation, env.instructions(), env.goal()]).casefold()
            for field in ANSWERS:
                values = task.data.get(field, ())
                for value in [values] if isinstance(values, str | int | float) else values:
                    if len(str(value)) > 2 and str(value).casefold() in text:
                        raise Broken(f"task {task.id} shows its {field}, {value!r}, before the first action")
            for now in self.play(env, task, self.wander(env, task, 40)):
                found = PAYMENT.search(now.observation)
                if found and not any(now.over):
                    raise Broken(f"task {task.id} reads {found.group()!r} before its end")

    def gymnasium(self) -> None:
        from gymnasium.utils.env_checker import check_env

        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            self.watch.over("check_env"),
        ):
            warnings.simplefilter("ignore")
            check_env(self.make())


def _same(one: Sequence[Seen], two: Sequence[Seen], where: str) -> None:
    """Raise Broken where two plays differ, saying in what."""
    if len(one) != len(two):
        raise Broken(f"{where}: {len(one)} turns, then {len(two)}")
    for number, (first, second) in enumerate(zip(one, two, strict=True)):
        for field in Seen.__slots__:
            a, b = getattr(first, field), getattr(second, field)
            if a != b:
                raise Broken(f"{where}: {field} {number} is {str(a)[:60]!r}, then {str(b)[:60]!r}")


def _apart(one: frozenset[str], two: frozenset[str]) -> str:
    """Return in words how two sets of actions differ."""
    only = sorted(one ^ two)[0]
    return f"states that offer {only!r} and states that do not"
