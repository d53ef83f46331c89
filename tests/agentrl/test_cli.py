# ruff: noqa: E501 - messages are kept whole
"""The command line: what it prints, how it ends, how fast it says no."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import agentrl
from agentrl.cli import main
from agentrl.config import to_toml
from agentrl.errors import RunError, ShapeError
from agentrl.offers import names
from agentrl.settings import Settings
from tests.agentrl.installed import install_ourselves

PLUGINS = Path(__file__).parent / "plugins"
ENVS = ", ".join(names("envs"))
ENV, ALGO = f"env={PLUGINS / 'count.py'}", f"algo={PLUGINS / 'compare.py'}"


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., object]], None]:
    """Let a function stand where training begins: these tests are about what surrounds it."""

    def put(function: Callable[..., object]) -> None:
        module = ModuleType("agentrl.train")
        module.train = module.resume = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "agentrl.train", module)

    return put


def raising(why: BaseException) -> Callable[..., object]:
    def function(*_: object) -> object:
        raise why

    return function


def test_settings_reach_training(training: Callable[[Callable[..., object]], None]) -> None:
    seen: list[object] = []
    training(seen.append)
    assert main(["run", ENV, ALGO, "seed=3", "group_size=4"]) == 0
    assert (seen[0].run.seed, seen[0].algo_options["group_size"]) == (3, 4)  # type: ignore[attr-defined]


def test_a_dry_run_prints_the_plan_trains_nothing_and_writes_nothing(
    training: Callable[[Callable[..., object]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    training(raising(AssertionError("it trains")))
    assert main(["run", ENV, "--dry-run", ALGO, "group_size=3", "iterations=7"]) == 0
    plan = capsys.readouterr().out
    assert "7 iterations of 4 tasks x 3 episodes" in plan
    assert "first prompt of task count-train-0" in plan
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "no command 'rnu'; did you mean 'run'? (there are: run, resume, eval, compare, bench, collect, export, import, view, rescore, list, show, check, new)"),
        (["run", "env=webshpo"], f"no env 'webshpo'; did you mean 'webshop'? (there are: {ENVS})"),
        (["run", "algo=gigpo"], f"say env=... (there are: {ENVS})"),
        (["run", ENV, ALGO, "group_size=1"], "group_size=1: credit compares episodes of one task with each other, so it must be at least 2"),
        (["run", ENV, ALGO, "--seed=3"], "no option '--seed=3'; settings are written without dashes: seed=3"),
        (["run", ENV, ALGO, "--group-size", "3"], "no option '--group-size'; settings are written without dashes: group_size=..."),
        (["run", ENV, ALGO, "--dryrun"], "no option '--dryrun'; did you mean '--dry-run'?"),
        (["list", "env"], "no list of 'env'; did you mean 'envs'? (there are: envs, algos, verifiers, configs)"),
        (["show", "env=webshpo"], f"no env 'webshpo'; did you mean 'webshop'? (there are: {ENVS})"),
        (["resume"], "resume takes one folder: agentrl resume runs/..."),
        (["resume", "runs/nothing"], "there is no folder runs/nothing"),
        (["resume", "."], ". is not a run: it has no config.toml"),
        (["check"], "say what to check: agentrl check env=NAME [env.key=value ...], or verifier=NAME"),
    ],
)  # fmt: skip
def test_wrong_words_end_with_status_2_and_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    caught = capsys.readouterr()
    assert (caught.out, caught.err) == ("", f"agentrl: {message}\n")


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"], ["run", "--help"]])
def test_help_is_printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert "agentrl run env=webshop algo=gigpo" in capsys.readouterr().out


def test_the_version_is_printed_and_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"agentrl {agentrl.__version__}\n"
    declared = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert f'\nversion = "{agentrl.__version__}"\n' in declared


def test_ctrl_c_says_how_to_go_on(
    training: Callable[[Callable[..., object]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def begin(settings: Settings) -> None:
        folder = Path(settings.run.out or "runs/count-compare-now")
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text(to_toml(settings))
        raise KeyboardInterrupt

    training(begin)
    assert main(["run", ENV, ALGO]) == 130
    assert capsys.readouterr().err == "agentrl: stopped; go on with: agentrl resume runs/count-compare-now\n"
    Path("my.toml").write_text("out = 'elsewhere'")
    assert main(["run", ENV, ALGO, "@my.toml"]) == 130
    assert capsys.readouterr().err == "agentrl: stopped; go on with: agentrl resume elsewhere\n"
    training(raising(KeyboardInterrupt()))
    assert main(["resume", "elsewhere"]) == 130
    assert capsys.readouterr().err == "agentrl: stopped; go on with: agentrl resume elsewhere\n"


def test_ctrl_c_during_a_comparison_says_that_the_same_words_go_on(
    training: Callable[[Callable[..., object]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    training(raising(KeyboardInterrupt()))
    assert main(["compare", ENV, f"algos={PLUGINS / 'compare.py'}", "seeds=2", "out=there"]) == 130
    said = capsys.readouterr().err.splitlines()
    assert said == ["run 1 of 2: compare, seed 0", "agentrl: stopped; the same command goes on"]


def test_ctrl_c_before_there_is_a_run_promises_nothing(
    training: Callable[[Callable[..., object]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    old = Path("runs/old")
    old.mkdir(parents=True)
    (old / "config.toml").write_text("")
    os.utime(old / "config.toml", (0, 0))
    training(raising(KeyboardInterrupt()))
    assert main(["run", ENV, ALGO]) == 130
    assert capsys.readouterr().err == "agentrl: stopped\n"


@pytest.mark.parametrize(
    ("why", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "No space left on device: /x/y"),
        (PermissionError(errno.EACCES, "Permission denied", "out"), "Permission denied: out"),
        (RunError("too many failures:\nsee log.txt"), "too many failures: see log.txt"),
    ],
)
def test_what_the_user_can_put_right_is_one_line(
    why: Exception,
    line: str,
    training: Callable[[Callable[..., object]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    training(raising(why))
    assert main(["run", ENV, ALGO]) == 2
    assert capsys.readouterr().err == f"agentrl: {line}\n"


@pytest.mark.parametrize(
    "why", [ZeroDivisionError(), ShapeError("axis B"), OSError(errno.EIO, "odd")], ids=repr
)
def test_bugs_keep_their_traceback(why: Exception, training: Callable[[Callable[..., object]], None]) -> None:
    training(raising(why))
    with pytest.raises(type(why)):
        main(["run", ENV, ALGO])


def agentrl_command(*words: str) -> subprocess.CompletedProcess[str]:
    """Return how `python -m agentrl` ended, every import named on its error output."""
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "agentrl", *words],
        capture_output=True,
        text=True,
        env=surroundings,
        check=False,
    )


@pytest.mark.parametrize(
    "words",
    [
        ["run", "env=webshpo", "algo=gigpo"],
        ["run", ENV, ALGO, "learner.lr=fast"],
        ["run", ENV, ALGO, "group_size=1"],
        ["run", ENV, ALGO, "grup_size=2"],
        ["bench", "tool-use", "env.fomr=line"],
        ["list"],
    ],
    ids=lambda words: words[-1],
)
def test_answers_that_need_no_model_import_no_torch(words: list[str]) -> None:
    done = agentrl_command(*words)
    assert done.returncode == (0 if words == ["list"] else 2), done.stderr
    assert "Traceback" not in done.stderr
    imported = {
        line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "import time:" in line
    }
    assert "agentrl.cli" in imported
    assert not imported & {"torch", "transformers"}


def test_help_waits_for_nothing_but_the_command_line() -> None:
    done = agentrl_command("--help")
    imported = {
        line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "import time:" in line
    }
    ours = {name for name in imported if name.startswith("agentrl")}
    assert ours == {"agentrl", "agentrl.gym_ids", "agentrl.cli", "agentrl.errors", "agentrl.flags"}
    assert not imported & {"numpy", "gymnasium", "importlib.metadata", "importlib.abc", "msgspec"}


def test_a_reader_that_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m agentrl list | head -c 1"
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=surroundings, check=False
    )
    assert (done.stdout, done.stderr) == ("e", "")


def test_list_names_everything_with_its_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "algos"]) == 0
    out = capsys.readouterr().out
    lines = {line.split()[0]: line for line in out.splitlines()[1:]}
    credit = "Credit a turn for its episode, and for itself among turns taken from the same state."
    assert credit in lines["gigpo"]
    assert lines["gigpo"].endswith(
        "(from groups of episodes of a task, and the states they share; arXiv:2505.10978)  [agentrl]"
    )
    assert lines["ppo"].endswith("(from fresh episodes; needs a critic; arXiv:1707.06347)  [agentrl]")
    assert "from groups of episodes of a task; arXiv:2507.18071" in lines["gspo"]
    assert "envs" not in out


def test_show_tells_key_default_source_type_and_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", ENV, ALGO, "learner"]) == 0
    out = capsys.readouterr().out
    assert "  env.high = 5  (model=tiny: 3)\n      a whole number: number to reach, in steps\n" in out
    assert "  env.max_turns = 12\n      a whole number: turns after which an episode is cut off\n" in out
    assert "  algo.group_size = 8\n      a whole number: episodes of one task, at least 2\n" in out
    assert "  algo.kl = none\n      a number, or none: weight of the penalty, in nats; none: off\n" in out
    assert (
        "  learner.lr = 1e-06  (model=tiny: 0.001)\n      a number: learning rate of the policy, per optimiser step"
        in out
    )
    assert "With model=tiny also: rollout.tasks=4 algo.group_size=2" in out


def test_show_without_words_shows_every_general_setting(capsys: pytest.CaptureFixture[str]) -> None:
    from agentrl.keys import NAMES, general_keys

    assert main(["show"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {key} " in out for key in general_keys() if key not in NAMES)


def test_check_ends_with_1_where_a_rule_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"env={PLUGINS / 'wrong.py'}:EasyJunk"]) == 1
    assert "FAILED" in capsys.readouterr().out
