"""What a run would take, before it is started: memory, work, and the first prompt token by token."""

from agentrl.algo import Branches, Groups, Plan, Stored
from agentrl.config import make_algo, make_env
from agentrl.evaluate import judge_of, stream
from agentrl.learner.start import new_policy
from agentrl.preflight import preflight
from agentrl.settings import Settings

BYTES = {"float32": 4, "bfloat16": 2, "float64": 8}
SHOWN = 400
"""most tokens of the first prompt that are printed"""


def dry_run(settings: Settings) -> str:
    """Return the plan of a run as text; nothing is trained or written.

    Errors: ConfigError for what a run would refuse too.
    """
    preflight(settings)
    algo = make_algo(settings)
    env = make_env(settings, "train")
    panel = env.tasks("train")
    policy = new_policy(settings.model, env, panel, stream(settings.run.seed, "model"))
    chat = judge_of(settings, policy).chat
    observation, info = env.reset(options={"task": panel[0]})
    room = settings.rollout.max_tokens
    prompt = chat.opened(env.goal(), env.instructions()).prompt(observation, info["admissible"], room)
    parameters = sum(p.numel() for p in policy.module.parameters())
    lines = [*_memory(settings, parameters, algo.needs), _work(settings, algo.collect()), ""]
    if prompt is None:
        return "\n".join([*lines, "the first prompt does not fit rollout.max_context"])
    ids = list(prompt.context)
    tokens = " ".join(f"{policy.tokenizer.decode([i])!r}:{i}" for i in ids[:SHOWN])
    more = f" ... {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return "\n".join([*lines, f"first prompt of task {panel[0].id}, {len(ids)} tokens:", tokens + more])


def _memory(settings: Settings, parameters: int, needs: frozenset[str]) -> list[str]:
    """Return the lines on weights and optimiser. Activations and caches come on top."""
    size = BYTES[settings.model.dtype]
    copies = {"policy: weights, gradients, Adam": parameters * 4 * size}
    if "logp_ref" in needs:
        copies["reference: weights"] = parameters * size
    if "values" in needs and settings.learner.critic == "separate":
        copies["critic: weights, gradients, Adam"] = parameters * 4 * size
    return [
        f"{settings.algo} on {settings.env}, model {settings.model.path}: {parameters:,} parameters,"
        f" {settings.model.dtype}",
        *(f"  {name}: {amount / 2**20:,.1f} MiB" for name, amount in copies.items()),
        f"  together: {sum(copies.values()) / 2**20:,.1f} MiB, activations and caches on top",
    ]


def _work(settings: Settings, plan: Plan) -> str:
    """Return the line on what an iteration plays and learns from."""
    tasks = settings.rollout.tasks
    if isinstance(plan, Groups):
        each = f"{tasks} tasks x {plan.size} episodes"
    elif isinstance(plan, Branches):
        each = f"{tasks} tasks x 1 episode and {plan.width - 1} alternatives in each of {plan.points} states"
    elif isinstance(plan, Stored):
        each = f"{plan.batch} stored episodes ({plan.per_task} a training task)"
    else:
        each = "nothing"
    steps = settings.learner.epochs * settings.learner.minibatches
    return f"{settings.run.iterations} iterations of {each}, {steps} optimiser steps each"
