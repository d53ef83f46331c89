"""Replies from a vLLM server over HTTP: token ids and log-probabilities come back, weights go by a folder.

The server is one's own, started with its development routes open (VLLM_SERVER_DEV_MODE=1), on a machine that
sees the weights' folder: `python -m vllm.entrypoints.openai.api_server --model ... --logprobs-mode
processed_logprobs`. Requests are single and concurrent; batching them is the server's work.
"""

import hashlib
import tempfile
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from safetensors.torch import save_file

from agentrl.errors import ConfigError, RunError
from agentrl.rollout.arrivals import Arrivals
from agentrl.rollout.engine import EngineOptions
from agentrl.types import Request, Sample, Sampling, Structure, floats32, ids32

PATIENCE = httpx.Timeout(600.0, connect=10.0)


class ServedSampler:
    """A `Streaming` sampler over a server at `url`.

    `folder` is where weights are written for it; none: a temporary folder, for a server on this machine.
    Errors: ConfigError where nothing answers there, or what answers is no vLLM server with its routes open.
    """

    def __init__(
        self, url: str, ends: Collection[int], options: EngineOptions, folder: str | None = None
    ) -> None:
        self.version = -1
        self.options = options
        self._ends = sorted(ends)
        self._own = tempfile.TemporaryDirectory(prefix="agentrl-weights-") if folder is None else None
        self._folder = Path(self._own.name if self._own is not None else str(folder))
        limits = httpx.Limits(max_connections=options.parallel, max_keepalive_connections=options.parallel)
        self._http = httpx.Client(base_url=url.rstrip("/"), timeout=PATIENCE, limits=limits)
        self._url = url
        self._model = self._named()
        self._pool = ThreadPoolExecutor(options.parallel, thread_name_prefix="request")
        self._arrivals = Arrivals()

    def _named(self) -> str:
        try:
            listed = self._http.get("/v1/models").raise_for_status().json()["data"]
            self._http.get("/is_sleeping").raise_for_status()
        except (httpx.HTTPError, KeyError, ValueError) as why:
            raise ConfigError(
                f"rollout.server={self._url}: no vLLM server with development routes answers there ({why});"
                " start one with VLLM_SERVER_DEV_MODE=1"
            ) from why
        return str(listed[0]["id"])

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> list[Sample]:
        """Return one sample a request, in order. Each depends on its prompt and key up to rounding."""
        return list(self._pool.map(lambda request: self._asked(request, sampling), requests))

    def submit(self, ticket: int, request: Request, sampling: Sampling) -> None:
        """Take a request."""
        future = self._pool.submit(self._asked, request, sampling)
        self._arrivals.expect(ticket, future)

    def advance(self) -> list[tuple[int, Sample]]:
        """Wait a moment; return the replies that came.

        Errors: RunError where the server refused a request or went away.
        """
        return self._arrivals.come()

    def score(self, requests: Sequence[Request], options: Sequence[Sequence[Any]]) -> list[list[float]]:
        """Return, for each request, the summed log-probability of each of its options as the next tokens."""

        def one(job: tuple[Request, Any]) -> float:
            request, option = job
            if not len(option):
                return 0.0
            prompt = [*request.prompt, *option]
            choice = self._completed({"prompt": prompt, "max_tokens": 1, "prompt_logprobs": 0})
            read = choice["prompt_logprobs"][-len(option) :]
            return sum(
                float(column[str(token)]["logprob"]) for column, token in zip(read, option, strict=True)
            )

        jobs = [(request, option) for request, own in zip(requests, options, strict=True) for option in own]
        sums = iter(list(self._pool.map(one, jobs)))
        return [[next(sums) for _ in own] for own in options]

    def load_weights(self, weights: Iterable[tuple[str, Any]], version: int) -> None:
        """Write the weights of a new version, have the server read them, and empty its prefix cache.

        Errors: RunError where the server did not do it.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        # Names that share memory are written each for itself: a packed head needs its own entry.
        tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in weights}
        self._write(tensors)
        self._post("/collective_rpc", self._order())
        if not self._forget_all():
            raise RunError("the server did not empty its prefix cache after new weights")
        self.version = version

    def _write(self, tensors: dict[str, Any]) -> None:
        part = self._folder / "model.safetensors.part"
        save_file(tensors, str(part), metadata={"format": "pt"})
        part.replace(self._folder / "model.safetensors")

    def _order(self) -> dict[str, Any]:
        return {"method": "reload_weights", "kwargs": {"weights_path": str(self._folder)}}

    def _forget_all(self) -> bool:
        answer = self._post("/reset_prefix_cache", None)
        return bool(answer.get("success", True)) if isinstance(answer, dict) else True

    def forget(self, sessions: Sequence[int]) -> None:
        """Do nothing: the server drops what is least used by itself."""

    def rest(self) -> None:
        """Do nothing: the server has a device of its own."""

    def close(self) -> None:
        """Let go of the connections and the folder; the server goes on."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._http.close()
        if self._own is not None:
            self._own.cleanup()

    def _asked(self, request: Request, sampling: Sampling) -> Sample:
        name = hashlib.blake2b(repr(request.key).encode(), digest_size=7).digest()
        body = {
            "prompt": list(request.prompt),
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "seed": int.from_bytes(name, "little"),
            "logprobs": 1,
            "stop_token_ids": self._ends,
            "ignore_eos": request.structure is None,
            "skip_special_tokens": False,
            **_structured(request.structure),
        }
        choice = self._completed(body)
        ids, reason = choice["token_ids"], choice["finish_reason"]
        logprobs = choice["logprobs"]["token_logprobs"]
        if reason not in ("stop", "length") or len(ids) != len(logprobs):
            raise RunError(
                f"the server ended a reply with '{reason}', {len(ids)} token ids and {len(logprobs)}"
                " log-probabilities"
            )
        return Sample(ids32(ids), floats32(logprobs), reason, self.version)

    def _completed(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._post("/v1/completions", {"model": self._model, "return_token_ids": True, **body})
        choice: dict[str, Any] = answer["choices"][0]
        return choice

    def _post(self, route: str, body: dict[str, Any] | None) -> Any:
        try:
            answer = self._http.post(route, json=body)
        except httpx.HTTPError as why:
            raise RunError(f"the server at {self._url} went away: {why or type(why).__name__}") from why
        if answer.is_error:
            raise RunError(f"the server at {self._url} refused {route}: {answer.text[:300]}")
        return answer.json() if answer.content else {}


def _structured(structure: Structure | None) -> dict[str, Any]:
    """Return a form as the server takes it."""
    return {} if structure is None else {"structured_outputs": {structure.kind: structure.spec}}
