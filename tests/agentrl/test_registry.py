"""Names, files, and what is said where they are wrong."""

import subprocess
import sys
from pathlib import Path

import gymnasium
import pytest

from agentrl import registry
from agentrl.errors import ConfigError
from agentrl.offers import names
from agentrl.registry import absolute, find
from tests.agentrl.installed import forget, install, install_ourselves

PLUGINS = Path(__file__).parent / "plugins"
ENV = """
from agentrl import Reply, Task, TextEnv, env

@env("{name}")
class {cls}(TextEnv):
    '''Says hello.'''
    def begin(self, task: Task) -> str:
        return "hello"
    def act(self, action: str) -> Reply:
        return Reply("bye", success=True)
"""


@pytest.fixture
def hello(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    forget("hello_world")
    return install(
        tmp_path, monkeypatch, "hello-world", {"envs": {"hello": "hello_world:Hello"}},
        {"hello_world.py": ENV.format(name="hello", cls="Hello")},
    )  # fmt: skip


def test_a_strangers_package_is_found_by_name(hello: Path) -> None:
    assert "hello" in names("envs")
    cls = find("envs", "hello")
    assert (cls.__name__, cls.name) == ("Hello", "hello")


def test_our_own_plug_ins_are_declared_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path, monkeypatch)
    assert (
        {"guess", "webshop"} <= set(names("envs"))
        and "gigpo" in names("algos")
        and "exact" in names("verifiers")
    )


def test_an_unknown_name_is_answered_with_the_nearest_and_all(hello: Path) -> None:
    with pytest.raises(ConfigError, match=r"no env 'helo'; did you mean 'hello'\? \(there are: .*hello"):
        find("envs", "helo")


def test_two_packages_with_one_name_are_refused_and_both_named(
    hello: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "other", {"envs": {"hello": "other:Other", "fine": "hello_world:Hello"}})
    with pytest.raises(ConfigError, match=r"env 'hello' is offered by .*: uninstall one") as why:
        find("envs", "hello")
    assert "hello-world (hello_world:Hello)" in str(why.value) and "other (other:Other)" in str(why.value)
    assert find("envs", "fine").__name__ == "Hello", "only the doubtful name is refused"


def test_a_plug_in_that_fails_to_import_gives_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget("broken")
    offered = {"envs": {"broken": "broken:X", "gone": "no_such_module:X"}}
    install(tmp_path, monkeypatch, "broken-pack", offered, {"broken.py": "import surely_not_installed\n"})
    with pytest.raises(ConfigError) as why:
        find("envs", "broken")
    assert str(why.value) == (
        "env 'broken' of package broken-pack cannot be loaded: ModuleNotFoundError:"
        " No module named 'surely_not_installed' (broken.py, line 1)"
    )
    with pytest.raises(ConfigError, match=r"package broken-pack cannot be loaded: .*no_such_module"):
        find("envs", "gone")


def test_something_else_under_a_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "odd", {"envs": {"odd": "json:JSONDecoder"}})
    with pytest.raises(ConfigError, match=r"is JSONDecoder, not a subclass of agentrl.TextEnv"):
        find("envs", "odd")


def test_a_file_is_found_by_its_one_class_or_by_name() -> None:
    file = PLUGINS / "count.py"
    assert find("envs", str(file)).__name__ == "Count"
    assert find("envs", f"{file}:Count") is find("envs", str(file))
    assert find("algos", str(PLUGINS / "compare.py")).__name__ == "Compare"


def test_what_nobody_named_has_the_name_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "plain.py"
    file.write_text("from agentrl import TextEnv\n\n\nclass Plain(TextEnv):\n    pass\n")
    assert find("envs", str(file)).name == "plain"


def test_a_file_may_have_the_name_of_a_standard_module(tmp_path: Path) -> None:
    file = tmp_path / "random.py"
    file.write_text(ENV.format(name="r", cls="R"))
    assert find("envs", str(file)).__name__ == "R"
    import random

    assert hasattr(random, "randrange")


def test_what_is_wrong_with_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("x = 1\n")
    (tmp_path / "two.py").write_text(ENV.format(name="a", cls="A") + ENV.format(name="b", cls="B"))
    (tmp_path / "bad.py").write_text("def f(:\n")
    with pytest.raises(ConfigError, match=r"there is no file .*onee.py; did you mean '.*one.py'"):
        find("envs", str(tmp_path / "onee.py"))
    with pytest.raises(
        ConfigError, match=r"one.py defines no env; it must hold a subclass of agentrl.TextEnv"
    ):
        find("envs", str(tmp_path / "one.py"))
    with pytest.raises(ConfigError, match=r"two.py defines 2 envs \(A, B\); say which: env=.*two.py:A"):
        find("envs", str(tmp_path / "two.py"))
    with pytest.raises(ConfigError, match=r"two.py has no 'C'"):
        find("envs", f"{tmp_path / 'two.py'}:C")
    with pytest.raises(ConfigError, match=r"bad.py cannot be loaded: SyntaxError"):
        find("envs", str(tmp_path / "bad.py"))


def test_a_decorated_verifier_wins_over_its_helpers(tmp_path: Path) -> None:
    text = """
from agentrl import verifier
def helper(text): return text.strip()
@verifier("same")
def same(answer, task): return float(helper(answer) == task.data["answer"])
"""
    (tmp_path / "same.py").write_text(text)
    assert find("verifiers", str(tmp_path / "same.py")).name == "same"


def test_a_path_means_the_same_from_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PLUGINS)
    assert absolute("envs", "./count.py:Count") == f"{PLUGINS / 'count.py'}:Count"
    assert absolute("envs", "guess") == "guess"


def test_environments_have_gymnasium_ids(hello: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from agentrl.gym_ids import register_installed

    monkeypatch.delitem(gymnasium.registry, "agentrl/Hello-v0", raising=False)
    register_installed()
    spec = gymnasium.registry["agentrl/Hello-v0"]
    assert spec.entry_point == "hello_world:Hello" and "hello_world" not in sys.modules, (
        "by text: nothing imported"
    )
    env = gymnasium.make("agentrl/Hello-v0", split="dev")
    assert env.reset(seed=0)[0] == "hello"
    assert gymnasium.registry["agentrl/Hello-v0"].entry_point == "hello_world:Hello", "the decorator kept it"


@pytest.mark.parametrize("order", ["import agentrl, gymnasium", "import gymnasium, agentrl"])
def test_the_ids_are_there_whichever_is_imported_first(hello: Path, order: str) -> None:
    script = f"{order}; print(gymnasium.make('agentrl/Hello-v0').reset(seed=1)[0])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout == "hello\n", done.stderr


def test_public_names_stay_public_when_modules_of_the_same_name_are_imported() -> None:
    import agentrl.algo
    import agentrl.env

    assert agentrl.env is registry.env and agentrl.algo is registry.algo
    from agentrl.env import TextEnv

    assert agentrl.TextEnv is TextEnv
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        agentrl.nothing  # noqa: B018


def test_authors_names_import_no_torch() -> None:
    script = (
        "from agentrl import TextEnv, Reply, InvalidAction, Task, Verdict, env, algo, verifier, tool, make\n"
        "import sys; print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout == "False\n", done.stderr
