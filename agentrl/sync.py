"""The sampler of a run, and its weights held equal to the policy's.

An engine that did not take new weights in samples from an old policy without a word: a tied head that stayed
behind, a prefix cache of old keys and values. So after every hand-over a fixed prompt is continued, and the
log-probabilities of what was drawn are compared with the trainer's.
"""

import random
import tempfile
from array import array
from pathlib import Path
from typing import Any

import torch

from agentrl.errors import ConfigError, RunError
from agentrl.learner.model import Policy, pad_of
from agentrl.rollout.endpoint import EndpointSampler
from agentrl.rollout.engine import EngineOptions
from agentrl.rollout.hf import HFSampler
from agentrl.settings import Settings
from agentrl.types import Request, Sampler, Sampling, ids32

PROMPT, REPLY = 320, 16
"""tokens of the probe: long enough to be found in a prefix cache, whose blocks hold 128 tokens at most"""
TOLERANCE = {"float64": 1e-4, "float32": 1e-4, "bfloat16": 0.1}
"""nats between the two: the largest over the reply's tokens; the mean in bfloat16, where a merged adapter is
rounded too"""


def make_endpoint(settings: Settings) -> EndpointSampler:
    """Return the endpoint that the settings name, in place of a model.

    Errors: ConfigError where its answers cannot be kept.
    """
    assert settings.rollout.server is not None
    kept = settings.endpoint.answers or Path(settings.run.out or "runs/openai") / "answers.jsonl"
    how = settings.rollout
    return EndpointSampler(
        settings.rollout.server, settings.model.path, settings.endpoint, how.parallel, Path(kept)
    )


def make_sampler(settings: Settings, policy: Policy, ends: frozenset[int]) -> Sampler:
    """Return the sampler that the settings name; one with weights of its own has none until a `Sync`.

    `ends` are the ids that end a reply.
    Errors: ConfigError where the engine is missing, of an unknown version, or does not start.
    """
    how = settings.rollout
    if how.backend == "hf":
        return HFSampler(policy.module, eos_ids=ends, pad_id=policy.pad, shared=True)
    if how.server is not None:
        from agentrl.rollout.served import ServedSampler

        return ServedSampler(how.server, ends, _options(settings), how.server_weights)
    return own_sampler(settings, policy.module.config, policy.tokenizer, ends)


def own_sampler(settings: Settings, config: Any, tokenizer: Any, ends: frozenset[int]) -> Sampler:
    """Return a sampler of this process with weights of its own, which it has none of until it is given some.

    Errors: ConfigError where the engine is missing, of an unknown version, or does not start.
    """
    if settings.rollout.backend == "hf":
        from transformers import AutoModelForCausalLM

        module = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, settings.model.dtype))
        module.requires_grad_(False)
        # As the policy is placed: a tiny model stays on the processor.
        gpu = torch.cuda.is_available() and settings.model.path != "tiny"
        module.to("cuda" if gpu else "cpu").eval()
        return HFSampler(module, eos_ids=ends, pad_id=pad_of(tokenizer))
    from agentrl.rollout.vllm import VLLMSampler

    with tempfile.TemporaryDirectory(prefix="agentrl-model-") as folder:
        config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return VLLMSampler(Path(folder), ends, _options(settings))


def _options(settings: Settings) -> EngineOptions:
    how = settings.rollout
    return EngineOptions(
        settings.model.dtype, how.max_context, how.parallel, how.logprobs, how.prefix_cache, how.memory
    )


def check_gap(gap: float, version: int, dtype: str) -> None:
    """Raise RunError where a sampler is further from the trainer than rounding explains, in nats."""
    limit = TOLERANCE[dtype]
    if not gap <= limit:
        raise RunError(
            f"after the weights of version {version} were handed over, the sampler's log-probabilities of"
            f" a fixed prompt differ from the trainer's by {gap:.3g} nats (at most {limit:g} in"
            f" {dtype}): it samples from other weights than those trained. The run stops, as it"
            " would learn from replies that its policy did not give. Known causes: an engine that leaves"
            " out a tied output head, or keeps keys and values of the old weights"
        )


class Probe:
    """A fixed prompt and reply: a sampler elsewhere is held to account without its replies being sent."""

    def __init__(self, words: int, most: int) -> None:
        """Take ids below `words`, `most` of them at most."""
        dice, length = random.Random(0), max(1, min(PROMPT, most - REPLY))
        self._prompt = ids32([dice.randrange(words) for _ in range(length)])
        self._reply = ids32([dice.randrange(words) for _ in range(min(REPLY, most - length))])

    def by(self, sampler: Sampler) -> float:
        """Return the mean log-probability of the reply's tokens by a sampler."""
        ((found,),) = sampler.score([Request(self._prompt, key=(0, 0, 0, 0))], [[self._reply]])
        return found / len(self._reply)

    @torch.no_grad()
    def of(self, policy: Policy) -> float:
        """Return the same by a policy's own weights."""
        return float(_likely(policy, self._prompt, self._reply).mean())


def _likely(policy: Policy, prompt: "array[int]", reply: "array[int]") -> torch.Tensor:
    """Return the log-probability of each token of a reply."""
    ids = torch.tensor([[*prompt, *reply]], device=policy.device)
    column = torch.arange(len(prompt), ids.shape[1], device=policy.device)
    found = policy.columns(ids, torch.zeros_like(column), column, ids[0, -len(reply) :], frozenset({"logp"}))
    return found["logp"].cpu().double()


class Sync:
    """Hands the policy's weights to a sampler, and proves that they arrived."""

    def __init__(self, policy: Policy, sampler: Sampler, settings: Settings) -> None:
        self.policy, self.sampler = policy, sampler
        self.shared = settings.rollout.backend == "hf"
        """the sampler reads the policy's own weights: there is nothing to hand over or to prove"""
        self._processed = settings.rollout.logprobs == "processed"
        self._dtype = settings.model.dtype
        length = min(PROMPT, settings.rollout.max_context - REPLY)
        if not self.shared and length < 1:
            raise ConfigError(
                f"rollout.max_context={settings.rollout.max_context}: no room for a probe of the weights,"
                f" which takes more than {REPLY} tokens"
            )
        dice = random.Random(0)
        self._prompt = ids32([dice.randrange(len(policy.tokenizer)) for _ in range(length)])

    def __call__(self, version: int) -> dict[str, float]:
        """Hand over the weights of `version`; return `sync_gap`, how far the two are apart, in nats.

        Edge:   nothing is returned where sampler and policy share their weights.
        Errors: RunError where they are further apart than rounding explains.
        """
        self.sampler.load_weights(self.policy.weights(), version)
        if self.shared:
            return {}
        gap = self.gap()
        check_gap(gap, version, self._dtype)
        return {"sync_gap": gap}

    @torch.no_grad()
    def gap(self) -> float:
        """Return how far the sampler's log-probabilities are from the trainer's, on a reply it draws now."""
        sampling = Sampling(max_tokens=REPLY, processed=self._processed)
        (sample,) = self.sampler.generate([Request(self._prompt, key=(0, 0, 0, 0))], sampling)
        found = _likely(self.policy, self._prompt, sample.ids)
        apart = (found - torch.tensor(sample.logprobs, dtype=torch.float64)).abs()
        return float(apart.mean() if self._dtype == "bfloat16" else apart.max())
