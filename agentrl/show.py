"""What can be chosen, and what the settings mean: `agentrl list`, `agentrl show`."""

import ast
import importlib.util
import inspect
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from agentrl.brought import TINY
from agentrl.errors import ConfigError, nearest
from agentrl.keys import GROUPS, SHORT, Key, algo_keys, env_keys, general_keys
from agentrl.offers import KINDS, names, offers, package
from agentrl.outline import outline
from agentrl.prefixes import HINTS
from agentrl.presets import presets, title
from agentrl.registry import find
from agentrl.values import kind_of, written

CONFIGS = "configs"
LISTS = (*KINDS, CONFIGS)
"""what `agentrl list` can list"""


def listing(words: Sequence[str]) -> str:
    """Return what there is to choose from, each with its first line of documentation; nothing is imported.

    Errors: ConfigError for a kind that does not exist.
    """
    for word in words:
        if word not in LISTS:
            raise ConfigError(f"no list of '{word}'{nearest(word, LISTS)} (there are: {', '.join(LISTS)})")
    lines: list[str] = []
    for kind in [kind for kind in KINDS if kind in words or not words]:
        lines.append(f"{kind}")
        known = offers(kind)
        width = max((len(name) for name in known), default=0)
        for name, entries in known.items():
            for entry in entries:
                lines.append(f"  {name:<{width}}  {_headline(entry)}  [{package(entry)}]")
            if len(entries) > 1:
                lines.append(f"  {'':<{width}}  offered twice: uninstall one of them")
        if not known:
            lines.append("  none installed")
        if kind == "envs":
            lines += [f"  {hint}" for hint in HINTS.values()]
    if CONFIGS in words or not words:
        lines += [CONFIGS, *(f"  @{name}  {title(path)}" for name, path in presets().items())]
    return "\n".join(lines)


def _headline(entry: metadata.EntryPoint) -> str:
    """Return the first line of documentation of an entry point, read from its source."""
    try:
        spec = importlib.util.find_spec(entry.module)
    except ImportError as why:
        return f"(cannot be loaded: {why})"
    if spec is None or spec.origin is None:
        return f"(cannot be loaded: no module {entry.module})"
    if not spec.origin.endswith(".py"):
        return ""
    try:
        tree = ast.parse(Path(spec.origin).read_bytes())
    except SyntaxError as why:
        return f"(cannot be loaded: SyntaxError: {why})"
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == entry.attr:
            headline = (ast.get_docstring(node) or "").partition("\n")[0]
            facts = _facts(node, tree) if isinstance(node, ast.ClassDef) else ""
            return f"{headline}{facts}"
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def _facts(node: ast.ClassDef, tree: ast.Module) -> str:
    """Return what a class, or else a base of it, says in `data`, `extra` (models it needs) and `paper`."""
    said: dict[str, str] = {}
    line = [(node, tree)]
    for one, where in line:  # grows while bases are found
        line += [base for b in one.bases if isinstance(b, ast.Name) and (base := _base(b.id, where))]
        for part in one.body:
            if isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant):
                said = {t.id: str(part.value.value) for t in part.targets if isinstance(t, ast.Name)} | said
    facts = _needs(said.get("data", ""), said.get("extra", ""), said.get("paper", ""))
    return f"  ({facts})" if facts else ""


