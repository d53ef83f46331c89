"""Which processes a run is shared between, what each needs, and which of them belong together."""

from collections.abc import Sequence
from dataclasses import dataclass

from agentrl.cluster.base import Need
from agentrl.settings import Settings


@dataclass(frozen=True, slots=True)
class Role:
    """Processes of one kind: those whose names begin with the role's."""

    name: str
    count: int
    need: Need
    together: bool
    """on as few machines as can be, since they talk all the time; False: on as many"""


def roles(settings: Settings, gpu: bool) -> tuple[Role, ...]:
    """Return the roles of a run; `gpu` says whether there are GPUs to be had, one for each process.

    Learner ranks exchange gradients within every optimiser step, so a machine's own wires should carry them;
    actors hear of others only when weights change, and environments want the cores of many machines.
    Edge: none for a run in one process.
    """
    gpus = 1.0 if gpu and settings.model.path != "tiny" else 0.0
    how = settings.rollout
    engine = gpus if how.server is None else 0.0
    actors = (settings.cluster.actors or 1) if settings.run.staleness else 0
    ranks = settings.learner.processes if settings.learner.processes > 1 else 0
    every = (
        Role("learner", ranks, Need(settings.run.threads, gpus), together=True),
        Role("actor", actors, Need(max(1.0, how.workers), engine), together=False),
    )
    return tuple(role for role in every if role.count)


def total(every: Sequence[Role]) -> Need:
    """Return what all processes need."""
    return Need(sum(r.count * r.need.cpus for r in every), sum(r.count * r.need.gpus for r in every))
