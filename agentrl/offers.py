"""What installed packages offer: names and entry points; looking imports nothing."""

import functools
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Literal

Kind = Literal["envs", "algos", "verifiers"]
KINDS: tuple[Kind, ...] = ("envs", "algos", "verifiers")


def offers(kind: Kind) -> Mapping[str, tuple[metadata.EntryPoint, ...]]:
    """Return who offers each name: one entry point each, unless packages are in each other's way."""
    return _offers(kind, tuple(sys.path))


@functools.cache
def _offers(kind: Kind, path: tuple[str, ...]) -> Mapping[str, tuple[metadata.EntryPoint, ...]]:
    """Return what is offered on a search path; looking takes 20 ms, so it is done once."""
    found: dict[str, tuple[metadata.EntryPoint, ...]] = {}
    for entry in metadata.entry_points(group=f"agentrl.{kind}"):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return dict(sorted(found.items()))


def names(kind: Kind) -> list[str]:
    """Return the names that installed packages offer, sorted."""
    return list(offers(kind))


def package(entry: metadata.EntryPoint) -> str:
    """Return the name of the package an entry point belongs to."""
    return _name(entry.dist) if entry.dist is not None else entry.module.partition(".")[0]


@functools.cache
def _name(dist: metadata.Distribution) -> str:
    """Return a package's name; its whole description is read for that, so it is done once."""
    return dist.name
