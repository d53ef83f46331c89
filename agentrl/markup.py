"""HTML, SVG and tables of Markdown that cannot be broken into: all but `Markup` is text and is escaped."""

import html
import re
from collections.abc import Iterable, Sequence

VOID = frozenset({"meta", "br", "hr", "col"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Child = str | int | Iterable["Child"] | None


def tag(name: str, /, *children: Child, **attributes: str | float | None) -> Markup:
    """Return an element around its children; None is left out, in attributes too.

    A trailing underscore is dropped from an attribute's name (`class_`), others become hyphens.

    >>> tag("p", "a < b", tag("br"), class_="odd")
    '<p class="odd">a &lt; b<br></p>'
    """
    named = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "" if name in VOID else f"{joined(children)}</{name}>"
    return Markup(f"<{name}{named}>{inner}")


def joined(children: Child) -> Markup:
    """Return children one after the other, escaped where they are text."""
    if children is None:
        return Markup("")
    if isinstance(children, Markup):
        return children
    if isinstance(children, str | int):
        return Markup(_escaped(str(children)))
    return Markup("".join(joined(child) for child in children))


def pipes(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; what is quoted can neither end a cell nor begin markup.

    >>> print(pipes(["a|b"], [["<i>"]]))
    | a\\|b |
    | --- |
    | &lt;i> |
    """

    def line(cells: Sequence[str]) -> str:
        flat = (" ".join(cell.split()) for cell in cells)
        return "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in flat) + " |"

    return "\n".join([line(head), line(["---"] * len(head)), *map(line, body)])


def _escaped(text: str) -> str:
    """Return text that a page shows as it is; what no page may hold is shown as the replacement character."""
    return html.escape(_CONTROL.sub("\ufffd", text), quote=True)
