"""Replies chosen by what a trained value says of them: several are drawn, the best one is played."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from agentrl.errors import ConfigError
from agentrl.rollout.actors import Actor, Ask
from agentrl.types import Sample, Sampling, Trajectory, ids32

Values = Callable[[Sequence["array[int]"]], list[float]]
"""From contexts to what is expected to be earned from there, one number each"""


@dataclass(slots=True)
class ValuedActor:
    """Draws `count` replies to each prompt of an actor and takes the one whose end has the highest value.

    Source: OREO (arXiv:2412.16145), section on test time, for agents; equal values: the first one drawn.
    """

    actor: Actor
    values: Values
    count: int
    tokens: int = 0
    """drawn so far, those of replies that were not taken included"""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"count={self.count}: at least one reply is drawn")

    @property
    def sampling(self) -> Sampling:
        """How its replies are drawn."""
        return self.actor.sampling

    def replies(self, asks: Sequence[Ask]) -> list[Sample]:
        """Return one reply each, in order."""
        wanted = [_numbered(ask, self.count, i) for ask in asks for i in range(self.count)]
        drawn = self.actor.replies(wanted)
        self.tokens += sum(len(sample.ids) for sample in drawn)
        worth = self.values(
            [said(ask.request.prompt, sample.ids) for ask, sample in zip(wanted, drawn, strict=True)]
        )
        found = []
        for start in range(0, len(drawn), self.count):
            best = max(range(start, start + self.count), key=worth.__getitem__)
            found.append(drawn[best])
        return found

    def finished(self, episodes: Sequence[int]) -> None:
        """Forget what is remembered of these episodes."""
        self.actor.finished(episodes)


def said(prompt: "array[int]", reply: "array[int]") -> "array[int]":
    """Return a prompt and its reply up to the last token: the last state before which something is chosen."""
    return prompt + reply[:-1]


def last_context(episode: Trajectory) -> "array[int]":
    """Return the last prompt of an episode and the reply to it up to its last token.

    Edge: an episode without turns has an empty one.
    """
    context, last = ids32(), ids32()
    for turn in episode.turns:
        context = turn.prompt_ids[:] if turn.fresh else context + turn.prompt_ids
        last = said(context, turn.action_ids)
        context = context + turn.action_ids
    return last


def _numbered(ask: Ask, count: int, number: int) -> Ask:
    """Return a prompt asked once more, with random numbers of its own."""
    seed, task, sample, turn = ask.request.key
    key = (seed, task, sample * count + number, turn)
    # Several replies to one prompt share no cache that they could write to.
    return replace(ask, request=replace(ask.request, key=key, session=-1))
