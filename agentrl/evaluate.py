"""Measuring a policy: a panel played once under a decoding."""

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from agentrl.algo import Play
from agentrl.config import make_algo, make_env, parse
from agentrl.deciding import asks_value, decided
from agentrl.env import PlayerKind, Split, TextEnv
from agentrl.errors import ConfigError
from agentrl.learner.model import Policy
from agentrl.learner.start import new_policy
from agentrl.learner.values import load_values
from agentrl.records import Measurement, measured
from agentrl.rollout.chat import Chat, Format
from agentrl.rollout.collect import Actor, Collector, PlayerActor, SamplerActor, Start
from agentrl.rollout.endpoint import EndpointSampler
from agentrl.rollout.messages import Messages
from agentrl.rollout.workers import Environments
from agentrl.settings import Decoding, RolloutSettings, Settings
from agentrl.sync import Sync, make_endpoint, make_sampler
from agentrl.types import Panel, Sampler, Sampling, Task, Trajectory

PLAYERS: tuple[PlayerKind, ...] = get_args(PlayerKind)


def stream(seed: int, *names: object) -> int:
    """Return the seed of a named random stream, the same in every process."""
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "little")


def sampling_of(settings: RolloutSettings, decoding: Decoding | None = None) -> Sampling:
    """Return how replies are drawn: as in training, or under a decoding of the evaluation."""
    processed = settings.logprobs == "processed"
    train = Sampling(settings.temperature, settings.top_p, settings.top_k, settings.max_tokens, processed)
    if decoding is None:
        return train
    greedy = decoding in ("greedy", "best_admissible")
    return replace(train, temperature=0.0 if greedy else float(decoding), top_p=1.0, top_k=0)


@dataclass(frozen=True, slots=True)
class Judge:
    """Plays panels and says how it went."""

    chat: Chat
    sampler: Sampler
    make_env: Callable[[Split], TextEnv]
    settings: RolloutSettings
    seed: int
    policy: Policy | None = None
    """whose sampler it is; none: it is elsewhere"""

    def measure(self, panel: Panel, decoding: Decoding) -> tuple[Measurement, list[Trajectory]]:
        """Return how the sampler's policy does on each task of the panel, and the episodes."""
        begun = time.perf_counter()
        episodes = self.episodes(list(enumerate(panel)), decoding)
        return measured(panel, decoding, episodes, time.perf_counter() - begun), episodes

    def baseline(self, panel: Panel, kind: PlayerKind) -> Measurement:
        """Return how a scripted player does."""
        begun = time.perf_counter()
        episodes = self._play(list(enumerate(panel)), kind, PlayerActor(kind))
        return measured(panel, kind, episodes, time.perf_counter() - begun)

    def episodes(self, tasks: Sequence[tuple[int, Task]], decoding: Decoding) -> list[Trajectory]:
        """Return the episodes that the sampler's policy plays of some tasks of one split, in order.

        Each task comes with its number in the panel, which names its random stream: what is drawn for one
        does not depend on which others are played with it.
        """
        mode: Literal["best_admissible", "sample"] = (
            "best_admissible" if decoding == "best_admissible" else "sample"
        )
        actor = SamplerActor(self.sampler, sampling_of(self.settings, decoding), mode)
        return self._play(tasks, decoding, actor)

    def close(self) -> None:
        """Give back what the sampler holds."""
        self.sampler.close()

    def collector(self, split: Split, name: str, actor: Actor) -> Collector:
        """Return what plays tasks of a split, its random numbers named by how."""
        return Collector(
            lambda: self.make_env(split),
            actor,
            self.chat,
            stream(self.seed, "eval", name),
            parallel=self.settings.parallel,
            schedule=self.settings.order,
            threads=self.settings.workers,
        )

    def _play(self, tasks: Sequence[tuple[int, Task]], name: str, actor: Actor) -> list[Trajectory]:
        split: Split = tasks[0][1].split  # type: ignore[assignment]
        starts = [Start(task, group=task.id, sample=0, number=number) for number, task in tasks]
        return [episode.trajectory for episode in self.collector(split, name, actor).play(starts)]


def first(panel: Panel, count: int) -> Panel:
    """Return the panel's first tasks; all of them where `count` is 0."""
    return Panel(panel.name, panel.tasks[:count]) if count else panel


def chat_of(settings: Settings, tokenizer: Any, config: Any) -> Chat:
    """Return how episodes are put into words for a model of this configuration.

    Errors: ConfigError where the model cannot read contexts as long as the settings allow.
    """
    how = settings.rollout
    positions = getattr(config, "max_position_embeddings", None)
    if positions is not None and how.max_context > positions:
        raise ConfigError(
            f"rollout.max_context={how.max_context}: the model has {positions} positions; lower it"
        )
    return Chat(tokenizer, Format(how.mode, how.style, how.history, how.max_context))


