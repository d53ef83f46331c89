"""A Python interpreter as a tool: an episode's own, in a sandbox, with a memory from call to call."""

import re
from collections.abc import Sequence
from typing import Any

from agentrl.errors import RunError
from agentrl.sandbox import Backend, Limits, Result, Session, choose
from agentrl.sandbox.choose import Name
from agentrl.tools import tool

LIMITS = Limits(wall=5.0, memory=512 << 20, output=100_000)
_ADDRESS = re.compile(r"(?<= at )0x[0-9a-f]{6,}\b")
_FORGOTTEN = "The interpreter was restarted: what was defined before is gone."


class PythonTool:
    """One tool, `python(code)`, for an environment that holds it: made once, `reset` where an episode begins.

    `agentrl.tools.call(held, "python", {"code": text})` checks what an agent wrote and runs it;
    `agentrl.tools.schema(held.python)` is what the agent is told. Nothing is started before the first call.

    Edge:   a copy (pickled, or `load(save())`) runs the pieces of its episode again before its next one;
            programs that ask the clock or chance may find something else then.
    Errors: ConfigError where the sandbox does not work here.
    """

    def __init__(
        self, sandbox: Name | Backend = "auto", limits: Limits = LIMITS, *, characters: int = 2000
    ) -> None:
        self._backend, self._limits, self._characters = sandbox, limits, characters
        choose(sandbox)  # says now what would otherwise end every episode
        self._session: Session | None = None
        self._ran: list[str] = []
        self._owed = 0
        """pieces that this process has not run yet"""

    @tool
    def python(self, code: str) -> str:
        """Run Python code; return what it prints, and the value of a last expression.

        Names that one call defines are there in the next.
        """
        self._catch_up()
        result = self._run(code)
        self._ran.append(code)
        return self._told(result)

    def reset(self) -> None:
        """Forget everything: an episode begins."""
        self.close()
        self._ran, self._owed = [], 0

    def close(self) -> None:
        """End the interpreter; a later call finds what the episode's calls had left in it."""
        session, self._session = self._session, None
        self._owed = len(self._ran)
        if session is not None:
            session.close()

    def save(self) -> tuple[str, ...]:
        """Return the pieces of code run so far, which is all that the interpreter's state depends on."""
        return tuple(self._ran)

    def load(self, ran: Sequence[str]) -> None:
        """Return to where these pieces of code had been run."""
        self.close()
        self._ran, self._owed = list(ran), len(ran)

    def __getstate__(self) -> dict[str, Any]:
        """Return the tool without its process."""
        return {**self.__dict__, "_session": None, "_owed": len(self._ran)}

    def _catch_up(self) -> None:
        for code in self._ran[len(self._ran) - self._owed :]:
            self._run(code)
        self._owed = 0

    def _run(self, code: str) -> Result:
        """Run a piece; a sandbox that breaks is the environment's failure, not the agent's."""
        if self._session is None:
            self._session = Session(self._limits, self._backend)
        result = self._session.run(code)
        if result.verdict == "sandbox-error":
            raise RunError(f"the sandbox of the python tool broke: {result.stderr.strip()}")
        return result

    def _told(self, result: Result) -> str:
        """Return what the agent reads of a call."""
        parts = [result.stdout.rstrip(), _trace(result.stderr)]
        if result.verdict == "timeout":
            parts.append(f"Stopped: it ran for {self._limits.wall:g} seconds.")
        elif result.verdict in ("memory", "output-limit"):
            parts.append(f"Stopped: too much {result.verdict.removesuffix('-limit')}.")
        elif result.verdict == "error" and not result.stderr:
            parts.append("Stopped: the program ended the interpreter.")
        assert self._session is not None
        if not self._session.alive:
            parts.append(_FORGOTTEN)
        # Addresses differ from run to run and mean nothing to anybody.
        said = [_ADDRESS.sub("0x...", bounded(part, self._characters)) for part in parts if part]
        return "\n".join(said) or "(no output)"


def bounded(text: str, most: int) -> str:
    """Return a text cut in its middle to about so many characters.

    >>> bounded("abcdefghij", 4)
    'ab [6 characters left out] ij'
    """
    if len(text) <= most:
        return text
    head = (most + 1) // 2
    tail = most - head
    return f"{text[:head]} [{len(text) - most} characters left out] {text[len(text) - tail :]}"


def _trace(stderr: str) -> str:
    """Return standard error without the lines of a traceback that lie in the interpreter's own files."""
    kept, ours = [], True
    for line in stderr.rstrip().splitlines():
        if line.startswith("  File "):
            ours = line.startswith('  File "main.py"')
        elif not line.startswith("    "):
            ours = True
        if ours:
            kept.append(line)
    return "\n".join(kept)
