"""`agentrl new env|verifier|algo NAME`: a small package that installs, to be changed into one's own.

What is written lies in `drafts/`, as code that runs: its one name, draft, becomes the name asked for.
"""

import ast
import builtins
import keyword
import re
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, cast, get_args

from agentrl.errors import ConfigError, nearest
from agentrl.offers import Kind, offers, package

Noun = Literal["env", "verifier", "algo"]
NOUNS: tuple[Noun, ...] = get_args(Noun)
DRAFTS = Path(__file__).parent / "drafts"
USAGE = "agentrl new env|verifier|algo NAME [folder=.]"


def new_command(words: Sequence[str]) -> Path:
    """Write the package that the words of `agentrl new` ask for, say what to do with it; return its folder.

    Errors: ConfigError for wrong words, a name that is taken, and a folder that is there.
    """
    plain = [word for word in words if "=" not in word]
    asked = {key: text for key, equals, text in (word.partition("=") for word in words) if equals}
    for key in asked:
        if key != "folder":
            raise ConfigError(f"new has no '{key}'{nearest(key, ['folder'])} (it has: folder)")
    if plain and plain[0] not in NOUNS:
        raise ConfigError(f"new {plain[0]}{nearest(plain[0], NOUNS)} (there are: {', '.join(NOUNS)})")
    if len(plain) != 2:
        raise ConfigError(f"new takes what to write and its name: {USAGE}")
    noun, name = cast(Noun, plain[0]), plain[1]
    check_name(noun, name)
    place = write_package(noun, name, Path(asked.get("folder") or "."))
    first = f"agentrl show algo={name}" if noun == "algo" else f"agentrl check {noun}={name}"
    print(f"{place}: {', '.join(str(path.relative_to(place)) for path in _files(place))}")
    print(f"next: pip install -e {place} && {first} && python -m pytest {place}")
    return place


def check_name(noun: Noun, name: str) -> None:
    """Raise ConfigError for a name that no Python module can have, or that something else has already."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        fitting = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")
        hint = f"; did you mean '{fitting}'?" if fitting.isidentifier() and fitting != name else ""
        raise ConfigError(
            f"'{name}' cannot be the name of a Python module{hint}"
            " (it takes small letters, digits and _, a letter first, and no word of Python's own)"
        )
    taken = offers(cast(Kind, f"{noun}s")).get(name)
    if taken:
        raise ConfigError(f"{noun} '{name}' is offered by {package(taken[0])} already: choose another name")
    if name in sys.stdlib_module_names or _somewhere(name):
        raise ConfigError(f"there is a Python module '{name}' already: choose another name")
    if _object(noun, name) in _names(DRAFTS / noun / "draft.py"):
        raise ConfigError(f"'{_object(noun, name)}' means something else in {noun}s: choose another name")


def _somewhere(name: str) -> bool:
    """Tell whether an import of that name finds a module; a folder without code is none."""
    spec = find_spec(name)
    return spec is not None and spec.origin is not None


def _names(path: Path) -> set[str]:
    """Return the names that a file imports or that Python has by itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports for alias in node.names} | set(dir(builtins))


def write_package(noun: Noun, name: str, folder: Path) -> Path:
    """Return the folder NAME that was made in `folder`, with a whole package in it.

    Errors: ConfigError where it is there already: nothing is written over.
    """
    place = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place.mkdir()
        for source in [DRAFTS / "pyproject.toml", *_files(DRAFTS / noun)]:
            within = source.name if source.parent == DRAFTS else str(source.relative_to(DRAFTS / noun))
            target = place / within.replace("draft", name)
            target.parent.mkdir(exist_ok=True)
            target.write_text(_named(source.read_text(encoding="utf-8"), noun, name), encoding="utf-8")
    except FileExistsError as why:
        raise ConfigError(f"{why.filename} is there already; nothing is written over") from why
    except OSError as why:
        raise ConfigError(f"folder={folder}: {why.filename} cannot be written: {why.strerror}") from why
    return place


def _files(folder: Path) -> list[Path]:
    """Return the files below a folder, sorted, without what Python compiled."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def _named(text: str, noun: Noun, name: str) -> str:
    """Return a draft's text under another name.

    >>> _named("class Draft: name = 'draft'  # agentrl.KINDs", "env", "my_shop")
    "class MyShop: name = 'my_shop'  # agentrl.envs"
    """
    fresh = {
        "agentrl-draft": f"agentrl-{name.replace('_', '-')}", "OBJECT": _object(noun, name), "KIND": noun,
        "Draft": _object("env", name), "draft": name,
    }  # fmt: skip
    return re.sub("|".join(fresh), lambda found: fresh[found[0]], text)


def _object(noun: Noun, name: str) -> str:
    """Return what a package's class or function is called."""
    return name if noun == "verifier" else "".join(part.capitalize() for part in name.split("_"))
