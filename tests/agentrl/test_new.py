"""What `agentrl new` writes installs, is found by name and keeps the rules, exactly as it was written."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from agentrl.check import check_command
from agentrl.cli import main
from agentrl.errors import ConfigError
from agentrl.new import NOUNS, Noun, new_command
from agentrl.registry import find
from agentrl.show import listing
from tests.agentrl.installed import forget, install, install_ourselves


def declared(place: Path) -> dict[str, dict[str, str]]:
    """Return what a package's pyproject.toml offers, by kind."""
    offered = tomllib.loads((place / "pyproject.toml").read_text())["project"]["entry-points"]
    return {kind.removeprefix("agentrl."): entries for kind, entries in offered.items()}


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Noun, Path]:
    """Return the folder of a new package of each sort, its module and entry point on the path."""
    install_ourselves(tmp_path / "ours", monkeypatch)
    found: dict[Noun, Path] = {}
    for noun in NOUNS:
        name = f"first_{noun}"
        forget(name)
        place = new_command([noun, name, f"folder={tmp_path}"])
        module = {f"{name}.py": (place / f"{name}.py").read_text()}
        install(tmp_path / "site", monkeypatch, f"agentrl-first-{noun}", declared(place), module)
        found[noun] = place
    return found


def test_a_new_package_is_a_few_files_and_says_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = new_command(["env", "my_shop", f"folder={tmp_path / 'deep' / 'er'}"])
    assert place == tmp_path / "deep" / "er" / "my_shop"
    assert capsys.readouterr().out == (
        f"{place}: README.md, my_shop.py, pyproject.toml, tests/test_my_shop.py\n"
        f"next: pip install -e {place} && agentrl check env=my_shop && python -m pytest {place}\n"
    )
    project = tomllib.loads((place / "pyproject.toml").read_text())["project"]
    assert (project["name"], declared(place)) == ("agentrl-my-shop", {"envs": {"my_shop": "my_shop:MyShop"}})
    left = [path for path in place.rglob("*") if path.is_file() and "draft" in path.read_text().lower()]
    assert not left, "the draft's own name is nowhere to be seen"


