"""Settings of how a run's work is shared between processes."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Which processes share the work, and where they are."""

    kind: Literal["local", "ray"] = "local"
    """local: on this machine; ray: wherever Ray has room"""
    address: str = ""
    """ray: address of one that is there, host:port, or auto for this machine's; empty: the run starts its
    own on this machine and ends it"""
    actors: int = 0
    """processes that play episodes while the learner trains, each with environments and weights of its own;
    0: one where run.staleness is above 0, else none"""
    deadline: float = 600.0
    """seconds that a call of a process may take, before it is ended and what it was doing is lost"""
