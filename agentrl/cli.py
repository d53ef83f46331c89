"""agentrl trains and measures language-model agents.

  agentrl run env=webshop algo=gigpo [key=value ...] [@file.toml]
  agentrl run data=FILE.jsonl prompt=FIELD answer=FIELD verifier=./score.py:score algo=grpo [key=value ...]
  agentrl run env=webshop:2,math:1 algo=grpo [env.math.key=value ...] [model=RUN]
  agentrl run ... --dry-run [--gpus 2] [--gpu-memory 80]
                                      memory in GiB, work, the first prompt; nothing is run
  agentrl resume RUN                  go on with a run that was stopped; on other processes than it began
                                      with: learner.processes=2
  agentrl eval env=webshop algo=random [key=value ...]
  agentrl compare env=webshop algos=gigpo,grpo seeds=5 [key=value ...] [gigpo.key=value ...] [out=DIR]
                                      a run for each algorithm and seed, one table; the same words go on
  agentrl compare RUN RUN ...         runs that are there
  agentrl view RUN [OTHER]            stored episodes on one page, tokens coloured by credit; out=FILE.html
                                      iteration=N episodes=N, or serve=true port=N for big runs
  agentrl bench tool-use model=RUN,MODEL,... [env=tools] [tasks=N] [decoding=1.0] [out=DIR] [key=value ...]
                                      right answers against tool calls, beside players; the same words go on
  agentrl collect env=NAME model=RUN out=FILE.jsonl.gz [how=episodes|best_of_n|rejection|trees|rectify|dstc]
                                      [source=...] [per_task=..] [only=success]: data; the same words go on
  agentrl export RUN [format=model] out=FOLDER    whole weights, tokenizer and a model card, to share
  agentrl export FILE|RUN format=messages|trl|trl_plain|step_dpo out=FILE.jsonl     data as text
  agentrl import FILE.jsonl model=MODEL out=FILE.jsonl.gz    text as data; or train on it: run.store=FILE
  agentrl rescore RUN verifier=NAME   judge stored episodes again; answer=reply out=FOLDER deadline=60
  agentrl list [envs|algos|verifiers|configs]
  agentrl show [env=NAME] [algo=NAME] settings with meaning, type and default
  agentrl check env=NAME [key=value ...] | verifier=NAME [corpus=FILE.jsonl]
  agentrl new env|verifier|algo NAME [folder=.]   a package of your own that installs, to be changed
  agentrl --help | --version

Settings are written key=value: `env=webshop`, `seed=3`, `learner.lr=1e-3`, `algo.group_size=4`. A key that
only one group has needs no group: `group_size=4`. `env=./mine.py`, `algo=./mine.py:Mine` need no packaging.
Exit status: 0 done, 1 a check failed or a bug, 2 something you can put right, 130 stopped with Ctrl-C.
"""

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentrl.errors import AgentRLError, ConfigError, EpisodeError, ShapeError, nearest
from agentrl.flags import DRY_RUN, FLAGS, machine_of, split

if TYPE_CHECKING:
    from agentrl.settings import Settings

