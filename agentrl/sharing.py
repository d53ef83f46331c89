"""The plan of a run in several processes: who there is, what each holds, what they send each other."""

from agentrl.cluster.roles import Role, roles
from agentrl.memory import BYTES, GIB, Machine, ModelShape, amount, sampling
from agentrl.settings import Settings


def sharing_plan(settings: Settings, shape: ModelShape, group: int, machine: Machine) -> list[str]:
    """Return the lines on processes and traffic; none for a run in one process.

    `group` is how many episodes of a task an iteration plays.
    """
    gpu = settings.model.path != "tiny"
    every = roles(settings, gpu)
    if not every:
        return []
    return [*_processes(settings, shape, every, machine), *_traffic(settings, shape, every, group)]


def _processes(settings: Settings, shape: ModelShape, every: tuple[Role, ...], machine: Machine) -> list[str]:
    """Return a line for each role, and for the driver."""
    own = (shape.parameters - shape.adapter) * BYTES[settings.model.dtype]
    share = settings.rollout.memory * machine.memory * GIB
    plays = share or sum(p.size for p in sampling(settings, shape, settings.rollout.parallel))
    how = "its own engine" if settings.rollout.backend == "vllm" else "its sampler"
    gpus = sum(r.count * r.need.gpus for r in every)
    lines = [f"  processes, cluster={settings.cluster.kind}: the driver"]
    for role in every:
        where = "on as few machines as can be" if role.together else "on as many machines as can be"
        need = f"{role.need.cpus:g} cores and {role.need.gpus:g} GPUs each"
        holds = f", {amount(plays).strip()} for {how}" if role.name == "actor" else ", memory as above"
        lines.append(f"    {role.count} x {role.name}: {need}{holds}; {where if _ray(settings) else 'here'}")
    if gpus and _ray(settings):
        lines.append(
            f"    {gpus:g} GPUs from Ray, and one that it is not given: the driver's, which measures with"
            f" {amount(own).strip()} of weights and {amount(plays).strip()} for {how}"
        )
    elif gpus:
        lines.append(
            "    on this machine actors share the first GPU with the driver; cluster=ray spreads them"
        )
    return lines


def _traffic(settings: Settings, shape: ModelShape, every: tuple[Role, ...], group: int) -> list[str]:
    """Return what is sent in an iteration, and what goes on meanwhile."""
    own = BYTES[settings.model.dtype]
    weights = (shape.parameters - shape.adapter) * own
    trained = shape.adapter * 4 if shape.adapter else weights
    counts = {role.name: role.count for role in every}
    actors, ranks, tasks = counts.get("actor", 0), counts.get("learner", 0), settings.rollout.tasks
    staleness, turns = settings.run.staleness, int(settings.env_options.get("max_turns", 0))
    lines = ["  traffic of an iteration"]
    if ranks:
        lines.append(f"    {amount(trained).strip()} of weights from the learner to the driver")
        passes = 4 * weights * (1 - 1 / ranks)
        lines.append(
            f"    {amount(passes).strip()} to and from each rank in each micro-batch: layers gathered twice,"
            " gradients summed"
        )
    if actors:
        once = ", stored by Ray once a machine" if _ray(settings) else ""
        lines.append(f"    {amount(weights).strip()} of weights to each of {actors} actors{once}")
    said = f"    {tasks * group} episodes in {tasks} groups of {group}"
    if turns:
        tokens = tasks * group * turns * settings.rollout.max_context
        said += f", of {turns} turns: at most {tokens:,} tokens, {amount(4 * tokens).strip()}"
    lines.append(said)
    if staleness:
        most = (1 + staleness) * tasks
        lines.append(
            f"  run.staleness={staleness}: actors play while others learn and measure; at most"
            f" {most} groups are under way or wait, and none is trained on with older weights than that"
        )
    else:
        lines.append("  run.staleness=0: playing, learning and sending take turns")
    return lines


def _ray(settings: Settings) -> bool:
    return settings.cluster.kind == "ray"
