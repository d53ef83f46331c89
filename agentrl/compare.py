"""`agentrl compare`: several algorithms, several seeds, one table and one plot.

Every algorithm and seed is an ordinary run in a folder of its own, so the comparison can be killed at any
moment: the same command goes on with the run that was killed and leaves alone those that are finished. A run
at which another process works is left to it, so the same command may be started twice, to share the work.
"""

import contextlib
import io
import shutil
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from agentrl.compare_page import page, text_table
from agentrl.comparison import OWN, Comparison, Line, compared, flat, settings_of
from agentrl.config import parse, to_toml
from agentrl.disk import LOCK, Lock, write_whole
from agentrl.errors import ConfigError, RunError, nearest
from agentrl.findings import Findings, read_findings
from agentrl.folder import CONFIG, LOG, METRICS, REPORT, SUMMARY
from agentrl.keys import GROUPS, SHORT
from agentrl.preflight import preflight
from agentrl.progress import duration
from agentrl.records import best, to_json
from agentrl.report import write_report
from agentrl.settings import Settings
from agentrl.values import value

JSON, HTML = "compare.json", "compare.html"
OUT, SEED = ("out", "run.out"), ("seed", "run.seed")


@dataclass(frozen=True, slots=True)
class Job:
    """One run that belongs to a comparison."""

    name: str
    """of its row"""
    settings: Settings

    @property
    def folder(self) -> Path:
        """Where it is, or will be."""
        return Path(self.settings.run.out or "")


def compare(words: Sequence[str]) -> Comparison:
    """Return the comparison that command-line words ask for, written to its folder and printed.

    `algos=a,b seeds=3 env=... [key=value ...]` plays what is not finished yet; folders are read as they are.

    Errors: ConfigError for wrong words, and for folders whose settings are others than those asked for;
            RunError where a run did not come to its end (the others are compared and written).
    """
    folders = [word for word in words if "=" not in word and not word.startswith("@")]
    if not folders:
        out, jobs = planned(words)
        return _played(out, jobs)
    settings = [word for word in words if word not in folders and word.partition("=")[0] not in OUT]
    if settings:
        raise ConfigError(f"folders are compared as they are; they take no '{settings[0]}'")
    outs = [word.partition("=")[2] for word in words if word.partition("=")[0] in OUT]
    found = read([Path(folder) for folder in folders])
    _written(found, Path(outs[-1]) if outs else Path("runs") / f"compare-{Path(found.env).stem}")
    return found


def planned(words: Sequence[str]) -> tuple[Path, list[Job]]:
    """Return the folder of a comparison and its runs, seed by seed; nothing is made yet.

    Errors: ConfigError for wrong words, before anything is run.
    """
    given = {key: text for key, equals, text in (word.partition("=") for word in words) if equals}
    if not given.get("algos"):
        raise ConfigError("say which algorithms: agentrl compare env=NAME algos=gigpo,grpo seeds=3")
    if "algo" in given or "algo.name" in given:
        raise ConfigError("compare takes algos=..., not algo=...")
    names = _names(given["algos"])
    count = value("seeds", given.get("seeds", "3"), int)
    first = value("seed", next((given[key] for key in SEED if key in given), "0"), int)
    if count < 1:
        raise ConfigError(f"seeds={count}: the number of seeds, at least 1")
    shared, own = _sorted_out(words, names)
    env = parse([*shared, *own[next(iter(names))], f"algo={next(iter(names.values()))}"]).env
    out = next((Path(given[key]) for key in OUT if key in given), Path("runs") / f"compare-{Path(env).stem}")
    jobs = []
    for seed in range(first, first + count):
        for name, algo in names.items():
            mine = {word.partition("=")[0] for word in own[name]}
            ours = [word for word in shared if word.partition("=")[0] not in mine]
            place = out / f"{name}-{seed}"
            try:
                settings = parse([*ours, *own[name], f"algo={algo}", f"seed={seed}", f"out={place}"])
            except ConfigError as why:
                raise ConfigError(f"{name}: {why}") from why
            jobs.append(Job(name, settings))
    return out, jobs


