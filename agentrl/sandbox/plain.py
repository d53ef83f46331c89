"""Plain values as JSON and back: what crosses between a submission and its tests.

Only exact built-in types pass, so an object that claims to be equal to everything never reaches a comparison.
The same text runs inside the sandbox.
"""

from typing import Any

DEPTH = 50
"""values nested deeper are refused"""


def encoded(value: Any, depth: int = DEPTH) -> Any:
    """Return a value in JSON's own types: lists stand for lists, an object of one key for other types.

    >>> encoded([1, (2.5, None), {3: b"x"}])
    [1, {'tuple': [2.5, None]}, {'dict': [[3, {'bytes': '78'}]]}]

    Errors: TypeError for any other type, subclasses included; ValueError where it is nested too deeply.
    """
    kind = type(value)
    # By identity: a class may have a metaclass that calls itself equal to every other.
    if value is None or any(kind is plain for plain in (bool, int, float, str)):
        return value
    if depth == 0:
        raise ValueError("the value is nested too deeply")
    if kind is list:
        return [encoded(x, depth - 1) for x in value]
    if kind is tuple or kind is set or kind is frozenset:
        return {kind.__name__: [encoded(x, depth - 1) for x in value]}
    if kind is dict:
        return {"dict": [[encoded(k, depth - 1), encoded(v, depth - 1)] for k, v in value.items()]}
    if kind is bytes or kind is bytearray:
        return {kind.__name__: value.hex()}
    if kind is complex:
        return {"complex": [value.real, value.imag]}
    raise TypeError(f"a {kind.__name__} is no plain value")


def decoded(value: Any) -> Any:
    """Return the value that `encoded` was given.

    >>> decoded({"dict": [[{"tuple": [1, 2]}, [3]]]})
    {(1, 2): [3]}

    Errors: ValueError or TypeError where it is none that `encoded` writes.
    """
    if type(value) is list:
        return [decoded(x) for x in value]
    if type(value) is not dict:
        return value
    ((name, inside),) = value.items()
    if name == "dict":
        return {decoded(k): decoded(v) for k, v in inside}
    if name in ("tuple", "set", "frozenset"):
        makers: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}
        return makers[name]([decoded(x) for x in inside])
    if name in ("bytes", "bytearray"):
        data = bytes.fromhex(inside)
        return data if name == "bytes" else bytearray(data)
    if name == "complex":
        return complex(*inside)
    raise ValueError(f"'{name}' names no plain type")
