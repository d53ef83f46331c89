"""Replies from vLLM's engine inside this process: continuous batching, paged and shared keys and values.

The engine starts without weights and is given them by `load_weights`, always: one way in, and a probe of the
caller's can hold it to account. It is driven by its own step loop, so a request may join at any step.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import torch

from agentrl.errors import ConfigError, RunError
from agentrl.rollout.engine import EngineOptions, first_line, open_engine
from agentrl.types import Request, Sample, Sampling, Structure, floats32, ids32


class VLLMSampler:
    """A `Streaming` sampler over vLLM; `folder` holds the model's config and tokenizer, weights are not read.

    Errors: ConfigError where the engine cannot be started for this model on this machine.
    """

    def __init__(self, folder: Path, ends: Collection[int], options: EngineOptions) -> None:
        self.version = -1
        self.options = options
        self._ends = sorted(ends)
        self._tickets = count()
        self._asleep = False
        self._llm = open_engine(folder, options)
        self._loop: Any = self._llm.llm_engine

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> list[Sample]:
        """Return one sample a request, in order. Each depends on its prompt and key up to rounding."""
        tickets = [next(self._tickets) for _ in requests]
        for ticket, request in zip(tickets, requests, strict=True):
            self.submit(ticket, request, sampling)
        found: dict[int, Sample] = {}
        while len(found) < len(tickets):
            found.update(self.advance())
        return [found[ticket] for ticket in tickets]

    def submit(self, ticket: int, request: Request, sampling: Sampling) -> None:
        """Take a request.

        Errors: RunError where its context does not fit; ConfigError where log-probabilities of another kind
                are wanted than the engine was set up for.
        """
        if sampling.processed != (self.options.logprobs == "processed"):
            raise ConfigError(
                f"this engine returns {self.options.logprobs} log-probabilities; rollout.logprobs says which"
            )
        if len(request.prompt) + sampling.max_tokens > self.options.max_context:
            raise RunError(
                f"a context of {len(request.prompt) + sampling.max_tokens} tokens (prompt and reply) does not"
                f" fit the engine's {self.options.max_context}; raise rollout.max_context"
            )
        self._add(ticket, request.prompt, self._parameters(request, sampling))

    def advance(self) -> list[tuple[int, Sample]]:
        """Do one step of the engine; return the replies that it finished."""
        return [(int(done.request_id), self._sample(done.outputs[0])) for done in self._step()]

    def score(self, requests: Sequence[Request], options: Sequence[Sequence[Any]]) -> list[list[float]]:
        """Return, for each request, the summed log-probability of each of its options as the next tokens."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        how = SamplingParams(
            max_tokens=1,
            temperature=0.0,
            prompt_logprobs=0,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        found: list[list[float]] = [[0.0] * len(own) for own in options]
        places: dict[int, tuple[int, int]] = {}
        for number, (request, own) in enumerate(zip(requests, options, strict=True)):
            for place, option in enumerate(own):
                if len(option):
                    ticket = next(self._tickets)
                    places[ticket] = number, place
                    self._add(ticket, request.prompt + ids32(option), how)
        left = len(places)
        while left:
            for done in self._step():
                number, place = places[int(done.request_id)]
                option = options[number][place]
                read = done.prompt_logprobs[-len(option) :]
                found[number][place] = sum(
                    column[token].logprob for column, token in zip(read, option, strict=True)
                )
                left -= 1
        return found

    def load_weights(self, weights: Iterable[tuple[str, Any]], version: int) -> None:
        """Take the weights of a new version and forget every key and value of the old ones.

        Errors: RunError where requests are under way, or the cache could not be emptied.
        """
        if self._loop.has_unfinished_requests():
            raise RunError("weights cannot change while the engine is answering requests")
        self._wake()
        with torch.no_grad():
            self._take(weights)
        if not self._forget_all():
            raise RunError(
                "vLLM did not empty its prefix cache after new weights: it would go on with keys and values"
                " of the old ones"
            )
        self.version = version

    def _take(self, weights: Iterable[tuple[str, Any]]) -> None:
        # Not `model.load_weights`: on a CPU the packed weights have nothing left to copy into.
        self._llm.collective_rpc("reload_weights", kwargs={"weights_iterator": iter(weights)})

    def _forget_all(self) -> bool:
        """Empty the prefix cache; tell whether that worked. New weights alone do not make it invalid."""
        return bool(self._llm.reset_prefix_cache())

    def forget(self, sessions: Sequence[int]) -> None:
        """Do nothing: the engine drops what is least used by itself."""

    def rest(self) -> None:
        """Free the device for the learner, where it is a GPU: weights go to the host, keys and values go."""
        if torch.cuda.is_available() and not self._asleep:
            self._llm.sleep(level=1)
            self._asleep = True

    def _wake(self) -> None:
        if self._asleep:
            self._llm.wake_up()
            self._asleep = False

    def close(self) -> None:
        """Stop the engine."""
        self._loop.engine_core.shutdown()

    def _add(self, ticket: int, prompt: Sequence[int], how: Any) -> None:
        from vllm import TokensPrompt

        if self.version < 0:
            raise RunError("the engine has no weights yet; call load_weights first")
        self._wake()
        self._loop.add_request(str(ticket), TokensPrompt(prompt_token_ids=list(prompt)), how)

    def _step(self) -> list[Any]:
        # A thread has torch's number of threads once it asked for it. The engine reckons with the number that
        # it finds when a step begins, and ends the process where that changes within the step.
        torch.get_num_threads()
        try:
            outputs = self._loop.step()
        except Exception as why:
            raise RunError(f"vLLM's engine failed: {first_line(why)}") from why
        return [output for output in outputs if output.finished]

    def _parameters(self, request: Request, sampling: Sampling) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        name = hashlib.blake2b(repr(request.key).encode(), digest_size=7).digest()
        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            max_tokens=sampling.max_tokens,
            seed=int.from_bytes(name, "little"),
            logprobs=0,
            stop_token_ids=self._ends,
            ignore_eos=request.structure is None,  # a grammar ends with the tokenizer's own end token
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
            structured_outputs=structured(request.structure),
        )

    def _sample(self, done: Any) -> Sample:
        if done.finish_reason not in ("stop", "length"):
            raise RunError(f"vLLM ended a reply with '{done.finish_reason}'")
        logprobs = [
            column[token].logprob for token, column in zip(done.token_ids, done.logprobs, strict=True)
        ]
        return Sample(ids32(done.token_ids), floats32(logprobs), done.finish_reason, self.version)


def structured(structure: Structure | None) -> Any:
    """Return vLLM's own description of a form; None for free text."""
    if structure is None:
        return None
    from vllm.sampling_params import StructuredOutputsParams

    spec = list(structure.spec) if structure.kind == "choice" else structure.spec
    return StructuredOutputsParams(**{structure.kind: spec})