def _names(text: str) -> dict[str, str]:
    """Return rows and their algorithms: `gigpo,plain=gigpo` has two rows of one."""
    names: dict[str, str] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, equals, algo = word.partition("=")
        if not equals:
            name, algo = Path(word.partition(":")[0]).stem if "/" in word else word, word
        if not name or not algo or "/" in name or name.startswith("."):
            raise ConfigError(f"algos={text}: '{word}' is neither an algorithm nor NAME=ALGORITHM")
        if name in names:
            raise ConfigError(f"algos={text}: '{name}' stands there twice; name one: other={algo}")
        if name in (*GROUPS, *SHORT, "reward"):
            raise ConfigError(f"algos={text}: '{name}' is a group of settings; name the row otherwise")
        names[name] = algo
    return names


def _sorted_out(words: Sequence[str], names: Mapping[str, str]) -> tuple[list[str], dict[str, list[str]]]:
    """Return the words that all runs share, and those of one row: `gigpo.omega=0`."""
    shared: list[str] = []
    own: dict[str, list[str]] = {name: [] for name in names}
    for word in words:
        key = word.partition("=")[0]
        if key in ("algos", "seeds", *SEED, *OUT):
            continue
        name, dot, rest = word.partition(".")
        if dot and name in own and not word.startswith("@"):
            own[name].append(rest)
        else:
            shared.append(word)
    return shared, own


def _played(out: Path, jobs: Sequence[Job]) -> Comparison:
    """Return the comparison of runs, after those that are not finished were played."""
    for name in dict.fromkeys(job.name for job in jobs):
        preflight(next(job.settings for job in jobs if job.name == name))
    for job in jobs:
        check_same(job)
    stopped: dict[str, str] = {}
    taken: list[float] = []
    for number, job in enumerate(jobs, start=1):
        if not (job.folder / SUMMARY).is_file():
            left = f", about {duration(fmean(taken) * (len(jobs) - number + 1))} left" if taken else ""
            _say(f"run {number} of {len(jobs)}: {job.name}, seed {job.settings.run.seed}{left}")
            try:
                _run(job)
            except (RunError, ConfigError) as why:
                stopped[str(job.folder)] = str(why)
                _say(f"  stopped: {why}")
                continue
            taken.append(_said(job))
            _write(_of_jobs(jobs, stopped), out)
        elif not (job.folder / REPORT).is_file():
            write_report(job.folder)
    found = _of_jobs(jobs, stopped)
    _written(found, out)
    if found.unfinished:
        first, why = next(iter(found.unfinished.items()))
        raise RunError(
            f"{len(found.unfinished)} of {len(jobs)} runs are not finished ({first}: {why}); the same command"
            " goes on"
        )
    return found


def check_same(job: Job) -> None:
    """Raise ConfigError where a run's folder holds a run with other settings."""
    if not (job.folder / CONFIG).is_file():
        return
    there = settings_of(job.folder)
    asked = flat(tomllib.loads(to_toml(job.settings)))
    asked = {key: wanted for key, wanted in asked.items() if key not in OWN}
    other = [key for key in {**there, **asked} if there.get(key) != asked.get(key)]
    if other:
        shown = ", ".join(f"{key}={there.get(key)} (now {asked.get(key)})" for key in other[:4])
        more = f" and {len(other) - 4} more" if len(other) > 4 else ""
        raise ConfigError(
            f"{job.folder} was begun with other settings: {shown}{more}; choose another out=, or remove that"
            " folder to run it again"
        )


def _run(job: Job) -> None:
    """Play a run from its start, or from where it was stopped; what it would print is in its report."""
    from agentrl.train import resume, train  # after everything was checked: it imports torch

    with contextlib.redirect_stdout(io.StringIO()):
        if (job.folder / CONFIG).is_file():
            resume(job.folder)
        else:
            _clear(job.folder)
            train(job.settings)


