"""What can be known to be wrong before torch is imported and a run folder is made."""

from pathlib import Path

from agentrl.algo import Algorithm, Branches, Groups, Plan, Play, Searched, Stored
from agentrl.cluster.hosts import check_ray
from agentrl.config import make_env
from agentrl.env import SPLITS, TextEnv
from agentrl.errors import ConfigError
from agentrl.given import kind_at
from agentrl.mixture import weights
from agentrl.outline import outline
from agentrl.places import check_model, check_peft
from agentrl.registry import find
from agentrl.settings import Settings
from agentrl.submissions import unmet
from agentrl.trackers import check_trackers
from agentrl.verify import as_verifier
from agentrl.versions import check_vllm


def preflight(settings: Settings, *, here: bool = True) -> None:
    """Raise ConfigError or DataError for a run that could not work: its data, its model folder, its plan.

    `here` says that it is to run on this machine: a plan needs neither weights nor the packages that train.
    """
    if settings.rollout.backend == "openai":
        raise ConfigError(
            "rollout=openai: an endpoint gives neither token ids nor log-probabilities, and takes no weights,"
            " so nothing can be trained with it; measure it with agentrl eval, train with rollout=vllm"
            " rollout.server=..."
        )
    algo = outline(settings.algo)(**settings.algo_options)
    plan = algo.collect()
    if isinstance(plan, Play):
        raise ConfigError(
            f"algo={settings.algo} trains nothing; measure it with:"
            f" agentrl eval env={settings.env} algo={settings.algo}"
        )
    control = settings.run.control
    if control != "none" and (not isinstance(plan, Groups) or settings.rollout.tasks < 2):
        raise ConfigError(
            f"run.control={control} pays groups each other's rewards, so it needs an algorithm that plays"
            " groups, and rollout.tasks of at least 2"
        )
    _check_staleness(settings, algo, plan)
    if settings.run.curriculum != "none":
        _check_curriculum(settings, plan)
    if settings.eval.decode != "plain":
        raise ConfigError(
            f"eval.decode={settings.eval.decode} is for a policy that is trained: agentrl eval model=RUN"
            f" eval.decode={settings.eval.decode}"
        )
    if settings.run.store is not None:
        _check_store(settings, algo)
    _check_stages(settings, algo)
    check_place(settings, here=here)
    if here:
        check_peft(settings.model.lora)
        check_trackers(settings.run.track)
    if settings.model.path != "tiny":
        check_model(settings.model.path, weights=here)
    if algo.teacher:
        check_model(algo.teacher, weights=here, key="algo.teacher")
    if here and settings.rollout.backend == "vllm" and settings.rollout.server is None:
        check_vllm()
    env = make_env(settings, "train")
    trees = isinstance(plan, Branches | Searched) and settings.run.store is None
    if trees and env.restorable == "no":
        raise ConfigError(
            f"algo={settings.algo} returns to states on the way, and env '{settings.env}' cannot be restored"
            " (restorable='no'); use an algorithm that plays episodes in groups"
        )
    for split in SPLITS:
        if not len(env.tasks(split)):
            raise ConfigError(f"env '{settings.env}' has no {split} tasks; a run needs train, dev and test")
    if settings.run.strict is not None:
        _check_strict(settings, env)


def _check_strict(settings: Settings, env: TextEnv) -> None:
    """Raise ConfigError where a verifier judges by what tasks do not hold."""
    judge = as_verifier(find("verifiers", str(settings.run.strict)))
    tasks = env.tasks("train").tasks[: len(weights(settings.env))]  # of several environments one each
    missing = sorted({field for task in tasks for field in unmet(judge, task)})
    if missing:
        raise ConfigError(
            f"run.strict={settings.run.strict} judges by {', '.join(missing)} of a task's data, which the"
            f" tasks of env '{settings.env}' do not hold"
        )


