"""A run's stored episodes judged again by another verifier: where reward and verifier agree, and where not.

Each file of episodes becomes a file of verdicts, whole or not at all, that names the verifier and the
episodes it is of; so work that was stopped goes on, and nothing is judged twice.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import msgspec

from agentrl.agreement import Rescore, Scored, rescored
from agentrl.disk import Lock, write_whole
from agentrl.errors import ConfigError, nearest
from agentrl.folder import episode_files, iteration_of
from agentrl.killable import Killable
from agentrl.progress import Progress
from agentrl.records import to_json
from agentrl.registry import absolute, entry_of, file_of, find, is_path
from agentrl.rescore_page import markdown, page, text
from agentrl.submissions import Judged, share, submission, unmet
from agentrl.trajectories import read_trajectories
from agentrl.types import Task, Trajectory
from agentrl.values import value
from agentrl.verify import Judge, Pair, Submission, Verdict, Verifier, as_verifier, verdict_of

KEPT = 400
"""characters kept of an answer and of a reason"""
DEADLINE = 60.0
"""seconds an answer may take, for a verifier that was named"""


@dataclass(frozen=True, slots=True)
class _Header:
    """The first line of a file of verdicts."""

    verifier: str
    judged: Judged
    episodes: str
    """SHA-256 of the file of episodes"""
    version: int = 1


def rescore_run(
    run: str | Path,
    verifier: "str | Verifier | Judge",
    *,
    out: str | Path | None = None,
    judged: Judged = "action",
    deadline: float = DEADLINE,
    progress: Progress | None = None,
) -> tuple[Rescore, Path]:
    """Return what a verifier makes of a run's stored episodes, and the folder where that is written.

    A verifier given by name is asked in a process of its own, with a deadline for each answer. The folder is
    `out`, or rescore/<verifier> in the run: `rescore.json`, `rescore.html`, `rescore.md`, `scores/`.

    Errors: ConfigError where there is no run, no stored episode, or nothing that the verifier can judge.
    """
    if judged not in get_args(Judged):
        raise ConfigError(f"answer={judged} is not one of {', '.join(get_args(Judged))}")
    if not deadline > 0:
        raise ConfigError(f"deadline={deadline:g}: must be above 0, in seconds")
    stored = episode_files(Path(run))
    if not isinstance(verifier, str):
        own = as_verifier(verifier)
        return _judged(
            Path(run), stored, own, _place(run, out, own.name), _Header(own.name, judged, ""), progress
        )
    named = _Named(verifier)
    identity, slug = _identity(verifier)
    with closing(Killable(named, deadline=deadline)) as judge:
        header = _Header(f"{identity} deadline={deadline:g}", judged, "")
        return _judged(Path(run), stored, judge, _place(run, out, slug), header, progress)


class _Named:
    """A verifier by its name, which means the same in every process: what a file defines is loaded there."""

    def __init__(self, name: str) -> None:
        self._name = absolute("verifiers", name)
        self._verifier = as_verifier(find("verifiers", name))
        self.name, self.low, self.high = self._verifier.name, self._verifier.low, self._verifier.high
        self.pairs: Sequence[Pair] = self._verifier.pairs

    def __reduce__(self) -> tuple[type["_Named"], tuple[str]]:
        return _Named, (self._name,)

    def verify(self, submission: Submission, task: Task) -> Verdict:
        """Return the verdict of the verifier that has this name."""
        return verdict_of(self._verifier, submission, task)


def _identity(name: str) -> tuple[str, str]:
    """Return what tells this verifier from another of its name, and a folder's name for it."""
    if not is_path(name):
        entry = entry_of("verifiers", name)
        return f"{name} {entry.value} {entry.dist.version if entry.dist else ''}".strip(), name
    path, attribute = file_of("verifiers", name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{path.name}:{attribute} {digest[:16]}", f"{path.stem}-{attribute}" if attribute else path.stem


def _place(run: str | Path, out: str | Path | None, slug: str) -> Path:
    return (
        Path(out) if out is not None else Path(run) / "rescore" / (re.sub(r"[^\w.-]+", "-", slug).strip("-."))
    )


def _judged(
    run: Path, stored: Sequence[Path], verifier: Verifier, out: Path, like: _Header, progress: Progress | None
) -> tuple[Rescore, Path]:
    """Judge what is not judged yet, and write what it all comes to."""
    for episode in read_trajectories(stored[0]):  # the first says it, before a folder is made
        if missing := unmet(verifier, episode.task):
            raise ConfigError(_lacking(run, verifier, missing, episode.task))
        break
    out.mkdir(parents=True, exist_ok=True)
    (out / "scores").mkdir(exist_ok=True)
    lock = Lock(out)
    try:
        found: list[Scored] = []
        with progress or Progress() as said:
            said.phase(f"judging by {verifier.name}", len(stored))
            for number, path in enumerate(stored, 1):
                found += _of_file(path, verifier, out / "scores", like, run)
                said.step(number, episodes=len(found))
        made = rescored(str(run), verifier.name, like.judged, found)
        write_whole(out / "rescore.json", to_json(made).encode())
        write_whole(out / "rescore.md", markdown(made).encode(errors="replace"))
        write_whole(out / "rescore.html", page(made).encode(errors="replace"))
    finally:
        lock.release()
    return made, out


def _of_file(path: Path, verifier: Verifier, scores: Path, like: _Header, run: Path) -> list[Scored]:
    """Return the verdicts on a file's episodes, which are read where they were given before."""
    header = _Header(like.verifier, like.judged, hashlib.sha256(path.read_bytes()).hexdigest())
    target = scores / f"{path.name.removesuffix('.jsonl.gz')}.jsonl"
    known = _read(target, header)
    if known is not None:
        return known
    number = iteration_of(path)
    found = [_scored(episode, number, verifier, like.judged) for episode in read_trajectories(path)]
    _refuse_blind(run, path, verifier, found)
    lines = [json.dumps(msgspec.to_builtins(line)) for line in (header, *found)]
    write_whole(target, "".join(f"{line}\n" for line in lines).encode())
    return found


def _read(target: Path, header: _Header) -> list[Scored] | None:
    """Return the verdicts of the same verifier on the same episodes; None where there are none."""
    if not target.is_file():
        return None
    try:
        first, *rest = (json.loads(line) for line in target.read_bytes().splitlines())
        same = msgspec.convert(first, _Header) == header
        return [msgspec.convert(line, Scored) for line in rest] if same else None
    except ValueError:  # of another version, or touched by somebody: it is judged again
        return None


def _scored(episode: Trajectory, iteration: int, verifier: Verifier, judged: Judged) -> Scored:
    said = submission(episode, judged)
    if episode.scorable:
        verdict = verdict_of(verifier, said, episode.task)
    else:
        verdict = Verdict(0.0, "error", f"{episode.outcome}: {episode.reason}")
    return Scored(
        iteration=iteration,
        task=episode.task.id,
        sample=episode.sample,
        success=episode.success,
        score=float(episode.score),
        ret=float(episode.ret),
        new=share(verdict, verifier) if verdict.known else None,
        passes=verdict.known and verdict.score >= verifier.high,
        status=verdict.status if episode.scorable else episode.outcome,
        answer=_short(said.answer),
        reason=_short(verdict.reason),
    )


def _short(text: str) -> str:
    return text if len(text) <= KEPT else text[:KEPT] + "..."


def _lacking(run: Path, verifier: Verifier, missing: Sequence[str], task: Task) -> str:
    held = ", ".join(sorted(task.data)) or "nothing"
    return (
        f"{run}: verifier '{verifier.name}' judges by {', '.join(missing)} of a task's data, and the stored"
        f" tasks hold {held}; choose a verifier that needs no more, or run again in an environment whose"
        " tasks hold it"
    )


def _refuse_blind(run: Path, path: Path, verifier: Verifier, found: Sequence[Scored]) -> None:
    """Raise ConfigError where a verifier fails on every episode of a file: it lacks something."""
    tried = [one for one in found if one.status in ("ok", "timeout", "error")]
    if tried and all(one.status == "error" for one in tried):
        raise ConfigError(
            f"{run}: verifier '{verifier.name}' gave no verdict on any of the {len(tried)} episodes of"
            f" {path.name} ({tried[0].reason}); if they were stored before final states were, run again with"
            " trajectories=1, else mend the verifier"
        )


def rescore_command(words: Sequence[str]) -> Rescore:
    """Print and return what `agentrl rescore RUN verifier=NAME` finds.

    Errors: ConfigError for words that say something else.
    """
    given = dict(word.partition("=")[::2] for word in words if "=" in word)
    runs = [word for word in words if "=" not in word]
    known = ("verifier", "out", "answer", "deadline")
    for key in given:
        if key not in known:
            raise ConfigError(f"rescore has no '{key}'{nearest(key, known)} (it has: {', '.join(known)})")
    if len(runs) != 1 or not given.get("verifier"):
        raise ConfigError("rescore takes one run and a verifier: agentrl rescore runs/... verifier=NAME")
    deadline = value("deadline", given.get("deadline", DEADLINE), float)
    judged = value("answer", given.get("answer", "action"), Judged)
    found, out = rescore_run(
        runs[0], given["verifier"], out=given.get("out"), judged=judged, deadline=deadline
    )
    print(text(found))
    print(f"written: {out / 'rescore.html'}")
    return found
