"""What the pages show is true: commands are understood, names exist, Python runs.

A ```bash block: every `agentrl` command line is read as the program reads it, and every file or module that
other lines name is there. A ```python block is run, unless it is fenced as ```python no-run: then it only
compiles, and what it takes from agentrl exists. One that begins with `# mine.py`, or defines `@env("mine")`,
is the file mine.py for the commands.
"""

import ast
import doctest
import importlib.util
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import agentrl
from agentrl.bench.words import planned as bench_planned
from agentrl.check import check_command
from agentrl.cli import VERBS, main
from agentrl.collecting import sorted_out
from agentrl.config import parse
from agentrl.errors import AgentRLError
from agentrl.exporting import KEYS, said
from agentrl.flags import machine_of, split
from agentrl.jobs import planned
from agentrl.registry import find, is_path
from tests.agentrl.installed import install_ourselves

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
TUTORIALS = {page.name for page in (ROOT / "docs/tutorials").glob("*.md")}
"""every step of these is done, in order, by tests/docs"""
FILE = re.compile(r"\A# (?:\./)?(\w+)\.py\b|^@(?:env|algo|verifier)\(\"(\w+)\"", re.MULTILINE)
FENCE = re.compile(r"^```(bash|python)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPEN = re.compile(r"\.\.\.|…|[<>\[\]]|=[A-Z_|]+\b|\b(?:RUN|FILE|FOLDER|NAME)\b")
"""marks a line that leaves something to the reader"""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    run: bool
    """of Python"""
    text: str


def blocks(page: str, text: str) -> Iterator[Block]:
    """Yield the bash and python blocks of a page."""
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found[1], "no-run" not in found[2].split(), found[3])


BLOCKS = [block for page in PAGES for block in blocks(page.name, page.read_text(encoding="utf-8"))]


def shown(language: str, *, run: bool = False) -> pytest.MarkDecorator:
    """Return the parameters of a test of every block in a language; `run`: of those that are to be run."""
    chosen = [block for block in BLOCKS if block.language == language]
    if run:
        chosen = [block for block in chosen if block.run and block.page not in TUTORIALS]
    return pytest.mark.parametrize("block", chosen, ids=[f"{b.page}:{b.line}" for b in chosen])


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command of a bash block, without comments and settings of the shell."""
    for line in text.replace("\\\n", " ").splitlines():
        if OPEN.search(line.partition(" #")[0]):
            continue
        lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars="&|;")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word.strip("&|;"):
                words.append(word)
                continue
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                del words[0]
            if words:
                yield [words[0].removeprefix(".venv/bin/"), *words[1:]]
            words = []


def complaint(words: list[str]) -> str:
    """Return what is wrong with a command; empty where nothing is."""
    program, *rest = words
    if program == "agentrl":
        return _agentrl(rest)
    if program.startswith("python") and rest[:1] == ["-m"]:
        if rest[1] == "agentrl":
            return _agentrl(rest[2:])
        return "" if importlib.util.find_spec(rest[1]) else f"there is no module {rest[1]}"
    file = rest[0] if program in ("bash", "sh") or program.startswith("python") else program
    if file.endswith(".py") or "/" in file:
        return "" if (ROOT / file).exists() else f"there is no file {file}"
    return ""


def _agentrl(words: list[str]) -> str:
    verb, *rest = words or ["--help"]
    try:
        match verb:
            case "run":
                settings, flags = split(rest)
                machine_of(flags)
                parse(settings)
            case "eval":
                # A run folder brings its own settings, and is not here.
                named = [word for word in rest if not word.startswith(("model=runs/", "@"))]
                if not any(word.startswith(("env=", "data=")) for word in named):
                    named.append("env=guess")
                parse(named, algo="gigpo")
            case "compare":
                if any("=" in word for word in rest):  # run folders are not here
                    planned(rest)
            case "bench":
                # Run folders and folders of models are not here.
                bench_planned([word for word in rest if not word.startswith(("model=runs/", "model=./"))])
            case "collect":
                parse([word for word in sorted_out(rest)[1] if not word.startswith("model=")], algo="gigpo")
            case "export" | "import":
                said(verb, rest, KEYS[verb])  # files are not here
            case "resume":
                return (
                    "" if len([word for word in rest if "=" not in word]) == 1 else "resume takes one folder"
                )
            case "view" | "rescore" if any(word.startswith("runs/") for word in rest):
                return ""  # run folders are not here
            case "check" if rest and rest[0].startswith("verifier="):
                find("verifiers", rest[0].partition("=")[2])
            case "check" if is_path(" ".join(rest).removeprefix("env=")):
                return "" if check_command(rest) else "not every rule holds"
            case "check" if (made := _made(rest)).is_file():  # by `agentrl new`, and not installed here
                return "" if check_command([f"env={made}"]) else "not every rule holds"
            case "check":
                parse(rest, algo="gigpo")
            case _:
                return "" if main(words) == 0 else "it does not end with status 0"
    except AgentRLError as why:
        return str(why)
    return ""


def _made(words: list[str]) -> Path:
    """Return where `agentrl new` puts the environment that a check names."""
    name = words[0].partition("=")[2]
    return Path.cwd() / name / f"{name}.py"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder to work in, where agentrl is installed and the pages' files lie."""
    install_ourselves(tmp_path / "site", monkeypatch)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for block in BLOCKS:
        name = FILE.search(block.text)
        if block.language == "python" and name:
            Path(f"{name[1] or name[2]}.py").write_text(block.text)
    return tmp_path / "here"


