"""Every setting of a run, in groups. A field is a key on the command line: `learner.lr=1e-3`.

A group's name alone sets what it chooses: `env=webshop`, `algo=gigpo`, `model=tiny`, `rollout=hf`.
Options of environments and algorithms are declared by themselves and join as `env.*` and `algo.*`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Decoding = Literal["greedy", "0.4", "1.0", "best_admissible"]
Decide = Literal["plain", "best_of_k", "value_beam", "best_of_n"]
Level = Literal["token", "sequence"]
"""what a weight between sampler and trainer is taken of; a sequence is a whole episode"""
Criterion = Literal[
    "token_k1", "token_k2", "token_k3", "seq_sum_k1", "seq_sum_k2", "seq_sum_k3", "seq_mean_k1",
    "seq_mean_k2", "seq_mean_k3", "seq_max_k2", "seq_max_k3",
]  # fmt: skip
"""by which distance between sampler and trainer tokens or whole sequences are rejected"""
Service = Literal["wandb", "trackio", "mlflow"]


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What, where, how long."""

    seed: int = 0
    """seeds everything: model, demonstrations, tasks drawn, sampling"""
    out: str | None = None
    """run folder; none: runs/<env>-<algo>-<time>"""
    iterations: int = 150
    """optimisation rounds: collect, credit, train"""
    steps: int = 0
    """environment steps after which no further iteration plays; 0: no limit"""
    checkpoint: int = 5
    """iterations between checkpoints"""
    keep: int = 1
    """checkpoints kept, the newest first"""
    trajectories: int = 10
    """iterations between saved sets of training episodes and of their credit, for `agentrl view`; 0: none"""
    strict: str | None = None
    """verifier that judges the training episodes beside the reward, which it does not change: a name or
    ./mine.py:score; none: what the environment calls `strict` in its metrics, if anything"""
    threads: int = 1
    """torch threads on a CPU; the same number is needed for a bit-for-bit resume"""
    failures: float = 0.2
    """share of failed episodes in an iteration above which the run stops, 0 to 1"""
    store: str | None = None
    """data to train on in place of playing: a file of `agentrl collect`, of a run's `trajectories/`, or text
    (messages, TRL's or Step-DPO's preferences); pairs are taken `rollout.tasks` an iteration"""
    curriculum: Literal["none", "success"] = "none"
    """success: tasks whose last groups all succeeded, or all failed, are drawn less often, down to an eighth,
    and of several environments those where most groups do"""
    track: tuple[Service, ...] = ()
    """services told the metrics, beside TensorBoard's files: wandb,trackio,mlflow (docs/sharing.md)"""
    control: Literal["none", "permuted"] = "none"
    """permuted: each task group is paid the rewards of another one (a control that must not learn)"""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model."""

    path: str = "tiny"
    """`tiny` (built here, from scratch), a folder, or a hub id"""
    dtype: Literal["float32", "bfloat16", "float64"] = "float32"
    """of the weights; under bfloat16 the optimiser keeps float32 masters of those that are trained"""
    lora: int = 0
    """rank of the low-rank adapter that is trained in place of the weights (needs peft); 0: all weights"""
    lora_alpha: float = 32.0
    """the adapter counts lora_alpha / lora times"""
    lora_dropout: float = 0.0
    """on the adapter's input in the warm start; RL compares probabilities, which must not be noisy"""
    lora_targets: tuple[str, ...] = ("all-linear",)
    """which layers get an adapter: all-linear (but for the output head), or last names: q_proj,v_proj"""
    hidden: int = 64
    """tiny: width"""
    layers: int = 2
    """tiny: depth"""
    heads: int = 4
    """tiny: attention heads"""
    vocabulary: int = 4096
    """tiny: most tokens its tokenizer may have"""
    context: int = 1024
    """tiny: longest context, in tokens"""


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


@dataclass(frozen=True, slots=True)
class LearnerSettings:
    """How weights change."""

    lr: float = 1e-6
    """learning rate of the policy, per optimiser step"""
    lr_critic: float = 1e-5
    """learning rate of a separate critic"""
    beta1: float = 0.9
    beta2: float = 0.95
    weight_decay: float = 0.0
    warmup: int = 0
    """optimiser steps of linear warm-up"""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """after the warm-up, down to 0 at the last iteration"""
    clip_norm: float = 1.0
    """gradient norm above which gradients are scaled down; 0 is off"""
    epochs: int = 1
    """passes over an iteration's data"""
    minibatches: int = 1
    """optimiser steps a pass"""
    microbatch_tokens: int = 16384
    """padded tokens in one forward pass; does not change the result"""
    critic: Literal["separate", "head"] = "separate"
    """where values come from: a model of its own, or a head on the policy"""
    checkpointing: bool = False
    """recompute activations in the backward pass: less memory, a third more time"""


@dataclass(frozen=True, slots=True)
class WarmSettings:
    """Supervised start from demonstrations."""

    demonstrations: int = 0
    """episodes of the demonstrator a training task; 0: no warm start"""
    tasks: int = 0
    """training tasks used; 0: all"""
    thought_dropout: float = 0.0
    """chance that a demonstrated thought is left empty, so that the policy learns to do without (TON: 0.5)"""
    passes: int = 1
    batch: int = 16
    """turns an optimiser step"""
    lr: float = 3e-3
    """peak learning rate; 20 steps up, then linear down to 5 %"""


@dataclass(frozen=True, slots=True)
class EvalSettings:
    """What is measured, when."""

    every: int = 10
    """iterations between looks at the dev panel; 0: never"""
    dev: int = 100
    """dev tasks used for curves; 0: all"""
    test: int = 0
    """test tasks for the first and last measurement; 0: all"""
    decodings: tuple[Decoding, ...] = ("greedy", "0.4", "1.0", "best_admissible")
    """for the first and last measurement"""
    curve: tuple[Decoding, ...] = ("greedy", "1.0")
    """for the curve on dev"""
    panel: Literal["dev", "test"] = "test"
    """panel of the first and last measurement; tune on dev, look at test once"""
    decode: Decide = "plain"
    """`agentrl eval`: play replies as they are drawn; the best of several replies a turn, or beams of states,
    by the run's trained value; or the best of whole episodes, by `choose`. Drawn as in training"""
    candidates: int = 5
    """best_of_k: replies a turn; value_beam: states kept, replies in each; best_of_n: episodes a task"""
    look: Literal["state", "action"] = "state"
    """best_of_k: the value of the state that a reply leads to, which is tried; or of the reply, untried"""
    choose: str = "value"
    """best_of_n: value (of the last state), majority (of answers), oracle (the true score) or a verifier"""


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration of a run."""

    env: str
    algo: str
    env_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """fields of the environment's Options, and max_turns"""
    algo_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """fields of the algorithm"""
    reward: Mapping[str, float] = field(default_factory=dict[str, float])
    """weight of each named reward component; 1 where not named"""
    run: RunSettings = RunSettings()
    model: ModelSettings = ModelSettings()
    rollout: RolloutSettings = RolloutSettings()
    endpoint: EndpointSettings = EndpointSettings()
    learner: LearnerSettings = LearnerSettings()
    warm: WarmSettings = WarmSettings()
    eval: EvalSettings = EvalSettings()
