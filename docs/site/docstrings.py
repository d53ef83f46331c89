"""Docstrings in house style as reStructuredText: labelled lines as fields, formulas as they stand.

A docstring is plain text with a little Markdown in it (code in backticks, tables, lists) and, at its end,
lines `Source:`, `Shapes:`, `Units:`, `Errors:`, `Edge:`, each perhaps over several lines.
"""

import re
from itertools import groupby
from typing import Any

LABELS = ("Source", "Shapes", "Units", "Errors", "Edge")
_LABEL = re.compile(rf"({'|'.join(LABELS)}):\s+(.*)")
_CODE = re.compile(r"(`+)(.+?)\1")
_LINK = re.compile(r"\[([^\]]+)\]\((https?://[^)]+)\)")
_SPECIAL = re.compile(r"([*|\\]|(?<=\w)_(?!\w))")


def converted(text: str) -> str:
    """Return a docstring as reStructuredText.

    >>> print(converted("Return a * b.\\n\\nEdge: of `nothing`,\\n      nothing."))
    Return a \\\\* b.
    <BLANKLINE>
    :Edge: of ``nothing``, nothing.
    """
    blocks = [block for block in re.split(r"\n\s*\n", text.expandtabs().strip("\n")) if block.strip()]
    return "\n\n".join(_block(block.splitlines()) for block in blocks)


def _block(lines: list[str]) -> str:
    first = lines[0]
    if first.startswith(">>>"):
        return "\n".join(lines)
    if first.startswith("    "):
        return "\n".join([".. code-block:: text", "", *(f"    {line}" for line in lines)])
    for number, line in enumerate(lines):
        if line.startswith("|") and not line.endswith("|"):
            break
        if line.startswith("|"):
            return "\n\n".join(part for part in (_prose(lines[:number]), _table(lines[number:])) if part)
    if any(_LABEL.match(line) for line in lines):
        return _fields(lines)
    return _prose(lines)


def _prose(lines: list[str]) -> str:
    """Return a paragraph, or a list whose items begin with a dash, perhaps with a line before it."""
    parts: list[str] = []
    for listed, some in groupby(lines, key=_in_list()):
        parts.append(("\n" if listed else " ").join(some))
    return "\n\n".join(inline(part) for part in parts)


def _in_list() -> Any:
    """Return a function that says of each line whether it belongs to a list."""
    inside = False

    def belongs(line: str) -> bool:
        nonlocal inside
        inside = line.startswith("- ") or (inside and line.startswith(" "))
        return inside

    return belongs


def _fields(lines: list[str]) -> str:
    before: list[str] = []
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        label = _LABEL.match(line)
        if label:
            found.append((label[1], [label[2]]))
        elif found:
            found[-1][1].append(line.strip())
        else:
            before.append(line)
    fields = "\n".join(f":{label}: {inline(' '.join(said))}" for label, said in found)
    return "\n\n".join(part for part in (_prose(before) if before else "", fields) if part)


def _table(lines: list[str]) -> str:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    rows = [row for row in rows if not all(set(cell) <= set("-: ") for cell in row)]
    made = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        made += [f"   {'*' if not i else ' '} - {inline(cell)}" for i, cell in enumerate(row)]
    return "\n".join(made)


def inline(text: str) -> str:
    """Return a piece of text with its code and links marked, and everything else as it stands."""
    made, end = [], 0
    for code in _CODE.finditer(text):
        made += [_plain(text[end : code.start()]), f"``{code[2].strip()}``"]
        end = code.end()
        if text[end : end + 1].isalnum():
            made.append("\\ ")
    return "".join([*made, _plain(text[end:])])


def _plain(text: str) -> str:
    made, end = [], 0
    for link in _LINK.finditer(text):
        made += [_SPECIAL.sub(r"\\\1", text[end : link.start()]), f"`{link[1]} <{link[2]}>`__"]
        end = link.end()
    return "".join([*made, _SPECIAL.sub(r"\\\1", text[end:])])


def _hook(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = [*converted("\n".join(lines)).splitlines(), ""]


def setup(app: Any) -> dict[str, Any]:
    """Have every docstring converted before it is read."""
    app.connect("autodoc-process-docstring", _hook)
    return {"parallel_read_safe": True}
