"""`agentrl compare`: several algorithms, several seeds, one table and one plot.

Every algorithm and seed is an ordinary run in a folder of its own, so the comparison can be killed at any
moment: the same command goes on with the run that was killed and leaves alone those that are finished. A run
at which another process works is left to it, so the same command may be started twice, to share the work.
"""

import contextlib
import io
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from agentrl.compare_page import page, text_table
from agentrl.comparison import Comparison, Line, compared, settings_of
from agentrl.disk import LOCK, Lock, write_whole
from agentrl.errors import ConfigError, RunError, nearest
from agentrl.findings import Findings, read_findings
from agentrl.folder import CONFIG, LOG, METRICS, REPORT, SUMMARY
from agentrl.jobs import OUT, Job, check_same, planned
from agentrl.preflight import preflight
from agentrl.progress import duration
from agentrl.records import best, to_json
from agentrl.report import write_report

JSON, HTML = "compare.json", "compare.html"


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
            except (RunError, ConfigError) as problem:  # the others go on: each counts for itself
                stopped[str(job.folder)] = str(problem)
                _say(f"  stopped: {problem}")
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
