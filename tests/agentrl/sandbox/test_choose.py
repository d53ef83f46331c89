"""Which sandbox is used, and what is said where there is none."""

import os
from pathlib import Path

import pytest

from agentrl.errors import ConfigError
from agentrl.sandbox import Backend, choose
from agentrl.sandbox.choose import named
from agentrl.sandbox.local import Bubblewrap
from agentrl.sandbox.weak import Weak


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without bubblewrap and docker."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    named.cache_clear()


def test_auto_prefers_bubblewrap_and_says_so(bubblewrap: Backend) -> None:
    assert choose("auto").name == "bubblewrap"


def test_a_backend_is_made_and_tried_once(bubblewrap: Backend) -> None:
    assert choose("bubblewrap") is choose("bubblewrap")


@pytest.mark.usefixtures("nothing")
def test_auto_never_falls_back_to_the_weak_one() -> None:
    with pytest.raises(ConfigError) as why:
        choose("auto")
    line = str(why.value)
    assert "\n" not in line
    assert "bubblewrap is not installed (apt-get install bubblewrap)" in line
    assert "docker:" in line and "backend='weak'" in line


@pytest.mark.usefixtures("nothing")
def test_a_missing_bubblewrap_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"^bubblewrap is not installed \(apt-get install bubblewrap\)$"):
        choose("bubblewrap")


def test_an_unknown_name_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'bublewrap' is not one of auto, .*did you mean 'bubblewrap'"):
        choose("bublewrap")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("python", "why"), [("/nowhere/python3", "there is no such program"), ("/bin/false", "no message")]
)
def test_an_interpreter_that_is_none_is_named(python: str, why: str) -> None:
    with pytest.raises(ConfigError, match=f"{python}: {why}"):
        Weak(python).start(None)  # type: ignore[arg-type]


def test_a_docker_image_that_is_not_there_is_named(
    docker_backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTRL_SANDBOX_IMAGE", "agentrl-sandbxo")
    named.cache_clear()
    with pytest.raises(ConfigError, match=r"has no image 'agentrl-sandbxo'"):
        choose("docker")
    named.cache_clear()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can keep a folder from everybody else")
def test_an_interpreter_that_strangers_cannot_reach_is_one_line(
    bubblewrap: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "python3").symlink_to("/usr/bin/python3")
    monkeypatch.setenv("AGENTRL_SANDBOX_PYTHON", str(hidden / "python3"))
    named.cache_clear()
    with pytest.raises(Exception, match=r"did not start: .*python3") as why:
        choose("bubblewrap")
    assert "\n" not in str(why.value)
    named.cache_clear()


def test_any_interpreter_can_be_named(bubblewrap: Backend) -> None:
    from agentrl.sandbox import run

    result = run("import sys; print(sys.executable)", backend=Bubblewrap("/usr/bin/python3"))
    assert result.stdout == "/usr/bin/python3\n"
