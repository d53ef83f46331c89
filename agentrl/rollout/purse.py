"""What an endpoint may be asked for: how fast, how much, and what it came to."""

import asyncio
import time
from dataclasses import dataclass

from agentrl.errors import RunError
from agentrl.settings import EndpointSettings

MILLION = 1e6


@dataclass(slots=True)
class Bill:
    """What a command has asked an endpoint for so far."""

    requests: int = 0
    """sent, those sent again included"""
    again: int = 0
    """sent again after a failure"""
    kept: int = 0
    """answers that were there from before, for nothing"""
    refused: int = 0
    """requests that the endpoint would not answer: the agent said nothing then"""
    read: int = 0
    """tokens of prompts"""
    written: int = 0
    """tokens of replies"""
    estimated: int = 0
    """answers whose tokens the endpoint did not tell"""
    cost: float = 0.0
    """in the unit of the prices"""

    def __str__(self) -> str:
        """Return it in a line."""
        guessed = f" ({self.estimated} answers estimated)" if self.estimated else ""
        cost = f", cost {self.cost:.4f}" if self.cost else ""
        refused = f", {self.refused} refused" if self.refused else ""
        return (
            f"{self.requests} requests ({self.again} again{refused}), {self.kept} answers kept from before,"
            f" {self.read:,} tokens read and {self.written:,} written{guessed}{cost}"
        )


class Pace:
    """When requests may begin: evenly spaced, and not while the endpoint asks to be left alone."""

    def __init__(self, rate: float) -> None:
        self._gap = 60 / rate if rate else 0.0
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for one's turn."""
        now = time.monotonic()
        begin = max(now, self._next)
        self._next = begin + self._gap if self._gap else self._next
        if begin > now:
            await asyncio.sleep(begin - now)

    def rest(self, seconds: float) -> None:
        """Let nobody begin for so long."""
        self._next = max(self._next, time.monotonic() + seconds)


class Purse:
    """The budget: a request that might exceed it waits for those on their way, then is turned down."""

    def __init__(self, how: EndpointSettings) -> None:
        self.bill = Bill()
        self._how = how
        self._held = (0, 0)
        """most tokens that requests on their way may read and write"""
        self._away = 0
        self._changed = asyncio.Condition()

    async def take(self, read: int, written: int) -> None:
        """Set aside what a request may take at most.

        Errors: RunError where the budget does not allow for it.
        """
        async with self._changed:
            while short := self._short(read, written):
                if not self._away:
                    raise RunError(f"{short} does not allow for another request ({self.bill})")
                await self._changed.wait()
            self.bill.requests += 1
            self._away += 1
            self._held = (self._held[0] + read, self._held[1] + written)

    async def settle(self, held: tuple[int, int], read: int, written: int) -> None:
        """Give back what was set aside and pay what was taken."""
        async with self._changed:
            self._away -= 1
            self._held = (self._held[0] - held[0], self._held[1] - held[1])
            self.bill.read += read
            self.bill.written += written
            self.bill.cost += self._cost(read, written)
            self._changed.notify_all()

    def _cost(self, read: int, written: int) -> float:
        return (read * self._how.price_read + written * self._how.price_written) / MILLION

    def _short(self, read: int, written: int) -> str:
        """Return the limit that another request of this size might exceed; empty: none."""
        how, bill = self._how, self.bill
        read, written = read + self._held[0], written + self._held[1]
        if how.most_requests and bill.requests >= how.most_requests:
            return f"endpoint.most_requests={how.most_requests}"
        if how.most_tokens and bill.read + bill.written + read + written > how.most_tokens:
            return f"endpoint.most_tokens={how.most_tokens}"
        if how.most_cost and bill.cost + self._cost(read, written) > how.most_cost:
            return f"endpoint.most_cost={how.most_cost:g}"
        return ""
