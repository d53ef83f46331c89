"""What a session's program process does: it answers requests until the host is gone.

Sent to the sandbox as text behind `plain.py`. A request and an answer are a length (4 bytes, big-endian) and
JSON. Whatever the program forges here is merely an answer: the host believes nothing it says.
"""

import ast
import json
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentrl.sandbox.plain import decoded, encoded


def take() -> Any:
    """Return what the host says next."""
    length = int.from_bytes(read(4), "big")
    return json.loads(read(length))


def read(count: int) -> bytes:
    """Return that many bytes from the host; where it is gone, end."""
    data = b""
    while len(data) < count:
        more = os.read(3, count - len(data))
        if not more:
            os._exit(0)
        data += more
    return data


def give(answer: Any) -> None:
    """Tell the host."""
    text = json.dumps(answer).encode()
    data = memoryview(len(text).to_bytes(4, "big") + text)
    while data:
        data = data[os.write(4, data) :]


def ask(name: str, *arguments: Any, **named: Any) -> Any:
    """Return what the host answers to a question: `{"value": ...}` or `{"error": ..., "message": ...}`."""
    give({"ask": name, "arguments": [encoded(list(arguments)), encoded(named)]})
    return take()


def execute(source: str, echo: bool, names: dict[str, Any]) -> None:
    """Run a text among these names; with `echo`, show the value of a last expression."""
    tree = ast.parse(source, "main.py")
    last = None
    if echo and tree.body and isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body[-1].value)
        del tree.body[-1]
    exec(compile(tree, "main.py", "exec", dont_inherit=True), names)
    if last is not None:
        value = eval(compile(last, "main.py", "eval", dont_inherit=True), names)
        if value is not None:
            print(repr(value))


def answer(request: Any, names: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a request."""
    try:
        if "source" in request:
            execute(request["source"], request["echo"], names)
            return {"value": None}
        function = eval(request["call"], names)
        positional, named = request["arguments"]
        return {"value": encoded(function(*decoded(positional), **decoded(named)))}
    except SystemExit:
        raise
    except BaseException as why:
        if "source" in request:
            trace = why.__traceback__.tb_next.tb_next  # type: ignore[union-attr]  # without this file's lines
            traceback.print_exception(type(why), why, trace)
        return {"error": type(why).__name__, "message": str(why)[:500]}
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def serve(names: dict[str, Any]) -> None:
    """Answer until the host is gone; the session's texts run among these names."""
    while True:
        give(answer(take(), names))
