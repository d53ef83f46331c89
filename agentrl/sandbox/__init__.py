"""Sandboxes for programs written by a model: `run` one, or hold a `Session` through an episode."""

from agentrl.sandbox.base import Backend, Limits, Result, Verdict
from agentrl.sandbox.choose import choose
from agentrl.sandbox.pool import close_all
from agentrl.sandbox.session import Session, run

__all__ = ["Backend", "Limits", "Result", "Session", "Verdict", "choose", "close_all", "run"]
