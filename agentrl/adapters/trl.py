"""Our environments in TRL's GRPOTrainer: played by our rollout (`rollout_func`), or as tools of its own.

    name = "guess"
    GRPOTrainer(model, episode_return, train_dataset=task_ids(name), rollout_func=rollout_func(name))
    GRPOTrainer(model, train_dataset=task_prompts(name), environment_factory=environment_factory(name))

Settings are those of `agentrl run`: `rollout_func("tools", form="line", **{"rollout.style": "tools"})`. With
`rollout.workers` environments live in processes, where a hang or crash ends its own episode only.
"""

import atexit
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agentrl.adapters.base import peer
from agentrl.adapters.tooling import episode_class
from agentrl.config import from_values, make_env
from agentrl.env import Split
from agentrl.errors import ConfigError, DataError, nearest
from agentrl.settings import Settings
from agentrl.types import Panel, Trajectory

if TYPE_CHECKING:
    from datasets import Dataset

RolloutFunc = Callable[[list[Any], Any], dict[str, list[Any]]]


def task_ids(name: str, split: Split = "train", *, tasks: int | None = None, **settings: Any) -> "Dataset":
    """Return a data set for `rollout_func`: the prompt of a row is the id of a task.

    Errors: ConfigError where the package datasets is missing, or a setting is wrong.
    """
    datasets = peer("datasets", "datasets", "trl")
    panel = _settled(name, settings)[1](split)
    return datasets.Dataset.from_dict({"prompt": [task.id for task in panel.tasks[:tasks]]})


def task_prompts(
    name: str, split: Split = "train", *, tasks: int | None = None, **settings: Any
) -> "Dataset":
    """Return a data set for `environment_factory`: the rules, an empty message that an episode's first
    observation is put into, and the task, so that all members of a group start alike.

    Errors: ConfigError where the package datasets is missing, or a setting is wrong.
    """
    datasets = peer("datasets", "datasets", "trl")
    chosen, panels = _settled(name, settings)
    rules = make_env(chosen, split).instructions()
    said = [{"role": "system", "content": rules}, {"role": "user", "content": ""}]
    chosen_tasks = panels(split).tasks[:tasks]
    return datasets.Dataset.from_dict(
        {"prompt": [said for _ in chosen_tasks], "task": [task.id for task in chosen_tasks]}
    )


def episode_return(
    prompts: Sequence[Any], completions: Sequence[Any], episode_return: Sequence[float | None], **_: Any
) -> list[float | None]:
    """Return the returns of the episodes that `rollout_func` played; None for those that say nothing."""
    return list(episode_return)


def rollout_func(name: str, split: Split = "train", *, seed: int = 0, **settings: Any) -> RolloutFunc:
    """Return TRL's `rollout_func`: each prompt names a task (see `task_ids`), of which it plays an episode.

    Token ids and log-probabilities are those that were sampled, from the trainer's own weights at its
    temperature; what the environment said is in `completion_ids` with `env_mask` 0. `episode_return` sums
    rewards up, `score` and `outcome` what reports show. Where tokens run out an episode is cut off.

    Errors: ConfigError for wrong settings; when called, for a prompt that names no task; DataError where the
            model's template rewrites earlier turns, so that an episode is no one sequence.
    Edge:   an episode whose environment failed is masked entirely, and its return is None.
    """
    given = {"rollout.mode": "transcript", **settings}
    chosen, panels = _settled(name, given)
    if chosen.rollout.mode != "transcript":
        raise ConfigError("TRL takes an episode as one sequence: rollout.mode=transcript")
    by_id = {task.id: (number, task) for number, task in enumerate(panels(split))}
    calls: Counter[int] = Counter()

    def play(prompts: list[Any], trainer: Any) -> dict[str, list[Any]]:
        from agentrl.rollout.collect import Start

        starts = []
        members: Counter[str] = Counter()
        for prompt in prompts:
            key = prompt if isinstance(prompt, str) else str(prompt[-1]["content"])
            if key not in by_id:
                raise ConfigError(f"prompt {key[:60]!r} names no task of {name}/{split}{nearest(key, by_id)}")
            number, task = by_id[key]
            starts.append(Start(task, group=key, sample=members[key], number=number))
            members[key] += 1
        step = int(trainer.state.global_step)
        calls[step] += 1
        names = ("trl", str(step), str(calls[step]), str(trainer.accelerator.process_index))
        return _columns(_played(chosen, split, starts, trainer, (seed, names)))

    return play


