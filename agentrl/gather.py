"""From an algorithm's plan to a token table: which tasks, which episodes, what they earned."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from agentrl.algo import Algorithm, Branches, Groups, Searched, Stored
from agentrl.batch import TokenTable, episode_pairs, preference_table, token_table
from agentrl.control import permuted
from agentrl.credit.selection import comparisons
from agentrl.creditfile import Header
from agentrl.drawing import Draw
from agentrl.dynamic import with_spread
from agentrl.env import Split, TextEnv
from agentrl.errors import RunError
from agentrl.evaluate import first, sampling_of, stream
from agentrl.forest import once_grown, thin_out
from agentrl.given import Given
from agentrl.kept import Origin
from agentrl.learner.model import Policy
from agentrl.mixture import weights
from agentrl.registry import find
from agentrl.rollout.chat import Chat
from agentrl.rollout.collect import Actor, Collector, PlayerActor, Progress, SamplerActor, Start
from agentrl.rollout.search import searched
from agentrl.rollout.tree import Grown, branch
from agentrl.settings import Settings
from agentrl.stored import Store, comparable, dealt, pair_table, staged
from agentrl.submissions import strict_metrics
from agentrl.tally import checked, group_metrics, member_metrics, tree_metrics, violations, whole_groups
from agentrl.trajectories import write_trajectories
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
    given: Given = field(default_factory=Given)
    """what is learnt from in place of playing"""
    saved: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """what a checkpoint kept of `draw`"""
    draw: Draw = field(init=False)
    """which tasks are played"""
    store: Store = field(init=False)
    strict: Verifier | None = field(init=False)
    """judges episodes beside their reward"""
    origin: Origin = field(default_factory=Origin, init=False)
    """what the last iteration's table was made of"""

    def __post_init__(self) -> None:
        run = self.settings.run
        self.draw = Draw(self.settings, self.panel, self.saved)
        self.store = Store(self.folder, run.iterations, run.seed)
        self.store.given = self.given.episodes
        name = run.strict
        self.strict = None if name is None else as_verifier(find("verifiers", name))

    def gather(self, iteration: int) -> Batch:
        """Return an iteration's table, its metrics, and the fresh episodes behind it.

        Errors: RunError where more episodes failed than the run allows.
        """
        self.origin = Origin()
        table, metrics, episodes = self._gathered(iteration)
        self.origin.fresh = episodes
        self.draw.hear(episodes)
        played = [episode for episode in episodes if episode.scorable]
        apart = member_metrics(played, weights(self.settings.env))
        return table, metrics | apart | strict_metrics(played, self.strict), episodes

    @property
    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, as plain values."""
        return self.draw.state

    @property
    def accounts(self) -> dict[str, int]:
        """What became of the groups that were begun, where some may have been lost."""
        return {}

    def renew(self, policy: Policy, version: int) -> None:
        """Take note of new weights: the sampler has them already."""

    def close(self) -> None:
        """Let go of nothing: what it plays with is the run's."""

    def keep(self, number: int, table: TokenTable | None, columns: Mapping[str, Tensor]) -> None:
        """Write the last iteration's episodes, and what was made of their tokens; `number` counts from 1."""
        if self.origin.fresh:
            write_trajectories(self.folder / f"{number:06d}.jsonl.gz", self.origin.fresh)
        self.origin.keep(self.folder.parent, Header(number, self.algo.name), table, columns)

    def _gathered(self, iteration: int) -> Batch:
        plan = self.algo.collect()
        if self.given.pairs:
            return self._compared(iteration)
        if isinstance(plan, Groups):
            return self._grouped(plan, iteration)
        if isinstance(plan, Branches | Searched):
            return self._trees(plan, iteration)
        if isinstance(plan, Stored):
            return self._stored(plan, iteration)
        raise RunError(f"algo '{self.algo.name}' asks for {type(plan).__name__}, which trains nothing")

    def _grouped(self, plan: Groups, iteration: int) -> Batch:
        """Play groups of episodes and put those that can be scored into a table."""
        episodes = self._played(plan, iteration)
        chosen = episodes
        drawn: dict[str, float] = {}
        if plan.replace:
            further = self.draw.further(iteration)
            episodes, chosen, drawn = with_spread(
                episodes, further, lambda more: self._groups(plan, more, iteration), plan.replace
            )
        metrics = checked(episodes, self.settings.run.failures) | drawn
        kept = [e for e in whole_groups(chosen) if any(turn.action_ids for turn in e.turns)]
        metrics["left_out"] = 1.0 - len(kept) / len(chosen)
        self.origin.learnt = kept
        if self.settings.run.control == "permuted":
            kept = permuted(kept, self.settings.reward, stream(self.settings.run.seed, "control", iteration))
        if not kept:
            return None, metrics, episodes
        table = token_table(kept, self.settings.reward)
        metrics |= group_metrics(table)
        if plan.shown:
            self.origin.learnt = kept + self._shown(plan, kept, iteration)
            table = token_table(self.origin.learnt, self.settings.reward)
        if plan.pairs == "none":
            return table, metrics, episodes
        earned = table.trajectories.ret, table.trajectories.group
        return episode_pairs(table, *comparisons(*earned, plan.pairs, plan.gap)), metrics, episodes

    def _shown(self, plan: Groups, kept: Sequence[Trajectory], iteration: int) -> list[Trajectory]:
        """Return demonstrations of the tasks of these episodes, marked as such."""
        groups = {e.group for e in kept}
        starts = [
            Start(task, task.id, plan.size + i, number)
            for number, task in (self.draw.tasks(iteration) if plan.shown else ())
            for i in range(plan.shown)
            if task.id in groups
        ]
        if not starts:
            return []
        actor = PlayerActor("demonstrator", self._policy().sampling)
        played = self._play(starts, actor, stream(self.settings.run.seed, "shown", iteration))
        checked(played, self.settings.run.failures)
        return [replace(e, metrics={**e.metrics, "demonstration": 1.0}) for e in played if e.scorable]

    def _trees(self, plan: Branches | Searched, iteration: int) -> Batch:
        """Grow trees and put the algorithm's preferences into a table."""
        starts = [Start(task, task.id, 0, number) for number, task in self.draw.tasks(iteration)]
        collector = self._collector(self._policy(), self._seed(iteration))
        if isinstance(plan, Branches):
            grown = branch(starts, collector, plan)
        else:
            run, number = self.settings.run, iteration + 1

            def grow(heard: Sampler) -> list[Grown]:
                return searched(starts, replace(collector, actor=self._policy(heard)), plan)

            grown = once_grown(self.folder, number, self.sampler, grow)
            thin_out(self.folder, number - run.checkpoint, run.trajectories)  # no resume goes back further
        trees = [tree for tree, _ in grown]
        episodes = [episode for _, own in grown for episode in own]
        metrics = checked(episodes, self.settings.run.failures)
        preferences = [self.algo.compare(tree) for tree in trees]
        self.origin.grown = [(*one, drawn) for one, drawn in zip(grown, preferences, strict=True)]
        table = preference_table(trees, preferences)
        metrics |= tree_metrics(trees)
        metrics["pairs"] = float(len(table.pairs or ())) if table is not None else 0.0
        return table, metrics, episodes

    def _policy(self, sampler: Sampler | None = None) -> SamplerActor:
        return SamplerActor(sampler or self.sampler, sampling_of(self.settings.rollout), "sample")

    def _seed(self, iteration: int) -> int:
        return stream(self.settings.run.seed, "rollout", iteration)

    def _played(self, plan: Groups, iteration: int) -> list[Trajectory]:
        """Return the episodes of an iteration's tasks, group by group."""
        return self._groups(plan, self.draw.tasks(iteration), iteration)

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
        self.origin.learnt = chosen
        return (
            token_table(chosen, self.settings.reward),
            {
                "stored_success": sum(e.success for e in chosen) / len(chosen),
                "token_violations": violations(chosen),
                "episodes": float(len(chosen)),
                "environment_steps": float(played),
            },
            [],
        )

    def _compared(self, iteration: int) -> Batch:
        """Put an iteration's part of the pairs that were given into a table."""
        run, count = self.settings.run, self.settings.rollout.tasks
        pairs, number = staged(self.given.pairs, self.algo.stages, run.iterations, iteration)
        chosen = dealt(pairs, count, number, lambda again: stream(run.seed, "pairs", again))
        self.origin.learnt = [side for _, both in comparable(chosen) for side in both]
        return pair_table(chosen), {"pairs": float(len(chosen)), "environment_steps": 0.0}, []

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
    settings: Settings,
    make_env: Callable[[Split], TextEnv],
    panel: Panel,
    chat: Chat,
    progress: Progress | None = None,
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
        lambda: make_env("train"),
        actor,
        chat,
        seed,
        progress=progress,
        parallel=how.parallel,
        threads=how.workers,
    )
    episodes = [episode.trajectory for episode in collector.play(starts)]
    checked(episodes, settings.run.failures)
    return token_table([e for e in episodes if e.scorable])
