"""Collecting data: tasks that somebody plays, kept as episodes or as pairs, in one file.

Tasks are played in chunks. What a chunk holds depends on the command and its tasks alone, and each is written
whole beside the file to be; so the same command goes on where it was stopped, and ends with the same file.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

import msgspec
import torch

from agentrl.algo import Branches
from agentrl.config import make_env, parse
from agentrl.credit.trees import Rule
from agentrl.crossed import crossed
from agentrl.datafile import Header, fingerprint, header_line, pair_line, read_header
from agentrl.disk import replacing, said, write_whole
from agentrl.env import Split
from agentrl.errors import ConfigError, DataError
from agentrl.evaluate import first, judge_in, sampling_of, stream, with_run
from agentrl.picked import kept, pairs_of
from agentrl.progress import Progress
from agentrl.rollout.collect import Collector, PlayerActor, SamplerActor, Start
from agentrl.rollout.tree import branch
from agentrl.rollout.workers import Environments
from agentrl.settings import Settings
from agentrl.tally import checked
from agentrl.trajectories import dump, write_lines
from agentrl.values import value

How = Literal["episodes", "best_of_n", "rejection", "trees", "rectify", "dstc"]
TREES = ("trees", "rectify")
PAIRS = (*TREES, "dstc")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be collected: the words of `agentrl collect` beside settings."""

    out: str
    """file, .jsonl.gz"""
    source: Literal["policy", "demonstrator", "expert", "random"] = "policy"
    """who plays"""
    split: Split = "train"
    tasks: int = 0
    """the split's first tasks; 0: all"""
    per_task: int = 1
    """episodes of each task; trees and rectify: trees"""
    only: Literal["all", "success"] = "all"
    """success: leave out episodes that failed"""
    how: How = "episodes"
    """episodes: all of them; best_of_n: of each task's episodes the one with the highest return; rejection:
    those that succeeded, equal ones once; trees: pairs of actions tried from the same state; rectify: the
    action with which an episode went wrong, and one from the same state that still won; dstc: of a task's
    programs and tests, each in each, one that passes against one that does not (env=code asks=tests)"""
    rule: Rule = "best_worst"
    """trees: which actions of a state are compared; rectify: first_error"""
    width: int = 4
    """trees, rectify: actions tried in a state"""
    points: int = 6
    """trees, rectify: states of an episode that are returned to"""
    gap: float = 0.05
    """trees, rectify: least difference of mean scores, 0 to 1; dstc: of the shares of tests passed"""


def collect_command(words: Sequence[str]) -> Path:
    """Play what the words of `agentrl collect` ask for; return the file.

    Errors: ConfigError for wrong words, and where the file or its parts were made by another command.
    """
    wanted, rest = sorted_out(words)
    if wanted.source == "policy" and not any(w.partition("=")[0] in ("model", "model.path") for w in rest):
        raise ConfigError(
            "collect needs a policy: model=RUN, a model folder, a hub id; or source=demonstrator"
        )
    settings = parse(with_run(rest), algo="gigpo")
    torch.set_num_threads(settings.run.threads)
    out = Path(wanted.out)
    with ExitStack() as opened:
        worlds, progress = opened.enter_context(Environments(settings)), opened.enter_context(Progress())
        with closing(worlds("train")) as world:
            judge = opened.enter_context(closing(judge_in(settings, world, worlds)))
        header = _header(settings, wanted, fingerprint(judge.chat.tokenizer))
        actor = (
            SamplerActor(judge.sampler, sampling_of(settings.rollout))
            if wanted.source == "policy"
            else PlayerActor(wanted.source)
        )
        how = settings.rollout
        collector = Collector(
            lambda: worlds(wanted.split),
            actor,
            judge.chat,
            stream(settings.run.seed, "collect"),
            settings.reward,
            parallel=how.parallel,
            schedule=how.order,
            threads=how.workers,
        )
        return Collection(out, header, wanted, settings, collector).made(progress)


def sorted_out(words: Sequence[str]) -> tuple[Wanted, list[str]]:
    """Return what is to be collected, and the words that are settings.

    Errors: ConfigError for words that contradict each other.
    """
    hints = {f.name: f.type for f in fields(Wanted)}
    own: dict[str, object] = {}
    rest: list[str] = []
    for word in words:
        key, equals, text = word.partition("=")
        if equals and key in hints:
            if key in own:
                raise ConfigError(f"{key} is given twice")
            own[key] = value(key, text, hints[key])
        else:
            rest.append(word)
    if not str(own.get("out", "")).endswith(".jsonl.gz"):
        raise ConfigError(f"out={own.get('out', '')}: say where: out=FILE.jsonl.gz")
    wanted = Wanted(**own)  # type: ignore[arg-type]
    if wanted.how in TREES and wanted.source != "policy":
        raise ConfigError(
            f"how={wanted.how} tries what a policy may do; source={wanted.source} does one thing"
        )
    if wanted.how in PAIRS and wanted.only != "all":
        raise ConfigError(
            f"only={wanted.only}: how={wanted.how} makes pairs of what went well and what did not"
        )
    if wanted.how == "dstc" and wanted.per_task < 2:
        raise ConfigError(
            f"per_task={wanted.per_task}: how=dstc compares a task's programs, so it must be at least 2"
        )
    for key in ("per_task", "points"):
        if getattr(wanted, key) < 1:
            raise ConfigError(f"{key}={getattr(wanted, key)}: must be at least 1")
    return wanted, rest