def test_everything_written_is_found_by_name_and_keeps_the_rules(
    put: dict[Noun, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_command(["env=first_env"]) and check_command(["verifier=first_verifier"])
    assert "not applicable" not in capsys.readouterr().out.replace("0 not applicable", "")
    find("algos", "first_algo")().check()
    shown = listing([])
    assert "first_env" in shown and "[agentrl-first-verifier]" in shown and "first_algo" in shown


@pytest.mark.parametrize(("noun", "most"), [("env", 18), ("verifier", 8)])
def test_what_is_written_can_be_read_at_a_glance(put: dict[Noun, Path], noun: Noun, most: int) -> None:
    body = ast.parse((put[noun] / f"first_{noun}.py").read_text()).body
    [written] = [node for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    documented = [node for node in ast.walk(written) if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    for node in documented:
        assert ast.get_docstring(node)
        del node.body[0]
    assert sum(bool(line.strip()) for line in ast.unparse(written).splitlines()) <= most + 1, "a decorator"


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept.txt").write_text("kept")
    with pytest.raises(ConfigError, match="mine is there already; nothing is written over"):
        new_command(["env", "mine", f"folder={tmp_path}"])
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["kept.txt"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "new takes what to write and its name: agentrl new env"),
        (["env"], "new takes what to write and its name"),
        (["env", "a", "b"], "new takes what to write and its name"),
        (["enb", "mine"], "new enb; did you mean 'env'? (there are: env, verifier, algo)"),
        (["env", "mine", "foldr=x"], "new has no 'foldr'; did you mean 'folder'?"),
        (["env", "My-Shop"], "'My-Shop' cannot be the name of a Python module; did you mean 'my_shop'?"),
        (["env", "../up"], "'../up' cannot be the name of a Python module; did you mean 'up'?"),
        (["env", "class"], "'class' cannot be the name of a Python module (it takes"),
        (["env", "json"], "there is a Python module 'json' already"),
        (["algo", "agentrl"], "there is a Python module 'agentrl' already"),
        (["env", "guess"], "env 'guess' is offered by agentrl already"),
        (["env", "text_env"], "'TextEnv' means something else in envs"),
        (["verifier", "float"], "'float' means something else in verifiers"),
        (["env", "mine", "folder=/dev/null"], "/dev/null is there already"),
        (["env", "mine", "folder=/dev/null/x"], "cannot be written: Not a directory"),
    ],
)
def test_wrong_words_are_refused_and_leave_nothing(
    words: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    install_ourselves(tmp_path / "ours", monkeypatch)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["new", *words]) == 2
    assert why in capsys.readouterr().err
    assert not list((tmp_path / "here").iterdir())


def test_two_packages_that_offer_one_name_are_refused_and_both_named(
    put: dict[Noun, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for noun in NOUNS:
        install(tmp_path / "other", monkeypatch, f"other-{noun}", declared(put[noun]))
        with pytest.raises(ConfigError, match=f"{noun} 'first_{noun}' is offered by") as why:
            find(f"{noun}s", f"first_{noun}")
        assert f"agentrl-first-{noun} (" in str(why.value) and f"other-{noun} (" in str(why.value)


class Site:
    """A folder that pip installs into, and commands that see it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.here = folder / "site", folder
        ours = install_path(folder)
        self.surroundings = {
            **os.environ, "PYTHONPATH": os.pathsep.join([str(self.folder), str(ours), *sys.path])
        }  # fmt: skip

    def python(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Return how an interpreter ended that sees what is installed."""
        return subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, env=self.surroundings, cwd=self.here,
            check=False,
        )  # fmt: skip

    def install(self, place: Path) -> None:
        """Install a package, without network."""
        done = self.python(
            "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index",
            "--disable-pip-version-check", "--target", str(self.folder), str(place),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def install_path(folder: Path) -> Path:
    """Return a folder whose presence on the path makes our own plug-ins known."""
    with pytest.MonkeyPatch.context() as patch:
        return install_ourselves(folder / "ours", patch)


@pytest.mark.slow
@pytest.mark.parametrize("noun", NOUNS)
def test_pip_installs_it_and_every_command_finds_it(noun: Noun, tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling builds the package; without a network it must be here")
    name, site = f"second_{noun}", Site(tmp_path)
    site.install(new_command([noun, name, f"folder={tmp_path}"]))
    assert name in site.python("-m", "agentrl", "list").stdout
    if noun != "algo":
        done = site.python("-m", "agentrl", "check", f"{noun}={name}")
        assert done.returncode == 0 and ", 0 FAILED, 0 not applicable" in done.stdout, done.stdout
    chosen = {
        "env": [f"env={name}", "algo=grpo"],
        "verifier": ["env=guess", "algo=grpo", f"strict={name}"],
        "algo": ["env=guess", f"algo={name}"],
    }[noun]
    tiny = ["iterations=2", "group_size=2", "rollout.tasks=2", "eval.test=4", "eval.dev=4", "warm.tasks=8"]
    done = site.python("-m", "agentrl", "run", *chosen, *tiny, "out=run")
    assert done.returncode == 0 and (tmp_path / "run" / "summary.json").is_file(), done.stderr
    done = site.python("-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / name))
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout


@pytest.mark.slow
def test_two_installed_packages_of_one_name_are_refused_and_both_named(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling builds the package; without a network it must be here")
    site = Site(tmp_path)
    first = new_command(["env", "third", f"folder={tmp_path / 'a'}"])
    second = new_command(["env", "fourth", f"folder={tmp_path / 'b'}"])
    text = (second / "pyproject.toml").read_text()
    (second / "pyproject.toml").write_text(text.replace('fourth = "', 'third = "'))
    site.install(first)
    site.install(second)
    done = site.python("-m", "agentrl", "check", "env=third")
    assert done.returncode == 2
    assert done.stderr.startswith("agentrl: env 'third' is offered by ")
    assert "agentrl-third (third:Third)" in done.stderr and "agentrl-fourth (fourth:Fourth)" in done.stderr
    assert "offered twice" in site.python("-m", "agentrl", "list", "envs").stdout
