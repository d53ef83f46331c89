"""Directives for what the program itself can list, from the sources of `agentrl list` and `agentrl show`.

{modules} PACKAGE      every module of a package, with all that is public in it
{contracts}            the modules that hold the contracts
{public}               every name of `agentrl.__all__`
{offers} KIND          envs, algos or verifiers: name, first line, where it is
{settings}             the settings of every run, by group; {settings} envs|algos: of each one
"""

import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

import agentrl
from agentrl.brought import TINY
from agentrl.keys import GROUPS, Key, algo_keys, env_keys, general_keys
from agentrl.offers import KINDS, names
from agentrl.registry import find
from agentrl.show import docs, source_of
from agentrl.values import kind_of, written

CONTRACTS = (
    "env", "toolenv", "tools", "players", "verify", "submissions", "algo", "batch", "types", "errors",
)  # fmt: skip
"""modules of agentrl that authors of environments, verifiers and algorithms build on"""


def contracts() -> Iterator[str]:
    """Yield lines that document the contracts."""
    for name in CONTRACTS:
        yield from _module(f"agentrl.{name}")


def modules(package: str) -> Iterator[str]:
    """Yield lines that document each public module of a package."""
    home = import_module(package)
    for found in sorted(pkgutil.iter_modules(home.__path__), key=lambda one: one.name):
        if not found.name.startswith("_"):
            yield from _module(f"{package}.{found.name}")


def _module(name: str) -> Iterator[str]:
    yield from (f"## `{name}`", "", "```{eval-rst}", f".. automodule:: {name}", "```", "")


def public() -> Iterator[str]:
    """Yield lines that document every public name of the package."""
    for name in agentrl.__all__:
        obj = getattr(agentrl, name)
        if isinstance(obj, str):
            continue
        kind = "autoclass" if isinstance(obj, type) else "autofunction"
        yield from ("```{eval-rst}", f".. {kind}:: agentrl.{name}")
        yield from (("   :no-members:",) if kind == "autoclass" else ())
        yield from (("   :no-index:",) if name in CONTRACTS else ())  # the module has that name in the index
        yield from ("```", "")
        if kind == "autoclass":
            yield from (f"In full: {{py:class}}`{obj.__module__}.{obj.__qualname__}`.", "")


def offers(kind: str) -> Iterator[str]:
    """Yield the table of what can be chosen of a kind."""
    assert kind in KINDS, f"{kind} is none of {KINDS}"
    rows = []
    for name in names(kind):  # type: ignore[arg-type]
        obj = find(kind, name)  # type: ignore[arg-type]
        text = inspect.getdoc(getattr(obj, "function", obj)) or inspect.getdoc(obj) or ""
        facts = (
            [str(getattr(obj, fact, "")) for fact in ("data", "extra", "paper")] if kind == "algos" else []
        )
        rows.append([f"`{name}`", text.partition("\n")[0], *facts])
    more = ["learns from", "further models", "source"] if kind == "algos" else []
    yield from _table([kind.removesuffix("s"), "what", *more], rows)


def settings(kind: str) -> Iterator[str]:
    """Yield tables of settings: of every run, or of each environment or algorithm."""
    if not kind:
        known = general_keys()
        for group in GROUPS:
            yield from (f"## {group}", "")
            yield from _keys({n: key for n, key in known.items() if n.startswith(f"{group}.")}, TINY)
        return
    keys_of: Any = {"envs": env_keys, "algos": algo_keys}[kind]
    for name in names(kind):  # type: ignore[arg-type]
        cls = find(kind, name)  # type: ignore[arg-type]
        yield from (f"## {name}", "", (inspect.getdoc(cls) or "").partition("\n")[0], "")
        yield from _keys(keys_of(cls), getattr(cls, "tiny", {}))


def _keys(known: Mapping[str, Key], tiny: Mapping[str, Any]) -> Iterator[str]:
    rows = []
    for name, key in known.items():
        field = name.partition(".")[2]
        meaning = key.doc or (docs(key.owner).get(field, "") if key.owner else "")
        origin = source_of(key.owner, field) if key.owner else ""
        if origin:
            meaning = f"{meaning.partition(' [')[0]} ({origin})"
        default = "must be given" if key.required else f"`{written(key.default) or ' '}`"
        if name in tiny:
            default += f"; with `model=tiny` `{written(tiny[name])}`"
        rows.append([f"`{name}`", meaning, f"`{kind_of(key.hint)}`", default])
    if rows:
        yield from _table(["setting", "meaning", "type", "default"], rows)
    else:
        yield from ("No settings of its own.", "")


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(_cell(cell) for cell in row) + " |"
    yield ""


def _cell(text: str) -> str:
    """Return a text that fits into a cell: signs that mean something to a table or to HTML are escaped."""
    parts = text.split("`")
    outside = [part.replace("*", "\\*").replace("<", "&lt;").replace("_", "\\_") for part in parts[::2]]
    parts[::2] = outside
    return "`".join(parts).replace("|", "\\|")


class _Listing(SphinxDirective):
    """Lines of Markdown that are made when the site is built."""

    has_content = False
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        word = self.arguments[0] if self.arguments else ""
        match self.name:
            case "modules":
                lines = modules(word)
            case "contracts":
                lines = contracts()
            case "public":
                lines = public()
            case "offers":
                lines = offers(word)
            case _:
                lines = settings(word)
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def setup(app: Any) -> dict[str, Any]:
    """Teach the pages these directives."""
    for name in ("contracts", "modules", "public", "offers", "settings"):
        app.add_directive(name, _Listing)
    return {"parallel_read_safe": True}
