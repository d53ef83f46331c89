"""A tutorial as what a reader would do: files to write, commands and scripts to run, output to expect.

A ```python block that begins with `# name.py`, or defines `@env("name")`, is that file; any other one is
run. A ```bash block is run. A block fenced as ```bash no-run or ```python no-run is left out. A ```text block
right after one that is run is what it prints; ```text example is what it may print, letters and all.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\A# (\w+)\.py\n|^@env\(\"(\w+)\"", re.MULTILINE)
NUMBER = re.compile(r"[-+]?\d[\d.,:]*(?:e[-+]?\d+)?|\binf\b|\bnan\b")
ELLIPSIS = "..."


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a reader does."""

    kind: Literal["file", "bash", "python"]
    line: int
    text: str
    name: str = ""
    """of the file"""
    prints: str = ""
    """what the page shows of the output"""


def steps(page: str) -> Iterator[Step]:
    """Yield what a page asks its reader to do, in order."""
    fences = list(FENCE.finditer(page))
    for number, fence in enumerate(fences):
        language, words, text = fence[1], fence[2].split(), fence[3]
        if language not in ("bash", "python") or "no-run" in words:
            continue
        line = page.count("\n", 0, fence.start()) + 1
        after = fences[number + 1] if number + 1 < len(fences) else None
        shown = after is not None and after[1] == "text" and "example" not in after[2].split()
        prints = after[3] if after is not None and shown else ""
        file = FILE.search(text) if language == "python" else None
        if file:
            yield Step("file", line, text, name=f"{file[1] or file[2]}.py")
        else:
            yield Step("bash" if language == "bash" else "python", line, text, prints=prints)


def missing(shown: str, printed: str) -> list[str]:
    """Return the lines a page shows that were not printed: numbers and spaces may differ, words may not.

    A line that ends with ... shows how a line begins; one that is ... alone stands for what is left out.
    """
    there = [_shape(line) for line in printed.splitlines()]
    lost = []
    for line in shown.splitlines():
        wanted = _shape(line)
        if wanted.endswith(ELLIPSIS):
            found = any(one.startswith(wanted.removesuffix(ELLIPSIS).rstrip()) for one in there)
        else:
            found = not wanted or wanted in there
        if not found:
            lost.append(line)
    return lost


def _shape(line: str) -> str:
    return " ".join(NUMBER.sub("#", line).split())
