"""Replies from an endpoint: messages in, text out, nothing to train on; nothing is paid for twice."""

import asyncio
import json
import logging
import math
import queue
import random
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from agentrl.errors import ConfigError, RunError
from agentrl.rollout.answers import Answered, Answers, name_of
from agentrl.rollout.courier import Courier, Refused
from agentrl.rollout.messages import END, Messages
from agentrl.rollout.purse import Bill
from agentrl.settings import EndpointSettings
from agentrl.types import Request, Sample, Sampling, floats32, ids32

CHARS = 32
"""most characters that a token of a reply is believed to be"""
FEW = 5
"""requests that may be refused before it ends the run that more are refused than answered"""
MOMENT = 0.02
"""seconds that `advance` waits for a reply"""
log = logging.getLogger("agentrl")


class EndpointSampler:
    """A `Streaming` sampler over an endpoint at `server`; `answers` is the file that keeps what it said.

    Ids are those of `Messages`, and log-probabilities nan, as none are known. Requests are made in a thread.
    Errors: ConfigError where the file cannot be opened.
    """

    def __init__(self, server: str, model: str, how: EndpointSettings, parallel: int, answers: Path) -> None:
        self.version = 0
        self._model = model
        self._extra: Mapping[str, Any] = json.loads(how.extra)
        self._words, self._answers = Messages(), Answers(answers)
        self._courier = Courier(server, how, parallel)
        self._gate = asyncio.Semaphore(parallel)
        self._done: queue.SimpleQueue[tuple[int, Future[Sample]]] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="endpoint", daemon=True)
        self._thread.start()

    @property
    def bill(self) -> Bill:
        """What was asked for so far."""
        return self._courier.purse.bill

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> list[Sample]:
        """Return one sample a request, in order.

        Errors: RunError where the endpoint does not answer, or the budget is used up.
        """
        begun = [self._begun(request, sampling) for request in requests]
        return [future.result() for future in begun]

    def submit(self, ticket: int, request: Request, sampling: Sampling) -> None:
        """Take a request."""
        self._begun(request, sampling).add_done_callback(lambda done: self._done.put((ticket, done)))

    def advance(self) -> list[tuple[int, Sample]]:
        """Wait a moment; return the replies that came. Errors as in `generate`."""
        found: list[tuple[int, Sample]] = []
        try:
            ticket, done = self._done.get(timeout=MOMENT)
            found.append((ticket, done.result()))
            while True:
                ticket, done = self._done.get_nowait()
                found.append((ticket, done.result()))
        except queue.Empty:
            return found

    def score(self, requests: Sequence[Request], options: Sequence[Sequence[Any]]) -> list[list[float]]:
        """Refuse: endpoints do not tell how likely given replies are."""
        raise ConfigError("rollout=openai: an endpoint does not tell how likely given replies are")

    def load_weights(self, weights: Iterable[tuple[str, Any]], version: int) -> None:
        """Refuse: the weights are the endpoint's own."""
        raise ConfigError("rollout=openai: an endpoint takes no weights")

    def forget(self, sessions: Sequence[int]) -> None:
        """Do nothing: nothing is remembered here."""

    def rest(self) -> None:
        """Do nothing: there is no device."""

    def close(self) -> None:
        """Let go of the connections and the file; what is on its way is given up."""
        asyncio.run_coroutine_threadsafe(self._ended(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._answers.close()

    async def _ended(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._courier.close()

    def _begun(self, request: Request, sampling: Sampling) -> "Future[Sample]":
        return asyncio.run_coroutine_threadsafe(self._replied(request, sampling), self._loop)

    async def _replied(self, request: Request, sampling: Sampling) -> Sample:
        body = self._body(request, sampling)
        name = name_of(request.key, self._courier.server, body)
        answer = self._answers.get(name)
        if answer is None:
            async with self._gate:
                answer = await self._asked(name, body, (len(request.prompt), sampling.max_tokens))
        else:
            self.bill.kept += 1
        text = answer.text[: CHARS * sampling.max_tokens]
        stop = "length" if len(text) < len(answer.text) else answer.stop
        ids = ids32(self._words.encode(text).ids) + ids32([END] if stop == "stop" else [])
        return Sample(ids, floats32([math.nan] * len(ids)), stop, self.version)

    def _body(self, request: Request, sampling: Sampling) -> dict[str, Any]:
        """Return what is sent. What is so by default is left unsaid: some endpoints refuse to be told."""
        body = json.loads(self._words.decode(request.prompt))
        body |= {"model": self._model, "max_tokens": sampling.max_tokens}
        if sampling.temperature != 1:
            body["temperature"] = sampling.temperature
        if sampling.top_p != 1:
            body["top_p"] = sampling.top_p
        if sampling.top_k:
            body["top_k"] = sampling.top_k
        if sampling.temperature:
            body["seed"] = random.Random(repr(request.key)).getrandbits(31)
        return {key: value for key, value in {**body, **self._extra}.items() if value is not None}

    async def _asked(self, name: str, body: Mapping[str, Any], size: tuple[int, int]) -> Answered:
        """Return an answer and keep it; silence in its place where the endpoint refuses this one.

        Errors: RunError where none comes, or so many are refused that the requests must be wrong.
        """
        try:
            answer = await self._courier.ask(name, body, size)
        except Refused as why:
            self.bill.refused += 1
            if self.bill.refused > max(FEW, self._courier.answered):
                raise RunError(f"{self._courier.server} refuses most requests, {why}") from why
            log.warning("%s would not answer a request, %s", self._courier.server, why)
            return Answered("", "stop", 0, 0)
        except RunError as why:
            kept = f"what it answered is kept in {self._answers.path}, the same command goes on from there"
            raise RunError(f"{why}; {kept}") from why
        self._answers.add(name, answer)
        return answer
