"""A training run from settings to report: the one place that knows every stage.

    tasks -> rollout -> trajectories -> token table -> credit -> loss -> weights -> rollout ...

A run is a pure function of its settings: every random choice is keyed by (seed, what it is for, iteration),
so a killed run goes on from its newest checkpoint as if nothing had happened.
"""

import logging
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from agentrl.algo import AlgoState, Stored
from agentrl.cluster.hosts import host_of
from agentrl.config import make_algo, make_env, moved, to_toml
from agentrl.env import SPLITS, Split
from agentrl.errors import ConfigError
from agentrl.evaluate import first, judge_of, stream
from agentrl.folder import CONFIG, SUMMARY, RunFolder
from agentrl.gather import Gatherer, demonstrations
from agentrl.given import given
from agentrl.learner import checkpoint
from agentrl.learner.anatomy import check_room
from agentrl.learner.here import learning_of
from agentrl.learner.model import Policy
from agentrl.learner.start import demonstrated, new_policy, saved_policy
from agentrl.learner.step import check_learner
from agentrl.ledger import Ledger
from agentrl.mixture import weights
from agentrl.preflight import check_place, preflight
from agentrl.progress import Progress
from agentrl.report import write_report, write_text_summary
from agentrl.rollout.workers import Environments
from agentrl.settings import Settings
from agentrl.streamed import gatherer_of
from agentrl.trackers import tracked
from agentrl.types import Panel

TOLD = ("success", "score", "stored_success")
log = logging.getLogger("agentrl")


def train(settings: Settings) -> Path:
    """Run from the start; return the run folder.

    Errors: ConfigError for what cannot be run, RunError where it had to stop.
    """
    preflight(settings)
    with RunFolder.create(settings.run.out, settings.env, settings.algo) as folder:
        folder.write_config(to_toml(settings))
        try:
            _go(settings, folder)
        except ConfigError:
            if checkpoint.newest(folder.checkpoints) is None:  # nothing was done: leave nothing behind
                shutil.rmtree(folder.path, ignore_errors=True)
            raise
    return folder.path


def resume(path: str | Path, words: Sequence[str] = ()) -> Path:
    """Go on with a run that was stopped, from its newest checkpoint; return the run folder.

    Errors: ConfigError for words that say more than where it goes on (`config.MOVABLE`), or what that place
            cannot do.
    """
    with RunFolder.open(path) as folder:
        if (folder.path / SUMMARY).exists():
            print(f"{folder.path} is finished; its report is written again")
            write_report(folder.path)
            return folder.path
        settings = moved(folder.path / CONFIG, words)
        if words:
            check_place(settings)
        _go(settings, folder)
    return folder.path


def _go(settings: Settings, folder: RunFolder) -> None:
    with tracked(settings, folder), Progress() as progress, closing(Run(settings, folder, progress)) as run:
        run.go()
    write_report(folder.path)
    print(write_text_summary(folder.path))


