"""Everything agentrl raises on purpose. Catch AgentRLError to catch them all.

Every class takes one string, so that it survives pickling between processes, and also is the standard
exception a caller would expect.
"""

import difflib
from collections.abc import Iterable


class AgentRLError(Exception):
    """Base class of everything raised on purpose."""


class ConfigError(AgentRLError, ValueError):
    """A setting, name or file given by the user is wrong; shown in one line, without a traceback."""


class ShapeError(AgentRLError, ValueError):
    """Tensors do not line up."""


class DataError(AgentRLError, ValueError):
    """A data file is broken; the message names file, record and field."""


class InvalidAction(AgentRLError, ValueError):
    """An environment could not use the agent's action; told to the agent, counted, never a crash."""


class EpisodeError(AgentRLError, RuntimeError):
    """An environment was used out of order (a step after the end, a snapshot it cannot take)."""


class RunError(AgentRLError, RuntimeError):
    """A run had to stop; the message says why and what to do."""


class ChildError(AgentRLError, RuntimeError):
    """A call in another process came to nothing."""


class DeadlineError(ChildError, TimeoutError):
    """A call took longer than it may; the process it was made in was ended."""


class LostError(ChildError):
    """The process a call was made in ended, or said what is no answer."""


class RaisedError(ChildError):
    """What a function in another process raised: the name and the text that it had there."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the closest other name that is allowed, or "" where none is close.

    >>> nearest("webshpo", ["webshop", "guess"])
    "; did you mean 'webshop'?"
    """
    close = difflib.get_close_matches(name, [other for other in allowed if other != name], n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
