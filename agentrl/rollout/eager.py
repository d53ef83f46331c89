"""The eager schedule: nobody waits for anybody.

Environments answer in threads while the sampler works; a reply that is done goes to its environment at once,
an answered action goes back to the sampler at once. Which requests are decoded together depends on the clock,
so replies are those of the logical schedule up to rounding.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Protocol, cast

from agentrl.rollout.actors import Actor, Ask, SamplerActor
from agentrl.rollout.episode import Answer, Episode
from agentrl.rollout.stage import Stage
from agentrl.types import Sample, Streaming


class Line(Protocol):
    """Asks on their way to an actor, and replies on their way back."""

    @property
    def waiting(self) -> int:
        """Return how many asks have no reply yet."""
        ...

    def put(self, ask: Ask) -> None:
        """Take an ask."""
        ...

    def advance(self) -> list[tuple[Ask, Sample]]:
        """Work on what is waiting; return the replies that are done."""
        ...


class Batches:
    """A line to an actor that answers many asks in one call: whatever has gathered by then."""

    def __init__(self, actor: Actor) -> None:
        self._actor, self._asks = actor, list[Ask]()

    @property
    def waiting(self) -> int:
        """Return how many asks have no reply yet."""
        return len(self._asks)

    def put(self, ask: Ask) -> None:
        """Take an ask."""
        self._asks.append(ask)

    def advance(self) -> list[tuple[Ask, Sample]]:
        """Return a reply to every ask."""
        asks, self._asks = self._asks, []
        return list(zip(asks, self._actor.replies(asks), strict=True)) if asks else []


class Stream:
    """A line to a sampler whose requests come and go one by one."""

    def __init__(self, actor: SamplerActor) -> None:
        self._sampler, self._sampling = cast(Streaming, actor.sampler), actor.sampling
        self._asks: dict[int, Ask] = {}

    @property
    def waiting(self) -> int:
        """Return how many asks have no reply yet."""
        return len(self._asks)

    def put(self, ask: Ask) -> None:
        """Take an ask."""
        self._asks[ask.episode] = ask
        self._sampler.submit(ask.episode, ask.request, self._sampling)

    def advance(self) -> list[tuple[Ask, Sample]]:
        """Return what was finished by a moment of work."""
        return [(self._asks.pop(ticket), sample) for ticket, sample in self._sampler.advance()]


def line_to(actor: Actor) -> Line:
    """Return the line that suits an actor."""
    if isinstance(actor, SamplerActor) and actor.decode == "sample" and hasattr(actor.sampler, "submit"):
        return Stream(actor)
    return Batches(actor)


def play_eagerly(
    stage: Stage, actor: Actor, threads: int, *, moments: bool, told: Callable[[int], None]
) -> None:
    """Play every episode of the stage; `told` is called with the number of tokens of each reply."""
    line, sampling = line_to(actor), actor.sampling
    answers: SimpleQueue[tuple[Episode, Callable[[Answer], None], Answer]] = SimpleQueue()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="environment")
    away = 0
    """episodes that are with their environments"""

    def send(episode: Episode, work: Callable[[], Answer], then: Callable[[Answer], None]) -> None:
        def answered() -> None:
            try:
                answer = work()
            except BaseException as why:  # a thread that ends silently would be waited for without end
                answer = Answer(failure=RuntimeError(f"{type(why).__name__}: {why}"))
            answers.put((episode, then, answer))

        pool.submit(answered)

    def next_turn(episode: Episode) -> None:
        if moments and episode.over is None:
            episode.remember()
        ask = episode.ask(sampling.max_tokens) if episode.over is None else None
        if ask is not None:
            line.put(ask)
            return
        stage.leave(episode)
        actor.finished([episode.place])
        told(0)

    try:
        while not stage.over:
            for episode in stage.entering():
                send(episode, episode.opening, episode.opened)
                away += 1
            while away and (not line.waiting or not answers.empty()):
                episode, then, answer = answers.get()
                away -= 1
                then(answer)
                next_turn(episode)
            for ask, sample in line.advance() if line.waiting else ():
                episode = stage.at(ask.episode)
                episode.read(ask, sample, sampling)
                told(len(sample.ids))
                send(episode, episode.answering, episode.answered)
                away += 1
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