def _check_staleness(settings: Settings, algo: Algorithm, plan: Plan) -> None:
    """Raise ConfigError where playing on while the driver trains is asked for and cannot be."""
    run, how = settings.run, settings.rollout
    if not run.staleness:
        if run.overdue != "drop":
            raise ConfigError(
                f"run.overdue={run.overdue} says what becomes of groups that are too old, and none is without"
                " run.staleness=1 or more; without, leave it out"
            )
        return
    needs = {
        "an algorithm that plays groups of episodes (grpo)": not isinstance(plan, Groups),
        "algo.replace=0, as nobody waits to draw again": isinstance(plan, Groups) and plan.replace > 0,
        "an algorithm without demonstrations beside its episodes": isinstance(plan, Groups)
        and plan.shown > 0,
        "an algorithm without half steps": algo.extragradient,
        "run.curriculum=none, as what is drawn next may not depend on who is done first": (
            run.curriculum != "none"
        ),
        "no run.store, as what is stored is not played": run.store is not None,
        "rollout.schedule=eager or auto: nobody is asked together": how.schedule == "logical",
        "engines of its own, without rollout.server: each actor has weights of its own": (
            how.server is not None
        ),
    }
    for need, broken in needs.items():
        if broken:
            raise ConfigError(f"run.staleness={run.staleness} needs {need}")


def _check_curriculum(settings: Settings, plan: Plan) -> None:
    """Raise ConfigError where no group could tell whether its task is of use."""
    groups = isinstance(plan, Branches | Searched) or (isinstance(plan, Groups) and plan.size > 1)
    if not groups or settings.run.store is not None:
        raise ConfigError(
            f"run.curriculum={settings.run.curriculum} asks whether the episodes of a task end alike, and"
            f" algo={settings.algo} plays no groups of several; leave it out, or use one that does (grpo)"
        )


def check_place(settings: Settings, *, here: bool = True) -> None:
    """Raise ConfigError where the processes that are asked for have nothing to do, or cannot do it.

    A run that goes on elsewhere is asked for no more than this: it may no longer have what it began with.
    """
    if settings.cluster.actors and not settings.run.staleness:
        raise ConfigError(
            f"cluster.actors={settings.cluster.actors} play while the driver trains, which needs"
            " run.staleness=1 or more; without, leave it out"
        )
    if here:
        check_ray(settings)
    # Several learner processes would not learn what one does:
    if settings.learner.processes > 1 and settings.warm.demonstrations and settings.model.lora_dropout:
        raise ConfigError(
            f"learner.processes={settings.learner.processes}, model.lora_dropout="
            f"{settings.model.lora_dropout:g}: the warm start draws what is dropped in one stream, which"
            " several processes do not have; leave one of them out"
        )


def _check_stages(settings: Settings, algo: Algorithm) -> None:
    """Raise ConfigError for stages of nothing, and for more of them than there are iterations."""
    if algo.stages > 1 and settings.run.store is None:
        raise ConfigError(f"algo.stages={algo.stages} divides the pairs of a file: name it, run.store=FILE")
    if algo.stages > settings.run.iterations > 0:
        raise ConfigError(
            f"algo.stages={algo.stages}: run.iterations={settings.run.iterations} leaves some without any"
        )


def _check_store(settings: Settings, algo: Algorithm) -> None:
    """Raise ConfigError or DataError where an algorithm cannot learn from the data it is given."""
    store, plan = str(settings.run.store), algo.collect()
    kind = kind_at(Path(store), settings.env)
    if kind == "pairs" and algo.unit != "pair":
        raise ConfigError(
            f"run.store={store} holds pairs, and algo={settings.algo} does not learn from pairs: dpo does"
        )
    if kind == "episodes" and not isinstance(plan, Stored):
        raise ConfigError(
            f"run.store={store} holds episodes, and algo={settings.algo} plays its own; sft, oreo, redi and"
            " rejection (played=once) learn from stored ones"
        )
    if isinstance(plan, Stored) and plan.rounds > 1:
        raise ConfigError(
            f"algo.rounds={plan.rounds} plays anew, and run.store={store} is what there is: choose one"
        )
