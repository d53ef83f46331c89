"""From an algorithm's plan to a token table: which tasks, which episodes, what they earned."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from agentrl.algo import Algorithm, Branches, Groups, Stored
from agentrl.batch import TokenTable, episode_pairs, preference_table, token_table
from agentrl.credit.selection import comparisons
from agentrl.creditfile import FOLDER, Grown, Header, credited, pairs_of, tree_records, write_credit
from agentrl.dynamic import with_spread
from agentrl.env import Split, TextEnv
from agentrl.errors import RunError
from agentrl.evaluate import first, sampling_of, stream
from agentrl.registry import find
from agentrl.rollout.chat import Chat
from agentrl.rollout.collect import Actor, Collector, PlayerActor, SamplerActor, Start
from agentrl.rollout.tree import branch
from agentrl.settings import Settings
from agentrl.stored import Store, shuffled
from agentrl.submissions import strict_metrics
from agentrl.tally import episode_metrics, group_metrics, violations
from agentrl.types import Panel, Sampler, Task, Trajectory
from agentrl.verify import Verifier, as_verifier

Batch = tuple[TokenTable | None, dict[str, float], list[Trajectory]]
"""Table (None where an iteration brought nothing to learn from), metrics, fresh episodes"""


@dataclass(slots=True)
class Gatherer:
    """Plays what the plan asks for. Everything it draws is a function of (seed, iteration)."""

    settings: Settings
    algo: Algorithm
    panel: Panel
    make_env: Callable[[Split], TextEnv]
    chat: Chat
    sampler: Sampler
    folder: Path
    """where stored episodes are kept"""
    store: Store = field(init=False)
    strict: Verifier | None = field(init=False)
    """judges episodes beside their reward"""
    grown: list[Grown] = field(default_factory=list, init=False)
    """the trees of the last iteration, and the preferences drawn from them"""

    def __post_init__(self) -> None:
        run = self.settings.run
        self.store = Store(self.folder, run.iterations, run.seed)
        name = run.strict
        self.strict = None if name is None else as_verifier(find("verifiers", name))

    def gather(self, iteration: int) -> Batch:
        """Return an iteration's table, its metrics, and the fresh episodes behind it.

        Errors: RunError where more episodes failed than the run allows.
        """
        table, metrics, episodes = self._gathered(iteration)
        played = [episode for episode in episodes if episode.scorable]
        return table, metrics | strict_metrics(played, self.strict), episodes

    def keep(self, number: int, table: TokenTable | None, columns: Mapping[str, Tensor]) -> None:
        """Write what was made of the last iteration's tokens beside the episodes; `number` counts from 1.

        Edge: without a table nothing was learnt from, which is then what the file says.
        """
        plan, name = self.algo.collect(), f"{number:06d}.jsonl.gz"
        lines = [] if table is None else list(credited(table, columns))
        header = Header(
            iteration=number,
            algo=self.algo.name,
            episodes=self.store.file(plan) if isinstance(plan, Stored) else name,
            columns=tuple(columns),
            lines=len(lines),
            trees=tree_records(self.grown),
            pairs=() if self.grown or table is None else pairs_of(table),
        )
        write_credit(self.folder.parent / FOLDER / name, header, lines)

    def _gathered(self, iteration: int) -> Batch:
        plan = self.algo.collect()
        if isinstance(plan, Groups):
            return self._grouped(plan, iteration)
        if isinstance(plan, Branches):
            return self._branched(plan, iteration)
        if isinstance(plan, Stored):
            return self._stored(plan, iteration)
        raise RunError(f"algo '{self.algo.name}' asks for {type(plan).__name__}, which trains nothing")

    def _grouped(self, plan: Groups, iteration: int) -> Batch:
        """Play groups of episodes and put those that can be scored into a table."""
        tasks = self._tasks(iteration)
        episodes = self._groups(plan, tasks, iteration)
        chosen = episodes
        drawn: dict[str, float] = {}
        if plan.replace:
            further = self._further(tasks, iteration)
            episodes, chosen, drawn = with_spread(
                episodes, further, lambda more: self._groups(plan, more, iteration), plan.replace
            )
        metrics = checked(episodes, self.settings.run.failures) | drawn
        kept = [e for e in whole_groups(chosen) if any(turn.action_ids for turn in e.turns)]
        metrics["left_out"] = 1.0 - len(kept) / len(chosen)
        if self.settings.run.control == "permuted":
            kept = permuted(kept, self.settings.reward, stream(self.settings.run.seed, "control", iteration))
        if not kept:
            return None, metrics, episodes
        table = token_table(kept, self.settings.reward)
        metrics |= group_metrics(table)
        if plan.pairs == "none":
            return table, metrics, episodes
        earned = table.trajectories.ret, table.trajectories.group
        return episode_pairs(table, *comparisons(*earned, plan.pairs, plan.gap)), metrics, episodes

    def _branched(self, plan: Branches, iteration: int) -> Batch:
        """Play trees and put the algorithm's preferences into a table."""
        starts = [Start(task, task.id, 0, number) for number, task in self._tasks(iteration)]
        grown = branch(starts, self._collector(self._policy(), self._seed(iteration)), plan)
        trees = [tree for tree, _ in grown]
        episodes = [episode for _, own in grown for episode in own]
        metrics = checked(episodes, self.settings.run.failures)
        preferences = [self.algo.compare(tree) for tree in trees]
        self.grown = [(*one, drawn) for one, drawn in zip(grown, preferences, strict=True)]
        table = preference_table(trees, preferences)
        # Turns that alternatives share with their trunk were played once.
        metrics["environment_steps"] = float(sum(len(tree.nodes) for tree in trees))
        metrics["pairs"] = float(len(table.pairs or ())) if table is not None else 0.0
        return table, metrics, episodes

    def _policy(self) -> SamplerActor:
        return SamplerActor(self.sampler, sampling_of(self.settings.rollout), "sample")

    def _seed(self, iteration: int) -> int:
        return stream(self.settings.run.seed, "rollout", iteration)

    def _tasks(self, iteration: int) -> list[tuple[int, Task]]:
        """Return (number, task) of an iteration: the panel in a new order each time it has been seen."""
        count = min(self.settings.rollout.tasks, len(self.panel))
        found: list[tuple[int, Task]] = []
        for place in range(iteration * count, (iteration + 1) * count):
            epoch, index = divmod(place, len(self.panel))
            number = shuffled(len(self.panel), stream(self.settings.run.seed, "tasks", epoch))[index]
            found.append((number, self.panel[number]))
        return found

    def _further(self, tasks: Sequence[tuple[int, Task]], iteration: int) -> list[tuple[int, Task]]:
        """Return the tasks that an iteration does not begin with, in an order of its own."""
        taken = {number for number, _ in tasks}
        order = shuffled(len(self.panel), stream(self.settings.run.seed, "further tasks", iteration))
        return [(number, self.panel[number]) for number in order if number not in taken]

    def _groups(self, plan: Groups, tasks: Sequence[tuple[int, Task]], iteration: int) -> list[Trajectory]:
        starts = [
            Start(task, task.id, sample, number) for number, task in tasks for sample in range(plan.size)
        ]
        return self._play(starts, self._policy(), self._seed(iteration))

    def _play(self, starts: Sequence[Start], actor: Actor, seed: int) -> list[Trajectory]:
        return [episode.trajectory for episode in self._collector(actor, seed).play(starts)]

    def _collector(self, actor: Actor, seed: int) -> Collector:
        how, weights = self.settings.rollout, self.settings.reward
        return Collector(
            lambda: self.make_env("train"),
            actor,
            self.chat,
            seed,
            weights,
            parallel=how.parallel,
            schedule=how.order,
            threads=how.workers,
        )

    def _stored(self, plan: Stored, iteration: int) -> Batch:
        chosen, played = self.store.batch(plan, iteration, lambda seed: self._record(plan, seed))
        table = token_table(chosen, self.settings.reward)
        return (
            table,
            {
                "stored_success": sum(e.success for e in chosen) / len(chosen),
                "token_violations": violations(chosen),
                "episodes": float(len(chosen)),
                "environment_steps": float(played),
            },
            [],
        )

    def _record(self, plan: Stored, seed: int) -> list[Trajectory]:
        """Play the episodes of an offline plan, `per_task` a training task."""
        starts = [
            Start(task, task.id, sample, number)
            for number, task in enumerate(self.panel)
            for sample in range(plan.per_task)
        ]
        actor = PlayerActor("demonstrator") if plan.source == "demonstrator" else self._policy()
        episodes = self._play(starts, actor, seed)
        checked(episodes, self.settings.run.failures)
        return episodes