def _clear(folder: Path) -> None:
    """Remove what a run leaves that was killed before it wrote down its settings."""
    if not folder.is_dir() or not {path.name for path in folder.iterdir()} <= {LOCK, LOG, METRICS}:
        return
    lock = Lock(folder)  # refused where another process has just begun
    try:
        if not (folder / CONFIG).is_file():
            shutil.rmtree(folder)
    finally:
        lock.release()


def _said(job: Job) -> float:
    """Say in a line what a finished run came to; return the seconds it took."""
    run = read_findings(job.folder)
    looks = [best(look) for look in (run.evaluation.warm_start, run.evaluation.final)]
    rates = " -> ".join(f"{100 * look.rate:.1f} %" for look in looks if look is not None)
    seconds = run.summary.seconds.get("total", 0.0) if run.summary is not None else 0.0
    _say(f"  {rates} in {duration(seconds)}")
    return seconds


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _of_jobs(jobs: Sequence[Job], stopped: Mapping[str, str]) -> Comparison:
    """Return the comparison of those runs that are finished."""
    lines = []
    unfinished: dict[str, str] = {}
    for name in dict.fromkeys(job.name for job in jobs):
        mine = [job for job in jobs if job.name == name]
        done = [job for job in mine if (job.folder / SUMMARY).is_file()]
        unfinished |= {
            str(j.folder): stopped.get(str(j.folder), "not finished") for j in mine if j not in done
        }
        lines.append(Line(name, mine[0].settings.algo, [read_findings(job.folder) for job in done]))
    return compared(jobs[0].settings.env, lines, unfinished)


def read(folders: Sequence[Path]) -> Comparison:
    """Return the comparison of runs that are there; a folder of runs stands for all of them.

    Runs of one algorithm with the same settings, but for the seed, make a row.

    Errors: ConfigError where a folder is no run, or runs are of different environments.
    """
    runs = [read_findings(path) for folder in folders for path in _runs_in(folder)]
    unfinished = {str(run.path): "not finished" for run in runs if run.summary is None}
    done = [run for run in runs if run.summary is not None]
    if not done:
        raise ConfigError(
            f"no run in {', '.join(map(str, folders))} is finished yet; go on: agentrl resume RUN"
        )
    envs = list(dict.fromkeys(run.summary.env for run in done if run.summary is not None))
    if len(envs) > 1:
        raise ConfigError(f"these are runs of different environments: {', '.join(envs)}")
    return compared(envs[0], _rows(done), unfinished)


def _runs_in(folder: Path) -> list[Path]:
    if (folder / CONFIG).is_file():
        return [folder]
    inside = sorted(path.parent for path in folder.glob(f"*/{CONFIG}")) if folder.is_dir() else []
    if not inside:
        there = [str(path) for path in folder.parent.glob("*/")] if folder.parent.is_dir() else []
        raise ConfigError(f"{folder} is not a run, and holds none{nearest(str(folder), there)}")
    return inside


def _rows(runs: Sequence[Findings]) -> list[Line]:
    """Return runs in rows of the same settings, named by what sets rows of one algorithm apart."""
    same: dict[str, list[Findings]] = {}
    settings: dict[str, dict[str, object]] = {}
    for run in runs:
        mine = settings_of(run.path)
        key = repr(sorted(mine.items()))
        same.setdefault(key, []).append(run)
        settings[key] = mine
    lines = []
    for key, members in same.items():
        assert members[0].summary is not None
        algo = members[0].summary.algo
        others = [s for k, s in settings.items() if k != key and s.get("algo.name") == algo]
        apart = [k for k, v in settings[key].items() if any(other.get(k) != v for other in others)]
        label = ", ".join(f"{k.removeprefix('algo.')}={settings[key][k]}" for k in apart)
        lines.append(Line(f"{Path(algo).stem}{f' ({label})' if label else ''}", algo, members))
    return lines


def _write(found: Comparison, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / JSON, to_json(found).encode())
    write_whole(out / HTML, page(found).encode())


def _written(found: Comparison, out: Path) -> None:
    """Write the comparison and print it."""
    _write(found, out)
    print(f"{text_table(found)}\n\ncomparison: {out / HTML}")
