"""Settings of how episodes are played."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["token", "sequence"]
"""what a weight between sampler and trainer is taken of; a sequence is a whole episode"""
Criterion = Literal[
    "token_k1", "token_k2", "token_k3", "seq_sum_k1", "seq_sum_k2", "seq_sum_k3", "seq_mean_k1",
    "seq_mean_k2", "seq_mean_k3", "seq_max_k2", "seq_max_k3",
]  # fmt: skip
"""by which distance between sampler and trainer tokens or whole sequences are rejected"""


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """How episodes are played."""

    backend: Literal["hf", "vllm", "openai"] = "hf"
    """hf: the learner's own module, in this process; vllm: an engine with a copy of the weights; openai: an
    endpoint that answers chats (OPENAI_API_KEY holds its key), to be measured and not trained"""
    schedule: Literal["auto", "logical", "eager"] = "auto"
    """logical: all episodes are asked together, bit for bit the same each time; eager: nobody waits, equal up
    to rounding; auto: logical with hf, else eager"""
    parallel: int = 256
    """episodes in play at once"""
    workers: int = 0
    """environments that answer at a time, each in a process of its own, where a hang, a crash or a leak costs
    its own episode only; 0: they live in this process"""
    deadline: float = 60.0
    """workers: seconds that one call may take; the episode ends with `deadline` then"""
    recycle: int = 1000
    """workers: episodes after which a process is replaced by a fresh one; 0: never"""
    growth: float = 512.0
    """workers: MiB a process may grow by before it is replaced at the next episode; twice this is refused"""
    server: str | None = None
    """vllm: address of a running server, e.g. http://host:8000; none: the engine runs in this process.
    openai: what stands before /chat/completions, e.g. http://host:8000/v1"""
    server_weights: str | None = None
    """vllm: folder that trainer and server both see, for weights; none: a temporary one on this machine"""
    logprobs: Literal["processed", "raw"] = "processed"
    """vllm: log-probabilities of the distribution drawn from, or the model's own before temperature"""
    prefix_cache: bool = True
    """vllm: prompts that begin alike share keys and values"""
    memory: float = 0.45
    """vllm: share of a GPU that the engine may hold"""
    tasks: int = 16
    """tasks an iteration"""
    mode: Literal["window", "transcript"] = "window"
    """window: each turn is a prompt of its own with the last turns; transcript: one growing conversation"""
    style: Literal["plain", "think", "whole", "tools"] = "think"
    """plain: the reply is the action; think: <think>...</think><action>...</action>; whole: the same, for
    environments that write the whole prompt themselves; tools: called as the model's template has it"""
    history: int = 2
    """window: earlier turns shown"""
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    """0 is off"""
    max_tokens: int = 512
    """per reply"""
    max_context: int = 4096
    """prompt and reply, in tokens; an episode that needs more ends with `token_limit`"""
    old: Literal["auto", "behaviour", "recompute"] = "auto"
    """where proximal log-probabilities come from: the sampler's own, or another forward; auto: the sampler's
    with hf, where they are exact, another forward with every other backend"""
    correction: Literal["auto", "none", "truncate", "mask"] = "auto"
    """weights trainer/sampler on the policy loss of algorithms that compare with the old policy: capped, or 0
    outside bounds; auto: truncate where another forward meets another backend than hf"""
    correction_level: Level = "token"
    """ratio of each token, or of its whole episode"""
    correction_cap: float | None = None
    """largest weight; none: as published, 2 for truncate and 3 for mask"""
    correction_floor: float = 0.0
    """mask: smallest weight"""
    correction_normalize: bool = False
    """divide the weights by their mean over an iteration"""
    reject: Criterion | None = None
    """tokens or episodes that leave the data where sampler and trainer are too far apart; k1: by the ratio,
    k2, k3: by the divergence; seq_*: of an episode's tokens"""
    reject_at: float | None = None
    """bound of `reject`; k1: ratios from 1/this to this are kept; k2, k3: divergences up to this, in nats"""

    @property
    def order(self) -> Literal["logical", "eager"]:
        """The schedule, `auto` resolved."""
        if self.schedule == "auto":
            return "logical" if self.backend == "hf" else "eager"
        return self.schedule

    @property
    def trusts_sampler(self) -> bool:
        """The sampler's log-probabilities serve as the old policy's."""
        return self.old == "behaviour" or (self.old == "auto" and self.backend == "hf")

    @property
    def weighted(self) -> Literal["none", "truncate", "mask"]:
        """The correction that is made, `auto` resolved.

        None where the sampler's log-probabilities are the old ones: the algorithm's own ratio corrects that.
        """
        if self.correction != "auto":
            return self.correction
        return "none" if self.backend == "hf" or self.trusts_sampler else "truncate"


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """What an endpoint may be asked for (rollout=openai) by a command; answers kept from before are free."""

    rate: float = 0.0
    """requests begun a minute, evenly spaced; 0: no limit"""
    retries: int = 8
    """times a request is sent again after what may pass: no connection, garbage, statuses 408, 429, 5xx"""
    pause: float = 1.0
    """seconds before the first retry, about; then twice as long each time, or as the endpoint says"""
    patience: float = 300.0
    """seconds that an answer may take, and that the endpoint may ask to be left alone for"""
    most_requests: int = 0
    """that are sent, retries included; 0: no limit"""
    most_tokens: int = 0
    """that are read and written; 0: no limit"""
    most_cost: float = 0.0
    """in the unit of the prices; 0: no limit"""
    price_read: float = 0.0
    """of a million tokens of prompts"""
    price_written: float = 0.0
    """of a million tokens of replies"""
    answers: str | None = None
    """file that keeps what was answered; none: answers.jsonl in run.out, or in runs/openai"""
    extra: str = "{}"
    """JSON object of fields for every request, e.g. {"max_tokens": null, "max_completion_tokens": 512}; null
    leaves a field out"""
