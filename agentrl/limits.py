"""Which numbers settings may take, and which settings contradict each other."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agentrl.algo import Groups, Plan, Stored
from agentrl.errors import ConfigError
from agentrl.settings import RolloutSettings, Settings
from agentrl.values import written

if TYPE_CHECKING:
    from agentrl.algo import Algorithm

AT_LEAST: Mapping[str, float] = {
    "run.seed": 0, "run.iterations": 0, "run.steps": 0, "run.checkpoint": 1, "run.keep": 1,
    "run.trajectories": 0, "run.staleness": 0,
    "run.threads": 1, "run.failures": 0,
    "model.hidden": 2, "model.layers": 1, "model.heads": 1, "model.vocabulary": 1, "model.context": 2,
    "model.lora": 0, "model.lora_dropout": 0,
    "rollout.tasks": 1, "rollout.history": 0, "rollout.top_k": 0, "rollout.max_tokens": 1,
    "rollout.max_context": 2, "rollout.parallel": 1, "rollout.workers": 0, "rollout.recycle": 0,
    "rollout.correction_cap": 1, "rollout.correction_floor": 0,
    "endpoint.rate": 0, "endpoint.retries": 0, "endpoint.pause": 0, "endpoint.most_requests": 0,
    "endpoint.most_tokens": 0, "endpoint.most_cost": 0, "endpoint.price_read": 0, "endpoint.price_written": 0,
    "learner.lr": 0, "learner.lr_critic": 0, "learner.beta1": 0, "learner.beta2": 0,
    "learner.weight_decay": 0, "learner.warmup": 0, "learner.clip_norm": 0, "learner.epochs": 1,
    "learner.minibatches": 1, "learner.microbatch_tokens": 1, "learner.processes": 1,
    "warm.demonstrations": 0, "warm.tasks": 0, "warm.thought_dropout": 0,
    "warm.passes": 1, "warm.batch": 1, "warm.lr": 0,
    "eval.every": 0, "eval.dev": 0, "eval.test": 0, "eval.candidates": 1,
    "cluster.actors": 0,
    "env.max_turns": 1,
}  # fmt: skip
ABOVE: Mapping[str, float] = {
    "rollout.temperature": 0,
    "rollout.top_p": 0,
    "rollout.reject_at": 0,
    "rollout.memory": 0,
    "endpoint.patience": 0,
    "model.lora_alpha": 0,
    "cluster.deadline": 0,
}
AT_MOST: Mapping[str, float] = {
    "run.seed": 2**63 - 1, "run.failures": 1, "rollout.top_p": 1, "rollout.correction_floor": 1,
    "rollout.memory": 1, "endpoint.retries": 100, "warm.thought_dropout": 1,
}  # fmt: skip
BELOW: Mapping[str, float] = {"learner.beta1": 1, "learner.beta2": 1, "model.lora_dropout": 1}
ELSEWHERE = ("sglang", "server")
"""ways to sample that are known but not in this version"""


def check_value(key: str, value: Any) -> None:
    """Raise ConfigError where a number is out of its range."""
    if not isinstance(value, int | float):
        return
    wrong = ""
    if key in AT_LEAST and value < AT_LEAST[key]:
        wrong = f"at least {AT_LEAST[key]:g}"
    elif key in ABOVE and value <= ABOVE[key]:
        wrong = f"above {ABOVE[key]:g}"
    elif key in AT_MOST and value > AT_MOST[key]:
        wrong = f"at most {AT_MOST[key]:g}"
    elif key in BELOW and value >= BELOW[key]:
        wrong = f"below {BELOW[key]:g}"
    if wrong:
        raise ConfigError(f"{key}={written(value)}: must be {wrong}")


def check_backend(given: Any) -> None:
    """Raise ConfigError, in words, for a way to sample that this version does not have."""
    if given in ELSEWHERE:
        raise ConfigError(
            f"rollout={given}: not available in this version; rollout=hf samples with the model itself,"
            " rollout=vllm with an engine, rollout=openai asks an endpoint"
        )


def check_together(settings: Settings, algo: "Algorithm") -> None:
    """Raise ConfigError where settings that are right by themselves contradict each other.

    `algo` may be an outline: its `check()` and `collect()` are used, not its mathematics.
    """
    algo.check()
    model, rollout, evaluation = settings.model, settings.rollout, settings.eval
    if rollout.backend == "openai":
        check_endpoint(settings)
    if rollout.max_tokens >= rollout.max_context:
        raise ConfigError(
            f"rollout.max_tokens={rollout.max_tokens} leaves no room for a prompt in"
            f" rollout.max_context={rollout.max_context}"
        )
    if rollout.style == "tools" and rollout.mode != "transcript":
        raise ConfigError(
            f"rollout.style=tools with rollout.mode={rollout.mode}: results answer the calls before them, so"
            " the conversation has to grow; add rollout.mode=transcript"
        )
    if model.path == "tiny":
        if model.hidden % (2 * model.heads):
            raise ConfigError(
                f"model.hidden={model.hidden}: must be a multiple of twice model.heads={model.heads}"
            )
        if rollout.max_context > model.context:
            raise ConfigError(
                f"rollout.max_context={rollout.max_context}: the tiny model reads at most"
                f" model.context={model.context} tokens"
            )
    check_correction(rollout)
    check_stored(algo.collect(), settings.run.iterations)
    truncated = rollout.top_p < 1 or rollout.top_k > 0
    corrected = not rollout.trusts_sampler and rollout.weighted != "none"
    if truncated and not corrected and isinstance(algo.collect(), Groups):
        raise ConfigError(
            f"rollout.top_p={rollout.top_p:g}, rollout.top_k={rollout.top_k}: algo '{settings.algo}' compares"
            " probabilities of the learner, which are not truncated, with those of the sampler, which are;"
            " weigh tokens by the ratio of both with rollout.old=recompute and rollout.correction=truncate,"
            " or sample with top_p=1 and top_k=0"
        )
    if not evaluation.decodings:
        raise ConfigError("eval.decodings is empty: name at least one, e.g. eval.decodings=greedy")
    if evaluation.every and not evaluation.curve:
        raise ConfigError(
            "eval.curve is empty: name at least one decoding, or switch curves off with eval.every=0"
        )


def check_endpoint(settings: Settings) -> None:
    """Raise ConfigError where an endpoint is asked for that could not be used."""
    server, how = settings.rollout.server, settings.endpoint
    if settings.model.path == "tiny":
        raise ConfigError("rollout=openai needs model=NAME, as the endpoint calls it")
    if server is None:
        raise ConfigError("rollout=openai needs rollout.server=..., e.g. http://localhost:8000/v1")
    address = urlsplit(server)
    if address.scheme not in ("http", "https") or not address.hostname or address.query or address.fragment:
        raise ConfigError("rollout.server: expected an address such as http://localhost:8000/v1")
    if address.username or address.password:
        raise ConfigError(
            "rollout.server holds a name or password, which would be written down; keys belong in the"
            " environment: OPENAI_API_KEY"
        )
    try:
        extra = json.loads(how.extra)
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise ConfigError(f"endpoint.extra={how.extra}: expected a JSON object")
    if how.most_cost and not (how.price_read or how.price_written):
        raise ConfigError("endpoint.most_cost needs endpoint.price_read and endpoint.price_written")
    if "best_admissible" in settings.eval.decodings:
        raise ConfigError(
            "eval.decodings=best_admissible compares how likely listed actions are, which an endpoint does"
            " not tell; ask for greedy, 0.4 or 1.0"
        )


def check_stored(plan: Plan, iterations: int) -> None:
    """Raise ConfigError where a round would have no iteration to train in."""
    if isinstance(plan, Stored) and plan.rounds > 1 and iterations < plan.rounds:
        raise ConfigError(
            f"algo.rounds={plan.rounds} with iterations={iterations}: each round of episodes is trained on"
            " for one iteration or more"
        )


def check_correction(rollout: RolloutSettings) -> None:
    """Raise ConfigError where the correction between sampler and trainer is asked for and cannot be made."""
    asked = [f"rollout.correction={rollout.weighted}"] if rollout.weighted != "none" else []
    asked += [f"rollout.reject={rollout.reject}"] if rollout.reject else []
    if asked and rollout.trusts_sampler:
        raise ConfigError(
            f"{' and '.join(asked)}: with the sampler's log-probabilities as the old ones the algorithm's own"
            " ratio corrects the difference, and weights would count it twice; add rollout.old=recompute"
        )
    if rollout.correction_floor and rollout.weighted != "mask":
        raise ConfigError(
            f"rollout.correction_floor={rollout.correction_floor:g} is for rollout.correction=mask;"
            f" the correction is {rollout.weighted}"
        )
    if bool(rollout.reject) != (rollout.reject_at is not None):
        one, other = ("reject", "reject_at=2") if rollout.reject else ("reject_at", "reject=token_k1")
        raise ConfigError(f"rollout.{one} needs its other half, e.g. rollout.{other}")
    if rollout.reject and rollout.reject.endswith("k1") and (rollout.reject_at or 0) <= 1:
        raise ConfigError(
            f"rollout.reject_at={rollout.reject_at:g}: must be above 1, as {rollout.reject} keeps ratios from"
            " 1/this to this"
        )
