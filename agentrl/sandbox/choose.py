"""Which isolation there is on this machine."""

import os
import time
from functools import cache
from typing import Literal, get_args

from agentrl.errors import AgentRLError, ConfigError, RunError, nearest
from agentrl.sandbox.base import Backend, Limits, job
from agentrl.sandbox.docker import Docker
from agentrl.sandbox.local import Bubblewrap
from agentrl.sandbox.talk import Talk
from agentrl.sandbox.weak import Weak

Name = Literal["auto", "bubblewrap", "docker", "weak"]
"""`weak`, a plain process with limits, is never chosen by itself"""
NAMES = get_args(Name)


def choose(backend: Name | Backend = "auto") -> Backend:
    """Return the backend of that name, known to work; `auto` is the first of bubblewrap and docker that does.

    Errors: ConfigError, in one line, where it does not work here, and why.
    """
    return named(backend) if isinstance(backend, str) else backend


@cache
def named(name: str) -> Backend:
    """Return a backend by name, after one run in it."""
    if name not in NAMES:
        raise ConfigError(f"sandbox backend '{name}' is not one of {', '.join(NAMES)}{nearest(name, NAMES)}")
    if name != "auto":
        return tried(name)
    refused = []
    for one in ("bubblewrap", "docker"):
        try:
            return named(one)
        except AgentRLError as why:
            refused.append(f"{one}: {why}")
    raise ConfigError(
        f"no sandbox works here: {'; '.join(refused)}. backend='weak' isolates nothing: for trusted programs"
    )


def tried(name: str) -> Backend:
    """Return a new backend that has run a program."""
    python = os.environ.get("AGENTRL_SANDBOX_PYTHON", "")
    made: Backend
    if name == "docker":
        made = Docker(os.environ.get("AGENTRL_SANDBOX_IMAGE", ""))
    else:
        made = Bubblewrap(python) if name == "bubblewrap" else Weak(python)
    probe(made)
    return made


def probe(backend: Backend) -> None:
    """Run one program.

    Errors: RunError with what the sandbox said where that does not work.
    """
    limits = Limits()
    box = backend.start(limits)
    try:
        talk = Talk(box, limits)
        talk.begin(job(limits, program="print(6 * 7)"))
        talk.finish(time.monotonic() + limits.wall)
    finally:
        box.discard()
    said = talk.result(0.0, "ok")
    if said.stdout != "42\n":
        raise RunError(f"a trial program did not run: {said.stderr.strip() or said.stdout}")
