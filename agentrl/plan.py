"""What a run would take, before it is started: memory, work, and the first prompt token by token."""

from dataclasses import replace
from typing import Any

from agentrl.algo import Branches, Groups, Plan, Searched, Stored
from agentrl.config import make_algo, make_env
from agentrl.env import TextEnv
from agentrl.evaluate import chat_of, stream
from agentrl.learner.anatomy import meta_model, shape_of
from agentrl.learner.model import load_tokenizer
from agentrl.learner.start import new_policy
from agentrl.memory import Machine, memory_plan
from agentrl.preflight import preflight
from agentrl.settings import Settings
from agentrl.sharing import sharing_plan
from agentrl.types import Panel

SHOWN = 400
"""most tokens of the first prompt that are printed"""


def dry_run(settings: Settings, machine: Machine) -> str:
    """Return the plan of a run as text; nothing is trained or written, and no weights are read.

    Errors: ConfigError for what a run would refuse too.
    """
    preflight(settings, here=False)
    algo = make_algo(settings)
    env = make_env(settings, "train")
    panel = env.tasks("train")
    module, tokenizer = _outline(settings, env, panel)
    shape = shape_of(module, settings.model)
    chat = chat_of(settings, tokenizer, module.config)
    observation, info = env.reset(options={"task": panel[0]})
    room = settings.rollout.max_tokens
    dialogue = chat.opened(env.goal(), env.instructions(), env.tools())
    prompt = dialogue.prompt(observation, info["admissible"], room)
    trained = f"an adapter of {shape.adapter:,} is" if shape.adapter else "all are"
    head = (
        f"{settings.algo} on {settings.env}, model {settings.model.path}:"
        f" {shape.parameters - shape.adapter:,} parameters, {settings.model.dtype}, {trained} trained"
    )
    plan = algo.collect()
    memory = memory_plan(settings, shape, algo.needs, _at_once(settings, plan), machine)
    size = plan.size if isinstance(plan, Groups) else 1
    shared = sharing_plan(settings, shape, size, machine)
    lines = [head, *memory, *shared, _work(settings, plan), ""]
    if prompt is None:
        return "\n".join([*lines, "the first prompt does not fit rollout.max_context"])
    ids = list(prompt.context)
    tokens = " ".join(f"{tokenizer.decode([i])!r}:{i}" for i in ids[:SHOWN])
    more = f" ... {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return "\n".join([*lines, f"first prompt of task {panel[0].id}, {len(ids)} tokens:", tokens + more])


def _outline(settings: Settings, env: TextEnv, panel: Panel) -> tuple[Any, Any]:
    """Return the model, which but for the tiny one has no weights, and its tokenizer."""
    if settings.model.path != "tiny":
        return meta_model(settings.model.path), load_tokenizer(settings.model.path)
    plain = replace(settings.model, lora=0)
    policy = new_policy(plain, env, panel, stream(settings.run.seed, "model"))
    return policy.module, policy.tokenizer


def _at_once(settings: Settings, plan: Plan) -> int:
    """Return how many episodes of an iteration are played beside each other."""
    wanted = settings.rollout.tasks * (plan.size if isinstance(plan, Groups) else 1)
    return min(wanted, settings.rollout.parallel)


def _work(settings: Settings, plan: Plan) -> str:
    """Return the line on what an iteration plays and learns from."""
    tasks = settings.rollout.tasks
    if settings.run.store is not None:
        each = f"the data of {settings.run.store}"
    elif isinstance(plan, Groups):
        each = f"{tasks} tasks x {plan.size} episodes"
    elif isinstance(plan, Branches):
        each = f"{tasks} tasks x 1 episode and {plan.width - 1} alternatives in each of {plan.points} states"
    elif isinstance(plan, Searched):
        size = {"mcts": f"{plan.walks} walks a move", "best_first": f"{plan.walks} states"}
        how = size.get(plan.search, f"{plan.width} states a depth")
        each = f"{tasks} tasks x 1 tree by {plan.search}, {how}, {plan.depth} turns deep"
    elif isinstance(plan, Stored):
        rounds = f", played in {plan.rounds} rounds" if plan.rounds > 1 else ""
        each = f"{plan.batch} stored episodes ({plan.per_task} a training task{rounds})"
    else:
        each = "nothing"
    steps = settings.learner.epochs * settings.learner.minibatches
    return f"{settings.run.iterations} iterations of {each}, {steps} optimiser steps each"