def _settled(name: str, settings: Mapping[str, Any]) -> tuple[Settings, Callable[[Split], Panel]]:
    """Return settings in which the model is somebody else's, and what lists the tasks of a split."""
    chosen = from_values({"env": name, "model.path": "of the trainer", **settings}, algo="random")
    return chosen, lambda split: make_env(chosen, split).tasks(split)


def _played(
    chosen: Settings, split: Split, starts: list[Any], trainer: Any, names: tuple[int, tuple[str, ...]]
) -> list[tuple[Trajectory, int]]:
    """Return each start's episode, and the token that ends a reply."""
    from agentrl.evaluate import chat_of, stream
    from agentrl.learner.model import end_tokens
    from agentrl.rollout.collect import Collector, SamplerActor
    from agentrl.rollout.hf import HFSampler
    from agentrl.rollout.workers import Environments
    from agentrl.types import Sampling

    model, tokenizer = trainer.accelerator.unwrap_model(trainer.model), trainer.processing_class
    chat = chat_of(chosen, tokenizer, model.config)
    ends = end_tokens(model, tokenizer) | {chat.end}
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    how, args = chosen.rollout, trainer.args
    most = min(how.max_tokens, args.max_completion_length)
    sampling = Sampling(args.temperature, args.top_p, args.top_k, most)
    with Environments(chosen) as worlds:
        collector = Collector(
            lambda: worlds(split),
            SamplerActor(HFSampler(model, eos_ids=ends, pad_id=pad, shared=True), sampling),
            chat,
            stream(names[0], *names[1]),
            parallel=how.parallel,
            threads=how.workers,
        )
        return [(episode.trajectory, chat.end) for episode in collector.play(starts)]


def _columns(episodes: Sequence[tuple[Trajectory, int]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {
        "prompt_ids": [], "completion_ids": [], "logprobs": [], "env_mask": [],
        "episode_return": [], "score": [], "outcome": [],
    }  # fmt: skip
    for episode, end in episodes:
        prompt, ids, logprobs, mask = sequence(episode)
        if not ids:  # nothing was said: a reply that nobody learns from
            prompt, ids, logprobs, mask = prompt or [end], [end], [0.0], [0]
        found["prompt_ids"].append(prompt)
        found["completion_ids"].append(ids)
        found["logprobs"].append(logprobs)
        found["env_mask"].append(mask if episode.scorable else [0] * len(mask))
        found["episode_return"].append(episode.ret if episode.scorable else None)
        found["score"].append(episode.score)
        found["outcome"].append(episode.outcome)
    return found


def sequence(episode: Trajectory) -> tuple[list[int], list[int], list[float], list[int]]:
    """Return a growing conversation: prompt, what follows, its log-probabilities, the policy's mask.

    Errors: DataError where a later turn begins a prompt of its own.
    """
    prompt: list[int] = []
    ids: list[int] = []
    logprobs: list[float] = []
    mask: list[int] = []
    for number, turn in enumerate(episode.turns):
        if number == 0:
            prompt = list(turn.prompt_ids)
        elif turn.fresh:
            raise DataError(
                f"task {episode.task.id}: the chat template rewrites what was said before turn {number + 1};"
                " TRL takes one sequence; use a template that keeps it, or rollout.style=plain"
            )
        else:
            ids += turn.prompt_ids
            logprobs += [0.0] * len(turn.prompt_ids)
            mask += [0] * len(turn.prompt_ids)
        ids += turn.action_ids
        logprobs += turn.logprobs
        mask += [1] * len(turn.action_ids)
    return prompt, ids, logprobs, mask


def environment_factory(name: str, split: Split = "train", **settings: Any) -> type[Any]:
    """Return a class for TRL's `environment_factory`: `reset` begins the task of a row (see `task_prompts`),
    its public methods are the tools that the model calls, and `get_reward` is the return of the episode.

    The tools of a tool environment are offered one by one, with `answer` for the final reply; any other
    environment is one tool, `act`.

    Errors: ConfigError for wrong settings.
    Edge:   without a row's task, tasks are taken in order. What the environment raises ends its episode; the
            reward is None then.
    """
    from agentrl.rollout.workers import Environments

    chosen, panels = _settled(name, settings)
    worlds = Environments(chosen)
    atexit.register(worlds.close)
    return episode_class(name, lambda: worlds(split), panels(split))