def _header(settings: Settings, wanted: Wanted, tokenizer: str) -> Header:
    made = {key: entry for key, entry in asdict(wanted).items() if key != "out"}
    played = asdict(settings.rollout)
    for name in (
        "parallel",
        "workers",
        "deadline",
        "recycle",
        "growth",
        "server",
        "server_weights",
        "memory",
    ):
        played.pop(name)  # how fast, not what
    made |= {"seed": settings.run.seed, "options": dict(settings.env_options), "play": played}
    model = settings.model.path if wanted.source == "policy" else ""
    made = json.loads(json.dumps(made))
    return Header("pairs" if wanted.how in PAIRS else "episodes", settings.env, tokenizer, model, made)


@dataclass(frozen=True, slots=True)
class Collection:
    """One file in the making."""

    out: Path
    header: Header
    wanted: Wanted
    settings: Settings
    collector: Collector

    @property
    def parts(self) -> Path:
        """Folder of what is done, beside the file."""
        return self.out.with_name(f"{self.out.name}.parts")

    def made(self, progress: Progress) -> Path:
        """Return the file once all of it is there.

        Errors: ConfigError where it, or its parts, were made by another command.
        """
        if self.out.exists():
            self._check(read_header(self.out), self.out)
            print(f"{self.out} is there already")
            return self.out
        begun = self.parts / "header.json"
        if begun.exists():
            self._check(_read(begun), self.parts)
        else:
            try:
                self.parts.mkdir(parents=True, exist_ok=True)
            except OSError as why:
                raise ConfigError(f"out={self.out}: cannot be made there: {why.strerror}") from why
            write_whole(begun, header_line(self.header).encode())
        starts = self._starts()
        size = max(1, self.settings.rollout.parallel // self.wanted.per_task) * self.wanted.per_task
        chunks = [starts[i : i + size] for i in range(0, len(starts), size)]
        files = [self.parts / f"{number:06d}.jsonl.gz" for number in range(len(chunks))]
        progress.phase(f"collecting {self.out.name}", len(chunks), sum(path.exists() for path in files))
        for number, (path, chunk) in enumerate(zip(files, chunks, strict=True), 1):
            if not path.exists():
                count = write_lines(path, self._lines(chunk))
                progress.step(number, lines=float(count))
        self._join(files)
        return self.out

    def _check(self, found: Header | None, place: Path) -> None:
        if found == self.header:
            return
        if found is None:
            raise ConfigError(
                f"{place} is there already, and does not say how it was made; choose another out="
            )
        there, asked = ({**asdict(one), **one.made} for one in (found, self.header))
        other = [key for key in there if key != "made" and there[key] != asked.get(key)]
        shown = ", ".join(f"{key}={there[key]}" for key in other[:3])
        raise ConfigError(
            f"{place} was begun by another command ({shown}); choose another out=, or remove it"
        )

    def _starts(self) -> list[Start]:
        env = make_env(self.settings, self.wanted.split)
        panel = first(env.tasks(self.wanted.split), self.wanted.tasks)
        if self.wanted.how in TREES and env.restorable == "no":
            raise ConfigError(
                f"how={self.wanted.how} returns to states, and env '{self.settings.env}' cannot be restored;"
                " use how=episodes"
            )
        count = self.wanted.per_task
        return [Start(task, task.id, i, number) for number, task in enumerate(panel) for i in range(count)]

    def _lines(self, starts: Sequence[Start]) -> Iterator[str]:
        """Yield the lines of a chunk."""
        if self.wanted.how in TREES:
            rule = "first_error" if self.wanted.how == "rectify" else self.wanted.rule
            for grown in branch(starts, self.collector, Branches(self.wanted.width, self.wanted.points)):
                yield from map(pair_line, pairs_of(grown, rule, self.wanted.gap))
            return
        played = [episode.trajectory for episode in self.collector.play(starts)]
        checked(played, self.settings.run.failures)
        if self.wanted.how == "dstc":
            yield from map(pair_line, crossed(starts, played, self.collector, self.wanted.gap))
            return
        yield from map(dump, kept(played, self.wanted.how, self.wanted.only))

    def _join(self, files: Sequence[Path]) -> None:
        """Put the parts behind a header: gzip'd files one after another are one."""
        top = self.parts / "header.jsonl.gz"
        write_lines(top, [header_line(self.header)])
        with replacing(self.out) as part, said(self.out), part.open("wb") as whole:
            for path in (top, *files):
                with path.open("rb") as one:
                    shutil.copyfileobj(one, whole)
        shutil.rmtree(self.parts)


def _read(path: Path) -> Header | None:
    try:
        return msgspec.convert(json.loads(path.read_bytes())["agentrl"], Header)
    except (ValueError, KeyError) as why:
        raise DataError(f"{path}: {why}") from why
