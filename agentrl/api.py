"""What the command line does, from Python."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentrl.agreement import Rescore
    from agentrl.bench.outcome import Bench
    from agentrl.comparison import Comparison
    from agentrl.env import Split, TextEnv
    from agentrl.settings import Decoding
    from agentrl.submissions import Judged
    from agentrl.types import Trajectory
    from agentrl.verify import Judge, Verifier


def train(**settings: Any) -> Path:
    """Return the folder of a finished run; settings are those of `agentrl run`.

    `agentrl.train(env="guess", algo="gigpo", iterations=5, **{"learner.lr": 1e-3})`

    Errors: ConfigError for wrong settings, RunError where the run had to stop.
    """
    from agentrl.config import from_values

    chosen = from_values(settings)
    from agentrl.train import train as run  # after the settings are known to be right: it imports torch

    return run(chosen)


def evaluate(**settings: Any) -> Any:
    """Return what `agentrl eval` measures; settings are its words.

    Errors: ConfigError for wrong settings.
    """
    from agentrl.evaluate import evaluate_run
    from agentrl.values import written

    return evaluate_run([f"{key}={written(value)}" for key, value in settings.items()])


def rescore(
    run: str | Path,
    verifier: "str | Verifier | Judge",
    *,
    out: str | Path | None = None,
    answer: "Judged" = "action",
) -> "Rescore":
    """Return how a verifier and a run's own rewards agree on its stored episodes; the run keeps it too.

    `answer` is what is judged of an episode's last turn: the action, or the whole reply.

    Errors: ConfigError where there is no run, no stored episode, or nothing that the verifier can judge.
    """
    from agentrl.rescoring import rescore_run

    return rescore_run(run, verifier, out=out, judged=answer)[0]


def view(
    run: str | Path,
    other: str | Path | None = None,
    *,
    out: str | Path | None = None,
    iteration: int | None = None,
    episodes: int | None = None,
) -> Path:
    """Return the HTML page that shows a run's stored episodes, token by token; beside those of another run.

    It is `out`, or view.html in the run's folder. One `iteration`, or at most so many `episodes` of a run
    (none: 10,000; 0: no limit), for which iterations are left out evenly.

    Errors: ConfigError where there is no run, or none of its episodes; DataError where a file is broken.
    """
    from agentrl.view.command import view_runs

    runs = [run] if other is None else [run, other]
    return view_runs(runs, out=out, iteration=iteration, episodes=episodes)


def collect(out: str | Path, **settings: Any) -> Path:
    """Return the file of data that `agentrl collect` makes; settings are its words.

    `agentrl.collect("guess.jsonl.gz", env="guess", model="runs/mine", per_task=4, only="success")`

    Errors: ConfigError for wrong settings, RunError where too many episodes failed.
    """
    from agentrl.collecting import collect_command
    from agentrl.values import written

    return collect_command([f"out={out}", *(f"{key}={written(value)}" for key, value in settings.items())])


def compare(*folders: str | Path, **settings: Any) -> "Comparison":
    """Return what algorithms come to on the same tasks; settings are the words of `agentrl compare`.

    `agentrl.compare(env="guess", algos=["gigpo", "grpo"], seeds=3, iterations=20, out="runs/mine")`, or
    folders of runs that are there: `agentrl.compare("runs/a", "runs/b")`.

    Errors: ConfigError for wrong settings, RunError where a run did not come to its end.
    """
    from agentrl.compare import compare as run
    from agentrl.values import written

    return run([*map(str, folders), *(f"{key}={written(value)}" for key, value in settings.items())])


def bench(benchmark: str = "tool-use", **settings: Any) -> "Bench":
    """Return what models and reference players come to on one list of questions.

    `agentrl.bench(model=["runs/a", "runs/b"], tasks=100)`; settings are the words of `agentrl bench`.

    Errors: ConfigError for wrong settings.
    """
    from agentrl.bench.run import bench as run
    from agentrl.values import written

    return run([benchmark, *(f"{key}={written(value)}" for key, value in settings.items())])


def make(name: str, split: "Split" = "train", **options: Any) -> "TextEnv":
    """Return an environment, ready for `reset`: a registered name or `./mine.py`, with its own options.

    Errors: ConfigError for an unknown name or option.
    """
    from agentrl.config import env_options
    from agentrl.registry import find

    cls: type[TextEnv] = find("envs", name)
    return cls(split, **env_options(cls, options))


def rollout(
    env: str,
    model: str,
    *,
    split: "Split" = "dev",
    tasks: int = 8,
    decoding: "Decoding | None" = None,
    **settings: Any,
) -> "list[Trajectory]":
    """Return the episodes that a model plays, one a task, of the split's first `tasks`.

    `model` is a run folder (its last policy, asked as it was trained), a model folder or a hub id; with
    `rollout="openai"` what an endpoint calls it. `settings` are those of `agentrl run`. Replies are drawn as
    in training, or under a `decoding` of the evaluation.

    Errors: ConfigError for wrong settings, and for a model that cannot be loaded.
    """
    from agentrl.config import as_trained, from_values, make_env
    from agentrl.evaluate import first, judge_in, sampling_of
    from agentrl.rollout.collect import Collector, SamplerActor, Start
    from agentrl.rollout.workers import Environments

    chosen = from_values(as_trained(model, env), {"env": env, **settings}, algo="random")
    panel = first(make_env(chosen, split).tasks(split), tasks)
    starts = [Start(task, group=task.id, sample=0, number=number) for number, task in enumerate(panel)]
    how = chosen.rollout
    with Environments(chosen) as worlds:
        with closing(worlds("train")) as world:
            judge = judge_in(chosen, world, worlds)
        collector = Collector(
            lambda: worlds(split),
            SamplerActor(judge.sampler, sampling_of(how, decoding)),
            judge.chat,
            chosen.run.seed,
            parallel=how.parallel,
            schedule=how.order,
            threads=how.workers,
        )
        with closing(judge):
            return [episode.trajectory for episode in collector.play(starts)]
