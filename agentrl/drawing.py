"""Which tasks an iteration plays: every environment in its share, every task once before any again.

What is drawn is a function of the seed and of the episodes played so far, which a checkpoint keeps. With
`run.curriculum=success` a task whose last groups ended alike (all solved, all failed: one score) is passed
over more often, and so is an environment of which that is true of most groups.
"""

import random
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from agentrl.evaluate import stream
from agentrl.mixture import label_of, weights
from agentrl.settings import Settings
from agentrl.stored import shuffled
from agentrl.types import Panel, Task, Trajectory

RAREST = 1 / 8
"""least chance that a task, or share that an environment, is left with"""
MEMORY = 0.9
"""what a group of the iteration before counts, beside one of this iteration"""


class Draw:
    """Draws tasks; hears what became of them."""

    def __init__(self, settings: Settings, panel: Panel, saved: Mapping[str, Any] | None = None) -> None:
        """Go on from what `state` returned, where it is given."""
        self._panel, self._seed = panel, settings.run.seed
        self._count = min(settings.rollout.tasks, len(panel))
        self._adapts = settings.run.curriculum == "success"
        self._weights = weights(settings.env)
        self._members: dict[str, list[int]] = {label: [] for label in self._weights}
        for number, task in enumerate(panel):
            self._members[label_of(task, self._weights)].append(number)
        history = (saved or {}).get("draw", {})
        self._alike: dict[str, int] = dict(history.get("alike", {}))
        """groups in a row that ended alike, by task"""
        self._heard: dict[str, list[float]] = dict(history.get("heard", {}))
        """by environment: groups that did not end alike, and all, the older the less they count"""
        self._restart()
        self._done = int(history.get("done", 0))
        self._places |= history.get("places", {})
        self._passes |= history.get("passes", {})

    @property
    def count(self) -> int:
        """How many tasks an iteration plays."""
        return self._count

    def _restart(self) -> None:
        self._done = 0
        self._places = dict.fromkeys(self._members, 0)
        """tasks gone past, by environment"""
        self._passes = dict.fromkeys(self._members, 0.0)
        """groups drawn over weight, by environment: who has had least is next"""
        self._drawn: list[int] = []

    @property
    def state(self) -> dict[str, Any]:
        """What the next draws depend on beside the seed, as plain values."""
        return {
            "draw": {
                "done": self._done,
                "places": dict(self._places),
                "passes": dict(self._passes),
                "alike": dict(self._alike),
                "heard": {label: list(counts) for label, counts in self._heard.items()},
            }
        }

    def tasks(self, iteration: int) -> list[tuple[int, Task]]:
        """Return (number, task) of an iteration; the same again until the next one is asked for."""
        if iteration + 1 < self._done or (iteration + 1 == self._done and not self._drawn):
            self._restart()
        while self._done <= iteration:
            self._drawn = self._next()
            self._done += 1
        return self._told(self._drawn)

    def further(self, iteration: int) -> list[tuple[int, Task]]:
        """Return the tasks that an iteration does not begin with, in an order of its own, by shares too."""
        taken = {number for number, _ in self.tasks(iteration)}
        order = shuffled(len(self._panel), stream(self._seed, "further tasks", iteration))
        rest = sorted(order, key=lambda number: not self._wanted(number, "further", iteration))
        queues: dict[str, deque[int]] = {label: deque() for label in self._members}
        for number in rest:
            if number not in taken:
                queues[label_of(self._panel[number], self._weights)].append(number)
        passes = dict(self._passes)
        found: list[int] = []
        while left := [label for label, queue in queues.items() if queue]:
            found.append(queues[self._turn(passes, left)].popleft())
        return self._told(found)

    def hear(self, episodes: Iterable[Trajectory]) -> None:
        """Learn which groups of an iteration ended alike."""
        if not self._adapts:
            return
        groups: dict[str, list[Trajectory]] = defaultdict(list)
        for episode in episodes:
            if episode.scorable:
                groups[episode.task.id].append(episode)
        told: dict[str, list[float]] = {}
        for name, group in groups.items():
            if len(group) < 2:
                continue
            alike = len({episode.score for episode in group}) == 1
            self._alike[name] = self._alike.get(name, 0) + 1 if alike else 0
            counts = told.setdefault(label_of(group[0].task, self._weights), [0.0, 0.0])
            counts[0] += not alike
            counts[1] += 1
        for label, counts in told.items():
            before = self._heard.get(label, [0.0, 0.0])
            self._heard[label] = [MEMORY * old + new for old, new in zip(before, counts, strict=True)]

    def _told(self, numbers: Sequence[int]) -> list[tuple[int, Task]]:
        return [(number, self._panel[number]) for number in numbers]

    def _next(self) -> list[int]:
        """Return the numbers of the next iteration's tasks, none of them twice."""
        taken: dict[int, None] = {}
        left = {label: len(numbers) for label, numbers in self._members.items()}
        for _ in range(self._count):
            label = self._turn(self._passes, [label for label in left if left[label]])
            left[label] -= 1
            taken[self._walked(label, taken)] = None
        return list(taken)

    def _turn(self, passes: dict[str, float], labels: Sequence[str]) -> str:
        """Return whose turn it is, and count it."""
        label = min(labels, key=passes.__getitem__)
        passes[label] += 1 / self._weight(label)
        return label

    def _weight(self, label: str) -> float:
        """Return the share of an environment, less where its groups end alike."""
        mixed, groups = self._heard.get(label, (0.0, 0.0))
        return self._weights[label] * max(RAREST, (1 + mixed) / (1 + groups))

    def _walked(self, label: str, taken: Collection[int]) -> int:
        """Return the next task of an environment, whose panel has a new order each time it is gone through.

        Edge: a task that the iteration has already gives way to the next.
        """
        own = self._members[label]
        while True:
            epoch, index = divmod(self._places[label], len(own))
            self._places[label] += 1
            names = ("tasks", label, epoch) if label else ("tasks", epoch)
            number = own[shuffled(len(own), stream(self._seed, *names))[index]]
            if number not in taken and self._wanted(number, "epoch", epoch):
                return number

    def _wanted(self, number: int, *names: object) -> bool:
        """Tell whether a task is not passed over: half as often for each group in a row that ended alike."""
        streak = self._alike.get(self._panel[number].id, 0)
        if not streak:
            return True
        dice = random.Random(stream(self._seed, "curriculum", *names, number))
        return dice.random() < max(RAREST, 0.5**streak)