@shown("bash")
def test_commands_are_understood(block: Block, shop: Path) -> None:
    wrong = {" ".join(words): complaint(words) for words in commands(block.text)}
    assert not {command: why for command, why in wrong.items() if why}


@shown("python")
def test_python_compiles_and_names_what_is_there(block: Block, shop: Path) -> None:
    text = block.text
    if ">>>" in text:
        text = "".join(example.source for example in doctest.DocTestParser().get_examples(text))
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.ImportFrom(module=str(module), names=names) if module.startswith("agentrl"):
                for one in names:
                    assert hasattr(importlib.import_module(module), one.name), f"{module}.{one.name}"
            case ast.Attribute(value=ast.Name(id="agentrl"), attr=name):
                assert hasattr(agentrl, name), f"agentrl.{name}"


@shown("python", run=True)
def test_python_runs(block: Block, shop: Path) -> None:
    if ">>>" in block.text:
        test = doctest.DocTestParser().get_doctest(block.text, {}, block.page, block.page, block.line)
        assert doctest.DocTestRunner().run(test).failed == 0
    else:
        exec(compile(block.text, f"{block.page}:{block.line}", "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("agentrl run env=webshpo algo=gigpo", "did you mean 'webshop'?"),
        ("agentrl run env=guess algo=gigpo gruop_size=4 --dry-run", "did you mean"),
        ("agentrl run env=guess algo=gigpo --gpu-memory 80", "goes with --dry-run"),
        ("agentrl run @configs/webshp_7b.toml", "did you mean 'configs/webshop_7b.toml'?"),
        ("agentrl eval env=guess algo=rnadom", "did you mean 'random'?"),
        ("agentrl rnu env=guess", "status"),
        ("agentrl resume", "one folder"),
        ("agentrl collect env=guess out=a.jsonl.gz how=tree", "did you mean 'trees'?"),
        ("agentrl export a.jsonl.gz formta=trl out=b.jsonl", "did you mean 'format'?"),
        ("agentrl compare env=guess algos=ppo,gigop", "did you mean 'gigpo'?"),
        ("agentrl check env=gess", "did you mean 'guess'?"),
        ("agentrl bench tool-us", "did you mean 'tool-use'?"),
        ("agentrl bench tool-use model=runs/a decodng=greedy", "no setting 'decodng'"),
        ("agentrl show env=webshop algo=nothing", "status"),
        ("python benchmarks/nothing.py", "no file"),
        ("python -m tests.nothing", "no module"),
        ("./uninstall.sh", "no file"),
    ],
)
def test_a_wrong_command_is_noticed(line: str, why: str, shop: Path) -> None:
    [words] = commands(line)
    assert why in complaint(words)


@pytest.mark.parametrize(
    "line",
    [
        "agentrl run env=webshop algo=gigpo",
        "agentrl run env=webshop algo=gigpo --dry-run --gpus 2 --gpu-memory=80",
        "agentrl eval model=runs/first eval.test=50",
        "agentrl eval env=webshop algo=random",
        "agentrl check env=webshop",
        "agentrl compare env=webshop algos=gigpo,grpo seeds=2 gigpo.omega=0",
        "agentrl check verifier=exact",
        "agentrl bench tool-use model=runs/a,runs/b env=tools tasks=20",
        "agentrl list",
        "agentrl collect env=guess model=runs/a how=rectify out=a.jsonl.gz",
        "agentrl export a.jsonl.gz format=trl out=b.jsonl",
        "bash .ci/run full",
        "python -m tests.golden --mutate",
        "git clone something",
    ],
)
def test_a_right_command_is_understood(line: str, shop: Path) -> None:
    [words] = commands(line)
    assert complaint(words) == ""


def test_comments_prompts_and_settings_of_the_shell_are_no_words() -> None:
    text = "$ X=1 .venv/bin/agentrl list envs  # all of them\ncd a && python -m b \\\n  c; # no more"
    assert list(commands(text)) == [["agentrl", "list", "envs"], ["cd", "a"], ["python", "-m", "b", "c"]]


def test_a_line_that_leaves_something_open_is_not_read() -> None:
    assert list(commands("agentrl run env=./mine.py algo=gigpo [key=value ...]\nagentrl resume RUN")) == []


def test_every_command_of_the_program_is_known_here() -> None:
    assert set(VERBS) == {
        "run", "resume", "eval", "compare", "bench", "collect", "export", "import", "view", "rescore", "list",
        "show", "check", "new",
    }  # fmt: skip
