"""The tree keeps its shape: small files, short functions, one package a plug-in folder, no strangers."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE = ("agentrl", "envs", "verifiers", "algos", "benchmarks", "docs")
TEXT = {".py", ".md", ".toml", ".sh", ".css", ".json", ".yml", ".yaml", ""}
FILE, TEST_FILE, FUNCTION = 300, 400, 60
"""most lines"""
LONGER: dict[str, str] = {}
"""files above the budget, and why"""
NOWHERE = {"utils", "util", "common", "misc", "manager", "helper", "helpers"}
"""names that say nothing of what is inside"""
STRANGE = re.compile(
    r"(?<![\w.])/(?:work|root|home|Users)/|/tmp/|\b(?:claude|anthropic|chatgpt|copilot|sub-?agent|worktree)s?\b"
    r"|\b(?:files\.pythonhosted|download\.pytorch|pypi)\.org\b",
    re.IGNORECASE,
)
"""places on one machine, who wrote it, and where packages happen to come from"""
HOSTILE = {ROOT / f"tests/golden/data/{name}_hostile.json" for name in ("code", "math")}
"""programs and texts that try to reach a machine are full of its places"""


def files(*folders: str) -> Iterator[Path]:
    """Yield the files below these folders of the project, leaving out what tools leave behind."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            inside = path.relative_to(ROOT).parts
            left_behind = "__pycache__" in inside or any(part.startswith(".") for part in inside[1:])
            if path.is_file() and not left_behind:
                yield path


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


SOURCES = [path for path in files(*CODE, "tests") if path.suffix == ".py"]
BY_NAME = {named(path): path.read_text(encoding="utf-8") for path in SOURCES}


@pytest.mark.parametrize(
    ("folder", "package"),
    [("envs", "agentrl_envs"), ("verifiers", "agentrl_verifiers"), ("algos", "agentrl_algos")],
)
def test_a_plug_in_folder_holds_one_package_and_nothing_beside_it(folder: str, package: str) -> None:
    inside = {path.relative_to(ROOT / folder).parts[0] for path in files(folder)}
    assert inside == {package}


def test_files_are_short_but_for_the_few_that_say_why() -> None:
    most = {name: TEST_FILE if name.startswith("tests/") else FILE for name in BY_NAME}
    longer = {name for name, text in BY_NAME.items() if len(text.splitlines()) > most[name]}
    assert longer <= LONGER.keys(), "split these"
    assert LONGER.keys() <= BY_NAME.keys(), "these are gone: take them out of LONGER"


def test_functions_are_short() -> None:
    long = [
        f"{name}:{node.lineno} {node.name}"
        for name, text in BY_NAME.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION
    ]
    assert not long


def test_no_file_is_named_for_nothing() -> None:
    assert not [named(path) for path in files(*CODE, "tests") if path.stem.lower() in NOWHERE]


def test_every_module_says_what_it_is() -> None:
    """The linter asks for this in the packages; tests and their stand-ins say it too."""
    assert not [name for name, text in BY_NAME.items() if text and not ast.get_docstring(ast.parse(text))]


def test_packages_are_marked_as_typed() -> None:
    packages = [ROOT / "agentrl", *(path.parent for path in ROOT.glob("*/agentrl_*/__init__.py"))]
    assert len(packages) == 4
    assert not [named(package) for package in packages if not (package / "py.typed").is_file()]


def test_nothing_in_the_tree_names_a_machine_a_tool_that_wrote_it_or_a_mirror() -> None:
    here = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    found = [
        f"{named(path)}: {match.group()}"
        for path in [*here, *files(*CODE, "tests", ".ci")]
        if path.suffix in TEXT and path not in {Path(__file__).resolve(), *HOSTILE}
        for match in STRANGE.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found
