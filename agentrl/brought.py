"""Settings that a choice brings along; the user's words win over them."""

from collections.abc import Mapping
from typing import Any

TINY: Mapping[str, Any] = {
    "rollout.mode": "window",
    "rollout.style": "plain",
    "rollout.max_tokens": 24,
    "rollout.max_context": 512,
    "learner.lr": 1e-3,
    "learner.lr_critic": 1e-3,
    "learner.minibatches": 2,
    "learner.microbatch_tokens": 2048,
    "warm.demonstrations": 6,
    "run.iterations": 50,
}
"""Settings that model=tiny brings; an environment's own `tiny` comes on top, the user's words on both."""
TINY_VLLM: Mapping[str, Any] = {"model.heads": 2}
"""What model=tiny brings beside that with rollout=vllm, whose CPU kernels know no heads narrower than 32"""
OPENAI: Mapping[str, Any] = {"rollout.parallel": 16, "rollout.max_context": 32768, "eval.decodings": "greedy"}
"""What rollout=openai brings: its contexts are long, and how likely given replies are is not told"""
STALE: Mapping[str, Any] = {"rollout.old": "recompute", "rollout.correction": "truncate"}
"""What run.staleness above 0 brings: older weights have played, so each token is weighed by the ratio of the
trainer's to theirs, and the algorithm's own ratio starts from the trainer's (decoupled PPO)"""
BUILT = ("model.", "warm.")
"""What of this is for the model's making"""
PROMPTS = "prompts"
"""The environment that `data=FILE` stands for where none is named"""