def demonstrations(
    settings: Settings, make_env: Callable[[Split], TextEnv], panel: Panel, chat: Chat
) -> TokenTable:
    """Return what the environment's demonstrator says on the training tasks of the warm start.

    Errors: RunError where more episodes failed than the run allows.
    """
    tasks = first(panel, settings.warm.tasks)
    starts = [
        Start(task, task.id, sample, number)
        for sample in range(settings.warm.demonstrations)
        for number, task in enumerate(tasks)
    ]
    seed = stream(settings.run.seed, "warm")
    how = settings.rollout
    actor = PlayerActor("demonstrator", silence=settings.warm.thought_dropout)
    collector = Collector(
        lambda: make_env("train"), actor, chat, seed, parallel=how.parallel, threads=how.workers
    )
    episodes = [episode.trajectory for episode in collector.play(starts)]
    checked(episodes, settings.run.failures)
    return token_table([e for e in episodes if e.scorable])


def checked(episodes: Sequence[Trajectory], failures: float) -> dict[str, float]:
    """Return means over the episodes that can be scored.

    Errors: RunError where a larger share than `failures` could not, or where a turn's tokens are not those
            that the sampler saw and wrote.
    """
    failed = [e for e in episodes if not e.scorable]
    share = len(failed) / len(episodes)
    if share > failures:
        raise RunError(
            f"{len(failed)} of {len(episodes)} episodes failed ({failed[0].reason}); that is over"
            f" run.failures={failures:g}"
        )
    broken = violations(episodes)
    if broken:
        raise RunError(
            f"{broken:.0f} turns do not hold the tokens that the sampler saw and wrote; training on them"
            " would be training on something else. Please report this with the run folder"
        )
    means = episode_metrics([e for e in episodes if e.scorable])
    played = float(sum(len(e.turns) for e in episodes))
    return means | {"failed": share, "token_violations": broken, "environment_steps": played}