def _base(name: str, tree: ast.Module) -> tuple[ast.ClassDef, ast.Module] | None:
    """Return a class by the name a file has for it, with the file it is written in, of the same package."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node, tree
        if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
            spec = importlib.util.find_spec(node.module or "") if not node.level else None
            if spec is None or not (spec.origin or "").endswith(".py") or node.module == "agentrl.algo":
                return None
            return _base(name, ast.parse(Path(spec.origin or "").read_bytes()))
    return None


def _needs(data: str, extra: str, paper: str) -> str:
    """Return in words what an algorithm learns from, which models it needs, and where it was published."""
    parts = (f"from {data}" if data else "", f"needs a {extra}" if extra else "", paper)
    return "; ".join(part for part in parts if part)


def shown(words: Sequence[str]) -> str:
    """Return the settings of an environment, an algorithm, or of every run, with meaning, type and default.

    Errors: ConfigError for unknown names and words.
    """
    if not words:
        parts = [_table(group, _group(general_keys(), group)) for group in GROUPS]
        return "\n\n".join(
            [*parts, "Options of an environment or algorithm: agentrl show env=NAME algo=NAME"]
        )
    parts = []
    for word in words:
        key, _, name = word.partition("=")
        if key == "env" and name:
            cls = find("envs", name)
            heading = f"env {name}: {_first_paragraph(cls)}\n{_origin(cls)}"
            parts.append(f"{heading}\n{_table('env', env_keys(cls), cls.tiny)}{_wishes(cls.tiny)}")
        elif key == "algo" and name:
            sketch = outline(name)
            facts = _needs(sketch.data, sketch.extra, sketch.paper)
            heading = f"algo {name}: {_first_paragraph(sketch)}\n{facts} {_origin(sketch)}"
            parts.append(f"{heading}\n{_table('algo', algo_keys(sketch))}")
        elif word in GROUPS:
            parts.append(_table(word, _group(general_keys(), word)))
        else:
            allowed = [*(f"env={n}" for n in names("envs")), *(f"algo={n}" for n in names("algos")), *GROUPS]
            raise ConfigError(
                f"cannot show '{word}'{nearest(word, allowed)} (there are: {', '.join(allowed)})"
            )
    return "\n\n".join(parts)


def _group(known: Mapping[str, Key], group: str) -> dict[str, Key]:
    return {name: key for name, key in known.items() if name.startswith(f"{group}.")}


def _table(group: str, known: Mapping[str, Key], tiny: Mapping[str, Any] | None = None) -> str:
    """Return a block of lines for each key: name, default and its source; then type and meaning."""
    short = {full: word for word, full in SHORT.items()}
    brought = {**TINY, **(tiny or {})}
    lines = [f"[{group}]"]
    for name, key in known.items():
        default = "must be given" if key.required else f"= {written(key.default)}"
        source = f"  (model=tiny: {written(brought[name])})" if name in brought else ""
        also = f"  (short: {short[name]}=)" if name in short else ""
        lines.append(f"  {name} {default}{source}{also}")
        meaning = key.doc or (docs(key.owner).get(name.rpartition(".")[2], "") if key.owner else "")
        if key.owner is not None and (origin := source_of(key.owner, name.rpartition(".")[2])):
            meaning = f"{meaning.partition(' [')[0]}  [{origin}]"
        lines.append(f"      {kind_of(key.hint)}{': ' if meaning else ''}{meaning}")
    if len(lines) == 1:
        lines.append("  no settings of its own")
    return "\n".join(lines)


def _wishes(tiny: Mapping[str, Any]) -> str:
    """Return what an environment asks of the tiny model beside its own options."""
    wishes = [f"{key}={written(value)}" for key, value in tiny.items() if not key.startswith("env.")]
    return f"\nWith model=tiny also: {' '.join(wishes)}" if wishes else ""


def _first_paragraph(cls: type[Any]) -> str:
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split())


def _origin(cls: type[Any]) -> str:
    return f"({cls.__module__}.{cls.__qualname__})"


def source_of(cls: type[Any], field: str) -> str:
    """Return where a hyper-parameter comes from; empty for what is no algorithm's.

    The text under the field may end with it, in brackets; else it is the paper of the class that sets it.
    """
    setter = next((one for one in cls.__mro__ if field in inspect.get_annotations(one)), cls)
    text = docs(setter).get(field, "")
    if text.endswith("]") and " [" in text:
        return text.rpartition(" [")[2].removesuffix("]")
    own: str = getattr(setter, "paper", "")
    return own


def docs(cls: type[Any]) -> dict[str, str]:
    """Return the text under each field of a class and its bases, read from their source.

    Edge: a class whose source is not at hand has none.
    """
    found: dict[str, str] = {}
    for one in reversed(cls.__mro__[:-1]):
        found |= _docs_of(one)
    return found


def _docs_of(cls: type[Any]) -> dict[str, str]:
    node = _class_node(cls)
    if node is None:
        return {}
    found = {}
    for field, below in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            found[field.target.id] = " ".join(below.value.value.split())
    return found


def _class_node(cls: type[Any]) -> ast.ClassDef | None:
    """Return the syntax tree of a class; None where its source is not at hand."""
    path = _source_file(cls)
    if path is None:
        return None
    body: list[ast.stmt] = ast.parse(path.read_bytes()).body
    node: ast.ClassDef | None = None
    for name in cls.__qualname__.split("."):
        node = next((n for n in body if isinstance(n, ast.ClassDef) and n.name == name), None)
        if node is None:
            return None
        body = node.body
    return node


def _source_file(cls: type[Any]) -> Path | None:
    """Return the file a class is written in; its methods know it where it is an outline's."""
    files = [getattr(sys.modules.get(cls.__module__), "__file__", None)]
    files += [f.__code__.co_filename for f in vars(cls).values() if inspect.isfunction(f)]
    if cls.__module__ not in sys.modules:  # an outline's class that has no method of its own
        spec = importlib.util.find_spec(cls.__module__)
        files.append(spec.origin if spec is not None else None)
    return next((Path(f) for f in files if f and f.endswith(".py") and Path(f).is_file()), None)
