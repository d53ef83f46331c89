"""Replies that come when they come, from whoever answers over a network."""

import queue
from concurrent.futures import Future

from agentrl.types import Sample

MOMENT = 0.02
"""seconds to wait for a reply"""


class Arrivals:
    """Requests that are on their way, by ticket."""

    def __init__(self) -> None:
        self._done: queue.SimpleQueue[tuple[int, Future[Sample]]] = queue.SimpleQueue()

    def expect(self, ticket: int, reply: "Future[Sample]") -> None:
        """Hand the reply on when it is there."""
        reply.add_done_callback(lambda done: self._done.put((ticket, done)))

    def come(self) -> list[tuple[int, Sample]]:
        """Wait a moment; return the replies that came. What a request raised is raised."""
        found: list[tuple[int, Sample]] = []
        try:
            ticket, done = self._done.get(timeout=MOMENT)
            found.append((ticket, done.result()))
            while True:
                ticket, done = self._done.get_nowait()
                found.append((ticket, done.result()))
        except queue.Empty:
            return found
