"""Requests to an endpoint that speaks OpenAI's chat completions, and its answers back over HTTP.

What the endpoint does is not trusted: answers are bounded in size and time and read as data. What may pass is
asked again, what will not ends the run in words.
"""

import asyncio
import email.utils
import json
import math
import os
import random
import time
from collections.abc import Mapping
from typing import Any

import httpx

from agentrl.errors import RunError
from agentrl.rollout.answers import Answered
from agentrl.rollout.messages import Messages, text_of
from agentrl.rollout.purse import Pace, Purse
from agentrl.settings import EndpointSettings
from agentrl.toolcalls import harmless

KEY = "OPENAI_API_KEY"
"""variable of the environment that holds the key; it is sent, and neither written nor shown"""
MOST_BYTES = 8 << 20
"""of an answer that are read"""
PASSING = frozenset({408, 409, 425, 429})
"""statuses below 500 that a second try may cure"""
UNANSWERED = frozenset({400, 413, 414, 422})
"""statuses that speak of one request: too long, or against a policy"""
LONGEST = 60.0
"""seconds between two tries at most, unless the endpoint says otherwise"""


class Refused(Exception):
    """The endpoint will not answer this one request."""


class _Passing(Exception):
    """Trouble that a second try may cure, in so many seconds where the endpoint says so."""

    def __init__(self, problem: str, after: float | None = None) -> None:
        super().__init__(problem)
        self.after = after


class Courier:
    """Asks one endpoint, within its pace and budget. Lives in one event loop."""

    def __init__(self, server: str, how: EndpointSettings, parallel: int) -> None:
        self.server = server.rstrip("/")
        self.purse = Purse(how)
        self.answered = 0
        """requests that came to an answer"""
        self._how, self._pace = how, Pace(how.rate)
        self._key = os.environ.get(KEY, "")
        headers = {"Accept-Encoding": "identity"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        limits = httpx.Limits(max_connections=parallel, max_keepalive_connections=parallel)
        patience = httpx.Timeout(None, connect=10.0)  # the whole answer has a deadline, not its parts
        self._http = httpx.AsyncClient(headers=headers, limits=limits, timeout=patience)

    async def ask(self, name: str, body: Mapping[str, Any], size: tuple[int, int]) -> Answered:
        """Return the answer to a request, asked for until it comes.

        `size` is how many tokens it may read and write, `name` names the chance in its pauses.
        Errors: Refused; RunError where no answer comes, or the budget is used up.
        """
        bill, retries = self.purse.bill, self._how.retries
        for attempt in range(retries + 1):
            bill.again += attempt > 0
            try:
                return await self._once(body, size)
            except _Passing as why:
                problem = why
            if problem.after is not None:
                if problem.after > self._how.patience:
                    raise RunError(f"{self.server} asks to be left alone for {problem.after:.0f} s")
                self._pace.rest(problem.after)
            elif attempt < retries:
                wait = min(self._how.pause * 2**attempt, LONGEST)
                # Drawn, so that those who failed together do not come back together.
                await asyncio.sleep(wait * random.Random(f"{name}/{attempt}").uniform(0.5, 1.0))
        raise RunError(f"{self.server} did not answer in {retries + 1} tries: {problem}")

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _once(self, body: Mapping[str, Any], size: tuple[int, int]) -> Answered:
        await self.purse.take(*size)
        used = 0, 0
        try:
            await self._pace.turn()
            answer = await self._posted(body, size)
            used = answer.read, answer.written
            self.purse.bill.estimated += answer.estimated
            self.answered += 1
            return answer
        finally:
            await self.purse.settle(size, *used)

    async def _posted(self, body: Mapping[str, Any], size: tuple[int, int]) -> Answered:
        content = bytearray()
        try:
            async with (
                asyncio.timeout(self._how.patience),
                self._http.stream("POST", f"{self.server}/chat/completions", json=body) as got,
            ):
                async for part in got.aiter_bytes():
                    content += part
                    if len(content) > MOST_BYTES:
                        raise _Passing(f"an answer of more than {MOST_BYTES} bytes")
        except TimeoutError:
            raise _Passing(f"no answer in {self._how.patience:g} s") from None
        except httpx.HTTPError as why:
            raise _Passing(self._shown(str(why) or type(why).__name__)) from why
        if got.status_code != 200:
            self._complain(got, content.decode(errors="replace"))
        return _read(bytes(content), size)

    def _complain(self, got: httpx.Response, content: str) -> None:
        """Raise what a status other than success comes to."""
        words = f"status {got.status_code}: {self._shown(content)}"
        if got.status_code in PASSING or got.status_code >= 500:
            raise _Passing(words, _seconds(got.headers.get("retry-after")))
        if got.status_code in UNANSWERED:
            raise Refused(words)
        raise RunError(f"{self.server} says {words}{'' if self._key else f' ({KEY} is not set)'}")

    def _shown(self, text: str) -> str:
        """Return what an endpoint said, fit to be shown; some repeat the key."""
        if self._key:
            text = text.replace(self._key, "[key]")
        return " ".join(harmless(text, 300).split()) or "no words"


def _read(content: bytes, size: tuple[int, int]) -> Answered:
    """Return the answer in a body. Raise _Passing where there is none."""
    try:
        got = json.loads(content)
        choice = got["choices"][0]
        text, reason = text_of(choice["message"]), choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise _Passing("an answer that is no chat completion") from None
    read, written = (_count(got.get("usage"), name) for name in ("prompt_tokens", "completion_tokens"))
    return Answered(
        text,
        "length" if reason == "length" else "stop",
        size[0] if read is None else read,
        len(Messages().encode(text).ids) if written is None else written,
        estimated=read is None or written is None,
    )


def _count(usage: Any, name: str) -> int | None:
    """Return a number of tokens that the endpoint tells; None where it does not."""
    found = usage.get(name) if isinstance(usage, dict) else None
    return found if isinstance(found, int) and 0 <= found < 1 << 40 else None


def _seconds(given: str | None) -> float | None:
    """Return what a Retry-After header asks for: seconds, or a date; None where it is neither."""
    if given is None:
        return None
    try:
        seconds = float(given)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(given).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
