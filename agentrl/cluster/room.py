"""Ray itself: joined or started, and asked for room."""

import contextlib
import math
import os
import time
from collections.abc import Iterator, Sequence

import ray
from ray.util.placement_group import PlacementGroup, placement_group

from agentrl.cluster.roles import Role
from agentrl.errors import ConfigError


def join(address: str) -> None:
    """Become a driver of a Ray that is there."""
    try:
        ray.init(address=address)
    except (ConnectionError, RuntimeError, ValueError) as why:
        raise ConfigError(
            f"cluster.address={address}: no Ray is reached there ({str(why).splitlines()[0]});"
            " `ray start --head` starts one, and without an address the run has its own on this machine"
        ) from why


def begin(cpus: float) -> None:
    """Start Ray on this machine: with as many cores as the run asks for, since nobody else is given any."""
    import torch

    cores = max(os.cpu_count() or 1, math.ceil(cpus))
    try:
        with _without_first(torch.cuda.device_count()):
            ray.init(address="local", num_cpus=cores, include_dashboard=False)
    except Exception as why:  # Ray has no class for it
        raise ConfigError(f"cluster=ray: Ray does not start on this machine: {why}") from why


@contextlib.contextmanager
def _without_first(gpus: int) -> Iterator[None]:
    """Hide this process's own GPU from Ray, unless it is the only one, which is shared then."""
    name = "CUDA_VISIBLE_DEVICES"
    before = os.environ.get(name)
    if gpus > 1:
        seen = before.split(",") if before else [str(i) for i in range(gpus)]
        os.environ[name] = ",".join(seen[1:])
    try:
        yield
    finally:
        if before is not None:
            os.environ[name] = before
        elif gpus > 1:
            del os.environ[name]


def placed(role: Role) -> PlacementGroup:
    """Return the room of a role, asked for and perhaps not there yet."""
    bundle = {"CPU": role.need.cpus, "GPU": role.need.gpus}
    return placement_group(
        [{what: much for what, much in bundle.items() if much}] * role.count,
        strategy="PACK" if role.together else "SPREAD",
    )


def check_room(every: Sequence[Role], places: Sequence[PlacementGroup], patience: float) -> None:
    """Raise ConfigError where there is no room for all of a run's processes."""
    until = time.monotonic() + patience
    if all([place.wait(max(0.1, until - time.monotonic())) for place in places]):
        return
    wanted = ", ".join(
        f"{r.count} x {r.name} with {r.need.cpus:g} cores and {r.need.gpus:g} GPUs" for r in every
    )
    there, free = ray.cluster_resources(), ray.available_resources()
    has = ", ".join(
        f"{there.get(what, 0):g} {words} ({free.get(what, 0):g} free)"
        for what, words in (("CPU", "cores"), ("GPU", "GPUs"))
    )
    raise ConfigError(
        f"cluster=ray: the run needs {wanted}, and Ray has {has}; lower cluster.actors or"
        " learner.processes, or add machines"
    )