def whole_groups(episodes: Sequence[Trajectory]) -> list[Trajectory]:
    """Return the episodes whose groups lost no member: what is left of a group is no sample of its task.

    A hang or a crash may be the doing of what was said, so those that came through are a choice.
    """
    partial = {e.group for e in episodes if not e.scorable}
    return [e for e in episodes if e.group not in partial]


def permuted(episodes: Sequence[Trajectory], weights: Mapping[str, float], seed: int) -> list[Trajectory]:
    """Return the episodes, each paid what an episode of another group earned, on its last turn.

    A control: the spread of returns stays, what they say about the actions goes.

    Edge: one group alone has no other, so none of its episodes come back.
    """
    groups = sorted({e.group for e in episodes})
    if len(groups) < 2:
        return []
    place = {group: [i for i, e in enumerate(episodes) if e.group == group] for group in groups}
    order = groups[:]
    random.Random(seed).shuffle(order)
    following = {group: order[(i + 1) % len(order)] for i, group in enumerate(order)}
    paid: list[Trajectory] = []
    for episode in episodes:
        others = place[following[episode.group]]
        other = episodes[others[episode.sample % len(others)]]
        total = {name: 0.0 for turn in other.turns for name in turn.rewards}
        for turn in other.turns:
            for name, value in turn.rewards.items():
                total[name] += value
        turns = [replace(turn, rewards={}, format_valid=True, admissible=True) for turn in episode.turns]
        turns[-1] = replace(turns[-1], rewards=total)
        ret = sum(weights.get(name, 1.0) * value for name, value in total.items())
        paid.append(replace(episode, turns=tuple(turns), ret=ret))
    return paid
