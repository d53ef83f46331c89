"""Who plays: a sampler's policy, or a player scripted by the environment."""

import hashlib
import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from agentrl.env import Player, PlayerKind, TextEnv
from agentrl.players import Reasoned
from agentrl.rollout.chat import Chat
from agentrl.types import Request, Sample, Sampler, Sampling, floats32


@dataclass(frozen=True, slots=True)
class Ask:
    """One decision wanted."""

    episode: int
    """one number for all turns of an episode"""
    request: Request
    observation: str
    admissible: Sequence[str] | None
    env: TextEnv
    chat: Chat


class Actor(Protocol):
    """Whatever answers the prompts of an episode."""

    @property
    def sampling(self) -> Sampling:
        """How its replies are drawn."""
        ...

    def replies(self, asks: Sequence[Ask]) -> list[Sample]:
        """Return one reply each, in order."""
        ...

    def finished(self, episodes: Sequence[int]) -> None:
        """Forget what is remembered of these episodes."""
        ...


@dataclass(frozen=True, slots=True)
class SamplerActor:
    """The policy of a sampler.

    `best_admissible` takes, where the environment lists actions, the one whose tokens have the highest summed
    log-probability (end token left out; the first of equals), and elsewhere decodes greedily. It is a rule
    without chance, so its log-probabilities are 0: for measuring, not for training.
    """

    sampler: Sampler
    sampling: Sampling
    decode: Literal["sample", "best_admissible"] = "sample"

    def replies(self, asks: Sequence[Ask]) -> list[Sample]:
        """Return one reply each, in order."""
        if self.decode == "sample":
            return self.sampler.generate([ask.request for ask in asks], self.sampling)
        found: dict[int, Sample] = {}
        listed = [i for i, ask in enumerate(asks) if ask.admissible]
        options = [[asks[i].chat.option(action) for action in asks[i].admissible or ()] for i in listed]
        sums = self.sampler.score([asks[i].request for i in listed], options) if listed else []
        for i, own, values in zip(listed, options, sums, strict=True):
            ids = own[max(range(len(own)), key=values.__getitem__)]
            found[i] = _certain(asks[i].chat, ids, self.sampler.version)
        free = [i for i in range(len(asks)) if i not in found]
        if free:
            greedy = Sampling(temperature=0.0, max_tokens=self.sampling.max_tokens)
            found.update(
                zip(free, self.sampler.generate([asks[i].request for i in free], greedy), strict=True)
            )
        return [found[i] for i in range(len(asks))]

    def finished(self, episodes: Sequence[int]) -> None:
        """Let the sampler drop what it cached."""
        self.sampler.forget(episodes)


@dataclass(frozen=True, slots=True)
class PlayerActor:
    """A player scripted by the environment: replies in the chat's format, with log-probabilities of 0."""

    kind: PlayerKind
    sampling: Sampling = field(default_factory=Sampling)
    silence: float = 0.0
    """chance that a reply leaves its thought empty: thought dropout, as in the code of TON (Think or Not)"""
    _playing: dict[int, Player] = field(default_factory=dict[int, Player], repr=False, compare=False)

    def replies(self, asks: Sequence[Ask]) -> list[Sample]:
        """Return one reply each, in order.

        Errors: ConfigError where the environment has no such player.
        """
        return [self._reply(ask) for ask in asks]

    def _reply(self, ask: Ask) -> Sample:
        action = self._player(ask)(ask.observation)
        thought = action.thought if isinstance(action, Reasoned) else ""
        if thought and random.Random(repr(("silence", ask.request.key))).random() < self.silence:
            thought = ""
        return _certain(ask.chat, ask.chat.option(action, thought), 0)

    def finished(self, episodes: Sequence[int]) -> None:
        """Let these players go."""
        for episode in episodes:
            self._playing.pop(episode, None)

    def _player(self, ask: Ask) -> Player:
        if ask.episode not in self._playing:
            # Named like the episode's sampling, without the turn: a player lives as long as the episode.
            name = hashlib.blake2b(repr(ask.request.key[:-1]).encode(), digest_size=7).digest()
            self._playing[ask.episode] = ask.env.player(self.kind, int.from_bytes(name, "little"))
        return self._playing[ask.episode]


def _certain(chat: Chat, ids: "array[int]", version: int) -> Sample:
    """Return a reply that chance had no part in."""
    reply = chat.ended(ids)
    return Sample(reply, floats32([0.0] * len(reply)), "stop", version)