class Run:
    """One run in the making."""

    def __init__(self, settings: Settings, folder: RunFolder, progress: Progress) -> None:
        self.begun = time.perf_counter()
        self.settings, self.folder, self.progress = settings, folder, progress
        self.algo = make_algo(settings)
        self.algo.check()
        check_learner(self.algo, settings.learner)
        torch.set_num_threads(settings.run.threads)
        self.worlds = Environments(settings)
        world = make_env(settings, "train")
        self.panels: dict[Split, Panel] = {split: world.tasks(split) for split in SPLITS}
        self.seconds: dict[str, float] = defaultdict(float)
        """wall time by part, before a kill too"""
        self.environment_steps = 0
        self.saved = checkpoint.last(folder.checkpoints)
        self.policy = self._policy()
        self.judge, self.sync = judge_of(settings, self.policy, self.worlds)
        self.chat, self.sampler = self.judge.chat, self.judge.sampler
        self.given = given(settings.run.store, self.chat)
        self.ledger = Ledger(settings, folder, self.judge, self.panels, progress)
        self.host = host_of(settings)
        seed = stream(settings.run.seed, "model")
        self.learning = learning_of(settings, self.algo, self.policy, folder.checkpoints, self.host, seed)

    def close(self) -> None:
        """End the processes of its learner and of its environments."""
        self.learning.close()
        self.host.close()
        self.worlds.close()

    def go(self) -> None:
        """Do whatever is left to do."""
        if self.saved is not None:
            self._rewind(self.saved.progress)
        else:
            self.folder.rewind("warm", 0)
        if self.saved is None or self.saved.progress.phase == "warm":
            self._warm_start()
        self._sync(0)
        self._measure("warm_start")
        ways = self.worlds, self.chat, self.sampler, self.folder.path / "trajectories", self.given
        drawn = self.saved.state["extra"] if self.saved is not None else {}
        how = self.algo, self.panels["train"], *ways, drawn
        with closing(gatherer_of(self.settings, self.policy, self.host, *how)) as gatherer:
            self._reinforce(gatherer)
        self._measure("final")
        checkpoint.save_result(self.policy, self.folder.path, self.learning.critic())
        seconds = {**self.seconds, "total": self._elapsed()}
        self.ledger.summarise(self.environment_steps, seconds, gatherer.accounts)

    def _rewind(self, progress: checkpoint.Progress) -> None:
        """Put counters and records back to where the checkpoint stands."""
        log.info("going on from %s", self.saved and self.saved.folder)
        self.folder.rewind(progress.phase, progress.done)  # type: ignore[arg-type]
        self.seconds.update({k[8:]: v for k, v in progress.counters.items() if k.startswith("seconds/")})
        self.begun -= self.seconds.pop("total")
        self.environment_steps = int(progress.counters["environment_steps"])
        self.ledger.rewind(progress.done if progress.phase == "rl" else -1)

    def _measure(self, when: Literal["warm_start", "final"]) -> None:
        with self._timed("evaluation"):
            self.ledger.measure(when)

    def _look(self, iteration: int) -> None:
        with self._timed("evaluation"):
            self.ledger.look(iteration, self.environment_steps, self._elapsed())

    def _elapsed(self) -> float:
        """Return the wall time of the run, that before a kill included."""
        return time.perf_counter() - self.begun

    def _sync(self, version: int) -> dict[str, float]:
        with self._timed("sync"):
            return self.sync(version)

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[part] += time.perf_counter() - begun

    def _policy(self) -> Policy:
        """Return the policy of the newest checkpoint, or the one the settings name."""
        with closing(self.worlds("train")) as env:
            origin = env, self.panels["train"], stream(self.settings.run.seed, "model")
            if self.saved is not None:
                return saved_policy(self.settings.model, self.saved.folder / "policy", *origin)
            check_room(self.settings, self.algo.needs)
            with self._timed("warm"):
                return new_policy(self.settings.model, *origin)

    def _warm_start(self) -> None:
        """Learn from demonstrations; a round is the unit of resumption."""
        settings, warm = self.settings, self.settings.warm
        if not warm.demonstrations:
            return
        with self.worlds("train") as env:
            shown = demonstrated(env, self.panels["train"], weights(settings.env))
        if not len(shown):
            untrained = f"env '{settings.env}' has no demonstrator: RL starts from the untrained model"
            log.info(untrained)
            self.progress.line(untrained)
            return
        with self._timed("warm"):
            self.progress.phase("demonstrations", warm.demonstrations * len(first(shown, warm.tasks)))
            table = demonstrations(
                settings, self.worlds, shown, self.chat, lambda done, *_: self.progress.step(done)
            )
            rounds = self.learning.warm(table, stream(settings.run.seed, "warm order"), self.saved)
        done = 0 if self.saved is None else self.saved.progress.done
        self.progress.phase("warm start", rounds, done)
        for number in range(done, rounds):
            with self._timed("warm"):
                metrics = self.learning.round(number)
            self.folder.add_metrics("warm", number + 1, metrics)
            self.progress.step(number + 1, loss=metrics["loss"])
            if (number + 1) % self.settings.run.checkpoint == 0 and number + 1 < rounds:
                self._save("warm", number + 1)
        self.saved = None

    # Learning.

    def _reinforce(self, gatherer: Gatherer) -> None:
        """Collect, credit, train, iteration after iteration."""
        settings, saved = self.settings, self.saved
        self.learning.begin(saved)
        state = self.algo.start() if saved is None else saved.progress.algo_state
        done = 0 if saved is None else saved.progress.done
        self._sync(done)
        gatherer.renew(self.policy, done)
        if saved is None:
            self._look(0)
            self._save("rl", 0, state, gatherer.state)
        fresh = not self.given and not isinstance(self.algo.collect(), Stored)
        self.progress.phase("training", settings.run.iterations, done)
        for iteration in range(done, settings.run.iterations):
            if fresh and self._spent:
                break
            number = iteration + 1
            kept = settings.run.trajectories and number % settings.run.trajectories == 0
            keep = partial(gatherer.keep, number) if kept else None
            self.policy.module.eval()
            with self._timed("rollout"):
                table, metrics, _ = gatherer.gather(iteration)
            self.environment_steps += int(metrics.pop("environment_steps"))
            self.sampler.rest()
            if table is None:
                log.warning("iteration %d: nothing to learn from, the weights stay as they are", number)
                if keep:
                    keep(None, {})
            else:
                with self._timed("learner"):
                    seed = stream(settings.run.seed, "learn")
                    table, state = self.algo.observe(table, state)
                    now = fresh and not settings.run.staleness
                    metrics |= self.learning.learn(table, state, iteration, seed, fresh=now, keep=keep)
                state = self.algo.after_step(state, metrics)
            metrics |= self._sync(number)
            gatherer.renew(self.policy, number)
            metrics["environment_steps"] = float(self.environment_steps)
            self.folder.add_metrics("rl", number, metrics)
            told = {k: v for k, v in metrics.items() if k in TOLD or k.endswith("/success")}
            self.progress.step(number, **told)
            last = number == settings.run.iterations or (fresh and self._spent)
            if settings.eval.every and (number % settings.eval.every == 0 or last):
                self._look(number)
            if number % settings.run.checkpoint == 0 or last:
                self._save("rl", number, state, gatherer.state)

    @property
    def _spent(self) -> bool:
        """The environment steps that the run may take are taken."""
        return 0 < self.settings.run.steps <= self.environment_steps

    def _save(
        self, phase: str, done: int, state: AlgoState | None = None, extra: dict[str, Any] | None = None
    ) -> None:
        counters = {"environment_steps": float(self.environment_steps), "seconds/total": self._elapsed()}
        counters |= {f"seconds/{part}": value for part, value in self.seconds.items()}
        progress = checkpoint.Progress(phase, done, state or {}, counters)
        kept = self.settings.run.keep
        checkpoint.save(self.folder.checkpoints, self.policy, progress, self.learning, extra or {}, kept)
