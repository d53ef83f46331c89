"""An interpreter that lives through an episode, and the single run."""

import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from agentrl.errors import RunError
from agentrl.sandbox.base import Backend, Box, Limits, Result, job
from agentrl.sandbox.choose import Name, choose
from agentrl.sandbox.local import text_of
from agentrl.sandbox.pool import pool_of
from agentrl.sandbox.talk import Handler, Talk

_DEFAULT = Limits()


def run(
    program: str,
    stdin: str | bytes = "",
    files: Mapping[str, str | bytes] | None = None,
    limits: Limits = _DEFAULT,
    backend: Name | Backend = "auto",
) -> Result:
    """Return what a Python program leaves that runs alone in a sandbox, as `__main__`, its files beside it.

    Whatever the program does is a result, no exception; it and all it started are gone when this returns.

    Errors: ConfigError where there is no sandbox to be had. A sandbox that breaks gives the verdict
            `sandbox-error`, which says nothing about the program.
    """
    chosen = choose(backend)
    told = job(limits, program=program, stdin=stdin, files=files)
    box = pool_of(chosen, limits).take()
    begun = time.monotonic()
    try:
        talk = Talk(box, limits)
        try:
            talk.begin(told)
        except RunError as why:
            return Result("", str(why), None, "sandbox-error", time.monotonic() - begun, 0, box.isolation)
        talk.finish(time.monotonic() + limits.wall)
        # What the kernel counted is gone with the box.
        verdict = talk.verdict()
    finally:
        box.discard()
    return talk.result(time.monotonic() - begun, verdict)


class Session:
    """An interpreter with a memory: names defined by one call are there in the next.

    It starts with the first call. One that overruns, floods or crashes ends it, memory and all: that call's
    verdict says so, `alive` is False, and the next call begins with a new interpreter. `module` is what the
    code finds in `__name__`.
    """

    def __init__(
        self,
        limits: Limits = _DEFAULT,
        backend: Name | Backend = "auto",
        files: Mapping[str, str | bytes] | None = None,
        *,
        module: str = "__main__",
    ) -> None:
        self.limits = limits
        self._backend = choose(backend)
        self._job = job(limits, files=files, serve=text_of("plain", "serve"), module=module)
        self._box: Box | None = None
        self._talk: Talk | None = None

    @property
    def alive(self) -> bool:
        """An interpreter is there, with what earlier calls left in it."""
        return self._talk is not None

    def run(self, code: str, *, echo: bool = True) -> Result:
        """Return what a piece of code prints; with `echo`, the value of a last expression is printed too.

        Edge: an exception is the verdict `error`, its traceback is on `stderr`, and the session lives on.
        """
        return self.exchange({"source": code, "echo": echo}, self.limits.wall)[0]

    def exchange(
        self, request: Mapping[str, Any], seconds: float, handler: Handler | None = None
    ) -> tuple[Result, Any]:
        """Return the result of a request, and the program's answer (None where there is none).

        A request is `{"source": text, "echo": bool}` or `{"call": expression, "arguments": [positional,
        named]}`, these as `plain.encoded` writes them. An answer is `{"value": ...}`, encoded likewise, or
        `{"error": name, "message": text}`; believe neither. `handler` answers what the program asks.
        """
        begun = time.monotonic()
        try:
            talk = self._talk or self._begin()
        except RunError as why:
            self.close()
            name = self._backend.name
            failed = Result("", str(why), None, "sandbox-error", time.monotonic() - begun, 0, name)
            return failed, None
        answer = talk.exchange(request, time.monotonic() + seconds, handler)
        elapsed = time.monotonic() - begun
        if answer is None:
            verdict = talk.verdict()
            # A program that ends itself ends the session: that is no success of a call.
            result = talk.result(elapsed, "error" if verdict == "ok" else verdict)
            self.close()
            return result, None
        error = answer.get("error")
        return talk.result(
            elapsed, "memory" if error == "MemoryError" else "error" if error else "ok"
        ), answer

    def _begin(self) -> Talk:
        self._box = pool_of(self._backend, self.limits).take()
        talk = Talk(self._box, self.limits)
        talk.begin(self._job)
        self._talk = talk
        return talk

    def close(self) -> None:
        """End the interpreter and forget what it held; a later call begins anew."""
        box, self._box, self._talk = self._box, None, None
        if box is not None:
            box.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # The last net under an episode that was dropped without an end; modules may be gone at exit.
        with suppress(Exception):
            self.close()
