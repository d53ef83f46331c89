"""The eager schedule: nobody waits for anybody.

Environments answer in threads while the sampler works; a reply that is done goes to its environment at once,
an answered action goes back to the sampler at once. Which requests are decoded together depends on the clock,
so replies are those of the logical schedule up to rounding.

What happens comes through an inbox: answers of environments, and on a lasting stage whatever else is wanted
of the one thread that plays: further starts, other weights, an end.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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

    def between(self, work: Callable[[], None]) -> None:
        """Do some work once no reply is under way; none is begun before."""
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

    def between(self, work: Callable[[], None]) -> None:
        """Do it now: a reply is begun and ended within `advance`."""
        work()


class Stream:
    """A line to a sampler whose requests come and go one by one."""

    def __init__(self, actor: SamplerActor) -> None:
        self._sampler, self._sampling = cast(Streaming, actor.sampler), actor.sampling
        self._asks: dict[int, Ask] = {}
        self._held: list[Ask] = []
        self._work: list[Callable[[], None]] = []

    @property
    def waiting(self) -> int:
        """Return how many asks have no reply yet."""
        return len(self._asks) + len(self._held)

    def put(self, ask: Ask) -> None:
        """Take an ask."""
        if self._work:
            self._held.append(ask)
            return
        self._asks[ask.episode] = ask
        self._sampler.submit(ask.episode, ask.request, self._sampling)

    def advance(self) -> list[tuple[Ask, Sample]]:
        """Return what was finished by a moment of work."""
        done = [(self._asks.pop(ticket), sample) for ticket, sample in self._sampler.advance()]
        self._do()
        return done

    def between(self, work: Callable[[], None]) -> None:
        """Do some work once no reply is under way; asks that come before are held back."""
        self._work.append(work)
        self._do()

    def _do(self) -> None:
        if self._work and not self._asks:
            work, self._work = self._work, []
            for one in work:
                one()
            held, self._held = self._held, []
            for ask in held:
                self.put(ask)


def line_to(actor: Actor) -> Line:
    """Return the line that suits an actor."""
    if isinstance(actor, SamplerActor) and actor.decode == "sample" and hasattr(actor.sampler, "submit"):
        return Stream(actor)
    return Batches(actor)


Event = Callable[[Stage, Line], None]
"""What is done between two moments of decoding, by the thread that plays"""
Told = Callable[[Episode, int], None]
"""Called with an episode and the tokens of its reply; with 0 when it has left the stage"""


def play_eagerly(
    stage: Stage, actor: Actor, threads: int, *, moments: bool, told: Told, inbox: SimpleQueue[Event]
) -> None:
    """Play the episodes of the stage until it is over."""
    line, sampling = line_to(actor), actor.sampling
    pool = ThreadPoolExecutor(threads, thread_name_prefix="environment")

    def send(episode: Episode, work: Callable[[], Answer], then: Callable[[Answer], None]) -> None:
        def answered() -> None:
            try:
                answer = work()
            except BaseException as why:  # a thread that ends silently would be waited for without end
                answer = Answer(failure=RuntimeError(f"{type(why).__name__}: {why}"))
            inbox.put(partial(take, episode, then, answer))

        pool.submit(answered)

    def take(
        episode: Episode, then: Callable[[Answer], None], answer: Answer, stage: Stage, line: Line
    ) -> None:
        then(answer)
        stage.moved(episode)
        if episode.over is None and (reason := stage.unwanted(episode)):
            episode.abandon(reason)
        if moments and episode.over is None:
            episode.remember()
        ask = episode.ask(sampling.max_tokens) if episode.over is None else None
        if ask is not None:
            line.put(ask)
            return
        stage.leave(episode)
        actor.finished([episode.place])
        told(episode, 0)

    try:
        while not stage.over:
            for episode in stage.entering():
                send(episode, episode.opening, episode.opened)
            if not line.waiting or not inbox.empty():
                inbox.get()(stage, line)
                continue
            for ask, sample in line.advance():
                episode = stage.at(ask.episode)
                episode.read(ask, sample, sampling)
                stage.moved(episode)
                told(episode, len(sample.ids))
                send(episode, episode.answering, episode.answered)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