def judge_of(settings: Settings, policy: Policy, worlds: Environments) -> tuple[Judge, Sync]:
    """Return a judge of this policy under these settings, in these environments, and what renews its weights.

    Errors: ConfigError where the model cannot read contexts as long as the settings allow.
    """
    how = settings.rollout
    chat = chat_of(settings, policy.tokenizer, policy.module.config)
    sync = Sync(policy, make_sampler(settings, policy, policy.ends | {chat.end}), settings)
    sync(0)
    return Judge(chat, sync.sampler, worlds, how, settings.run.seed, policy), sync


def judge_in(settings: Settings, world: TextEnv, worlds: Environments) -> Judge:
    """Return a judge of the policy that the settings name: loaded, made from `world`'s words, or elsewhere.

    Errors: ConfigError where the model cannot be loaded, or not read contexts as long as the settings allow.
    """
    if settings.rollout.backend == "openai":
        chat = chat_of(settings, Messages(), None)
        return Judge(chat, make_endpoint(settings), worlds, settings.rollout, settings.run.seed)
    policy = new_policy(settings.model, world, world.tasks("train"), stream(settings.run.seed, "model"))
    policy.module.eval()
    return judge_of(settings, policy, worlds)[0]


def evaluate_run(words: Sequence[str]) -> list[Measurement]:
    """Print and return what a policy or a scripted player does on a panel.

    `model=` is a run folder (its last policy, asked as it was trained), a model folder or a hub id;
    `algo=random` and `algo=expert` measure the environment's players. `eval.panel`, `eval.test` and
    `eval.decodings` say what is measured; `eval.decode`, how a policy decides at test time.

    Errors: ConfigError for wrong words, or where neither a model nor a player is named.
    """
    settings = parse(with_run(words), algo="gigpo")
    plan = make_algo(settings).collect()
    kinds: list[PlayerKind] = [plan.kind] if isinstance(plan, Play) else []
    if not kinds and not any(word.partition("=")[0] in ("model", "model.path") for word in words):
        raise ConfigError(
            "eval needs a policy: model=RUN, a model folder, a hub id; or algo=random, algo=expert"
        )
    if kinds and settings.eval.decode != "plain":
        raise ConfigError(
            f"eval.decode={settings.eval.decode}, algo={settings.algo}: a scripted player draws no replies"
        )
    torch.set_num_threads(settings.run.threads)
    with Environments(settings) as worlds:
        return _evaluated(settings, kinds or settings.eval.decodings, worlds)


def _evaluated(
    settings: Settings, names: Sequence[PlayerKind | Decoding], worlds: Environments
) -> list[Measurement]:
    """Print and return what each of these players or decodings does."""
    world = worlds("train")
    with closing(judge_in(settings, world, worlds)) as judge:
        panel = first(world.tasks(settings.eval.panel), settings.eval.test)
        world.close()
        print(f"{panel.name}, {len(panel)} tasks, hash {panel.hash}")
        if settings.eval.decode != "plain":
            return [_told(_decided(settings, panel, judge))]
        found = [
            _told(judge.baseline(panel, name) if name in PLAYERS else judge.measure(panel, name)[0])  # type: ignore[arg-type]
            for name in names
        ]
        if isinstance(judge.sampler, EndpointSampler):
            print(f"  {judge.sampler.bill}")
        return found


def _decided(settings: Settings, panel: Panel, judge: Judge) -> Measurement:
    """Return what the policy does where it decides among several replies, states or episodes."""
    how, values = settings.eval, None
    if asks_value(how):
        if judge.policy is None:
            raise ConfigError(f"eval.decode={how.decode} asks a trained value, which an endpoint has none of")
        values = load_values(judge.policy, settings.model.path, settings.learner.microbatch_tokens)
    actor = SamplerActor(judge.sampler, sampling_of(settings.rollout))
    collector = judge.collector(how.panel, how.decode, actor)
    return decided(how, panel, collector, values, make_env(settings, how.panel))


def _told(one: Measurement) -> Measurement:
    """Print a measurement and return it."""
    low, high = one.interval().low, one.interval().high
    print(
        f"  {one.decoding:16}{100 * one.rate:6.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
        f"   score {one.mean_score:.3f}   {one.mean_turns:.1f} turns   {100 * one.invalid:.1f} % invalid"
    )
    for kind, (solved, count) in one.by_kind.items():
        print(f"    {kind:34}{100 * solved / count:6.1f} %   {solved} of {count}")
    for name, share in one.shares.items():
        print(f"    {name:14}{100 * share.mean:6.1f} % [{100 * share.low:.1f}, {100 * share.high:.1f}]")
    if one.spent:
        print(f"    in all: {', '.join(f'{count:g} {name}' for name, count in one.spent.items())}")
    return one


def with_run(words: Sequence[str]) -> list[str]:
    """Return the words with a run folder named as the model opened: its settings first, its last policy."""
    for word in words:
        key, _, path = word.partition("=")
        if key in ("model", "model.path") and (Path(path) / "config.toml").is_file():
            if not (Path(path) / "model").is_dir():
                raise ConfigError(f"model={path}: that run is not finished; go on: agentrl resume {path}")
            others = [other for other in words if other != word]
            # The model is merged: an adapter that the run trained is in it.
            return [f"@{path}/config.toml", *others, f"model.path={path}/model", "model.lora=0"]
    return list(words)
