"""Beams over turns: in every state several replies are tried in the environment, the best states are kept.

A state is worth what `values` says of the prompt it is read in; an end is worth what was said of the last
place in which something was chosen. No reward enters: what an end paid is not known to whoever decides. Where
V(s) - V(s') is what was paid between two states, as the soft Bellman equation has it, the two kinds of places
compare.
"""

from array import array
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from agentrl.env import TextEnv
from agentrl.errors import ConfigError
from agentrl.rollout.collect import Collector
from agentrl.rollout.episode import Episode, Moment, Rules, Start
from agentrl.rollout.valued import Values, said
from agentrl.types import Trajectory


@dataclass(frozen=True, slots=True)
class Beam:
    """How wide is searched."""

    width: int
    """states kept after each turn; ends take places too"""
    candidates: int
    """replies tried in each state"""


@dataclass(slots=True)
class Spent:
    """What a search cost in all."""

    turns: int = 0
    """of the environment, those of states that were left again included"""
    restores: int = 0
    """states returned to"""
    tokens: int = 0
    """drawn"""


class Reached(NamedTuple):
    """What one reply led to."""

    value: float
    moment: Moment | None
    """the state, where it goes on"""
    ended: Trajectory | None


@dataclass(slots=True)
class _Search:
    """One task: the states that are kept, and the ends that were."""

    start: Start
    kept: list[Moment | None] = field(default_factory=lambda: [None])
    """None: the beginning"""
    ends: list[Reached] = field(default_factory=list)


def searched(
    starts: Sequence[Start], collector: Collector, values: Values, beam: Beam
) -> tuple[list[Trajectory], Spent]:
    """Return the end with the highest value of each start's search, and what all of it cost.

    After each turn the `width` best of all states and ends reached are kept, of equal ones the first drawn;
    a search is over when only ends are. Equal replies in a state are played once.

    Source: OREO (arXiv:2412.16145), step-level beam search; a width of 1 is its choice among candidates, of
            states in place of actions.
    Errors: ConfigError where the environment cannot be restored, or nothing would be tried.
    """
    if beam.width < 1 or beam.candidates < 1:
        raise ConfigError(f"width={beam.width}, candidates={beam.candidates}: a search needs 1 or more")
    spent, found = Spent(), list[Trajectory]()
    with ExitStack() as made:
        stage = _Stage(collector, made)
        at_once = max(1, collector.parallel // (beam.width * beam.candidates))
        for first in range(0, len(starts), at_once):
            searches = [_Search(start) for start in starts[first : first + at_once]]
            while any(search.kept for search in searches):
                _turn(searches, stage, values, beam, spent)
            found += [_chosen(search.ends) for search in searches]
    return found, spent


class _Stage:
    """Environments and what episodes share; one environment for each episode in play."""

    def __init__(self, collector: Collector, made: ExitStack) -> None:
        self.collector, self._made = collector, made
        self.rules = Rules(collector.chat, collector.seed, collector.reward_weights)
        self._idle: list[TextEnv] = []

    def entering(self, starts: Iterable[Start]) -> list[Episode]:
        """Return the episodes of these starts, not yet begun.

        Errors: ConfigError where the environment cannot be restored.
        """
        found = []
        for place, start in enumerate(starts):
            env = self._idle.pop() if self._idle else self._made.enter_context(self.collector.make_env())
            if env.restorable == "no":
                raise ConfigError(
                    f"env '{env.name}' cannot be restored (restorable='no'), so no state can be tried;"
                    " choose among replies with eval.decode=best_of_k eval.look=action"
                )
            found.append(Episode(start, place, env, self.rules))
        return found

    def leave(self, episodes: Iterable[Episode]) -> None:
        """Take the environments of these episodes back, but for those that raised."""
        played = list(episodes)
        self._idle += [episode.env for episode in played if not episode.broken]
        self.collector.actor.finished([episode.place for episode in played])


def _turn(searches: Sequence[_Search], stage: _Stage, values: Values, beam: Beam, spent: Spent) -> None:
    """Play one turn of all searches and keep the best of what was reached."""
    jobs = [
        (number, slot, replace(search.start, sample=_sample(search, beam, slot, i), moment=moment))
        for number, search in enumerate(searches)
        for slot, moment in enumerate(search.kept)
        for i in range(beam.candidates)
    ]
    episodes = stage.entering(start for _, _, start in jobs)
    reached = _reached(episodes, [(number, slot) for number, slot, _ in jobs], stage, values, spent)
    stage.leave(episodes)
    for number, search in enumerate(searches):
        own = [one for (owner, _, _), one in zip(jobs, reached, strict=True) if owner == number and one]
        own.sort(key=lambda one: -one.value)  # stable: equal ones stay in the order they were drawn in
        search.kept = [one.moment for one in own[: beam.width] if one.moment is not None]
        search.ends += [one for one in own[: beam.width] if one.ended is not None]


def _sample(search: _Search, beam: Beam, slot: int, number: int) -> int:
    """Return a number that no other reply of the same task and turn is drawn with."""
    return (search.start.sample * beam.width + slot) * beam.candidates + number


def _reached(
    episodes: Sequence[Episode],
    states: Sequence[tuple[int, int]],
    stage: _Stage,
    values: Values,
    spent: Spent,
) -> list[Reached | None]:
    """Return what one turn of each episode leads to; None where an equal reply was tried in its state."""
    collector = stage.collector
    for episode in episodes:
        episode.opened(episode.opening())
        spent.restores += episode.start.moment is not None
    room = collector.actor.sampling.max_tokens
    asked = [(i, e, ask) for i, e in enumerate(episodes) if e.over is None and (ask := e.ask(room))]
    samples = collector.actor.replies([ask for _, _, ask in asked])
    spent.tokens += sum(len(sample.ids) for sample in samples)
    contexts: dict[int, array[int]] = {}
    tried: set[tuple[tuple[int, int], bytes]] = set()
    again: set[int] = set()
    for (i, episode, ask), sample in zip(asked, samples, strict=True):
        name = states[i], sample.ids.tobytes()
        if name in tried:
            again.add(i)
            continue
        tried.add(name)
        episode.read(ask, sample, collector.actor.sampling)
        episode.answered(episode.answering())
        spent.turns += 1
        contexts[i] = said(ask.request.prompt, sample.ids)
        if episode.over is None:
            episode.remember()
        if episode.over is None and (ahead := episode.ask(room)):
            contexts[i] = ahead.request.prompt
    worth = dict(zip(contexts, values(list(contexts.values())), strict=True))
    return [None if i in again else _as_reached(e, worth.get(i)) for i, e in enumerate(episodes)]


def _as_reached(episode: Episode, value: float | None) -> Reached:
    """Return what was reached; what failed is worth less than anything else."""
    if value is None or (episode.over is not None and not episode.over.scorable):
        value = float("-inf")
    return Reached(value, episode.moments[-1] if episode.over is None else None, episode.over)


def _chosen(ends: Sequence[Reached]) -> Trajectory:
    """Return the end with the highest value, the first of equals."""
    best = max(ends, key=lambda one: one.value)
    assert best.ended is not None
    return best.ended
