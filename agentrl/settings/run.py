"""Settings of the run itself, and of what is measured when."""

from dataclasses import dataclass
from typing import Literal

Decoding = Literal["greedy", "0.4", "1.0", "best_admissible"]
Decide = Literal["plain", "best_of_k", "value_beam", "best_of_n"]
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
    staleness: int = 0
    """iterations that the weights which play may be behind those that learn; 0: playing and learning take
    turns; above: actors play on while the driver learns (docs/scaling.md)"""
    overdue: Literal["drop", "train"] = "drop"
    """staleness: a group with a token of older weights than that is given up, or trained on all the same"""
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