OK, FAILED, WRONG, STOPPED = 0, 1, 2, 130
DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE}
"""errors of the system that the user can put right"""


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status of a command line."""
    words = list(sys.argv[1:] if argv is None else argv)
    begun = time.time()
    try:
        status = _command(words)
        sys.stdout.flush()
    except (EpisodeError, ShapeError):
        raise  # raised on purpose, but about our code: the traceback is what helps
    except AgentRLError as why:
        return _say(str(why), WRONG)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not tear the way out
        return _say(_stopped(words, begun), STOPPED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read the output left; say no more
        return FAILED
    except OSError as why:
        if why.errno not in DISK:
            raise
        place = f": {why.filename}" if why.filename else ""
        return _say(f"{why.strerror}{place}", WRONG)
    return status


def _say(message: str, status: int) -> int:
    """Print the one line about an error; return the status."""
    print(f"agentrl: {' '.join(message.split())}", file=sys.stderr)
    return status


def _command(words: Sequence[str]) -> int:
    """Do what the words say; return the exit status."""
    verb, *rest = words or ["--help"]
    if verb in ("help", "--help", "-h") or "--help" in rest or "-h" in rest:
        print(__doc__.strip())
        return OK
    if verb in ("version", "--version", "-V"):
        from agentrl import __version__

        print(f"agentrl {__version__}")
        return OK
    if verb not in VERBS:
        raise ConfigError(f"no command '{verb}'{nearest(verb, VERBS)} (there are: {', '.join(VERBS)})")
    words = rest if verb != "run" else split(rest)[0]
    for word in words:
        if word.startswith("-"):
            raise ConfigError(_about_flag(verb, word))
    return VERBS[verb](rest)


def _about_flag(verb: str, flag: str) -> str:
    """Return the sentence about a flag that does not exist."""
    known = ["--help", *(FLAGS if verb == "run" else [])]
    key = flag.lstrip("-").replace("-", "_")
    word = key if "=" in key else f"{key}=..."
    if "=" in key or not nearest(flag, known):
        return f"no option '{flag}'; settings are written without dashes: {word}"
    return f"no option '{flag}'{nearest(flag, known)}"


def _settings(words: Sequence[str]) -> "Settings":
    from agentrl.config import parse

    return parse(split(words)[0])


def _run(words: list[str]) -> int:
    settings, flags = _settings(words), split(words)[1]
    machine = machine_of(flags)
    if DRY_RUN in flags:
        from agentrl.plan import dry_run

        print(dry_run(settings, machine))
        return OK
    from agentrl.preflight import preflight

    preflight(settings)  # what is wrong with data or model folder is said before torch is imported
    from agentrl.train import train

    train(settings)
    return OK


def _resume(words: list[str]) -> int:
    if not words or "=" in words[0] or not all("=" in word for word in words[1:]):
        raise ConfigError("resume takes one folder: agentrl resume runs/...")
    folder = Path(words[0])
    if not folder.is_dir():
        there = [str(p) for p in folder.parent.glob("*/")] if folder.parent.is_dir() else []
        raise ConfigError(f"there is no folder {folder}{nearest(str(folder), there)}")
    if not (folder / "config.toml").is_file():
        raise ConfigError(f"{folder} is not a run: it has no config.toml")
    from agentrl.config import moved

    moved(folder / "config.toml", words[1:])
    from agentrl.train import resume

    resume(folder, words[1:])
    return OK


def _eval(words: list[str]) -> int:
    from agentrl.evaluate import evaluate_run

    evaluate_run(words)
    return OK


def _rescore(words: list[str]) -> int:
    from agentrl.rescoring import rescore_command

    rescore_command(words)
    return OK


def _view(words: list[str]) -> int:
    from agentrl.view.command import view_command

    view_command(words)
    return OK


def _compare(words: list[str]) -> int:
    from agentrl.compare import compare

    compare(words)
    return OK


def _collect(words: list[str]) -> int:
    from agentrl.collecting import collect_command

    collect_command(words)
    return OK


def _export(words: list[str]) -> int:
    from agentrl.exporting import export_command

    export_command(words)
    return OK


def _import(words: list[str]) -> int:
    from agentrl.exporting import import_command

    import_command(words)
    return OK


def _bench(words: list[str]) -> int:
    from agentrl.bench.run import bench

    bench(words)
    return OK


def _list(words: list[str]) -> int:
    from agentrl.show import listing

    print(listing(words))
    return OK


def _show(words: list[str]) -> int:
    from agentrl.show import shown

    print(shown(words))
    return OK


def _check(words: list[str]) -> int:
    from agentrl.check import check_command

    return OK if check_command(words) else FAILED


def _new(words: list[str]) -> int:
    from agentrl.new import new_command

    new_command(words)
    return OK


VERBS: dict[str, Callable[[list[str]], int]] = {
    "run": _run, "resume": _resume, "eval": _eval, "compare": _compare, "bench": _bench,
    "collect": _collect, "export": _export, "import": _import, "view": _view, "rescore": _rescore,
    "list": _list, "show": _show, "check": _check, "new": _new,
}  # fmt: skip


def _stopped(words: Sequence[str], begun: float) -> str:
    """Return what to say after Ctrl-C: how to go on, where there is something to go on with."""
    if words[:1] == ["rescore"]:
        return f"stopped; what was judged is kept, go on with: agentrl {' '.join(words)}"
    if words[:1] in (["compare"], ["bench"], ["collect"]):
        return "stopped; the same command goes on"
    folder = _folder(words, begun)
    return f"stopped; go on with: agentrl resume {folder}" if folder else "stopped"


def _folder(words: Sequence[str], begun: float) -> str:
    """Return the folder of the run that a command was working on; empty where there is none yet."""
    if words[:1] == ["resume"]:
        return words[1]
    if words[:1] != ["run"]:
        return ""
    try:
        out = _settings(words[1:]).run.out
    except AgentRLError:
        return ""
    places = [Path(out)] if out else list(Path("runs").glob("*"))
    written = {p: (p / "config.toml").stat().st_mtime for p in places if (p / "config.toml").is_file()}
    fresh = [p for p in written if written[p] >= begun - 1]  # file times may be a second coarse
    return str(max(fresh, key=written.__getitem__)) if fresh else ""
