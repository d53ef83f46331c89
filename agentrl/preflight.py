"""What can be known to be wrong before torch is imported and a run folder is made."""

from agentrl.algo import Branches, Groups, Play, Searched
from agentrl.config import make_env
from agentrl.env import SPLITS
from agentrl.errors import ConfigError
from agentrl.outline import outline
from agentrl.places import check_model, check_peft
from agentrl.registry import find
from agentrl.settings import Settings
from agentrl.submissions import unmet
from agentrl.verify import as_verifier
from agentrl.versions import check_vllm


def preflight(settings: Settings, *, here: bool = True) -> None:
    """Raise ConfigError or DataError for a run that could not work: its data, its model folder, its plan.

    `here` says that it is to run on this machine: a plan needs neither weights nor the packages that train.
    """
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
    if here:
        check_peft(settings.model.lora)
    if settings.model.path != "tiny":
        check_model(settings.model.path, weights=here)
    if algo.teacher:
        check_model(algo.teacher, weights=here, key="algo.teacher")
    if here and settings.rollout.backend == "vllm" and settings.rollout.server is None:
        check_vllm()
    env = make_env(settings, "train")
    if isinstance(plan, Branches | Searched) and env.restorable == "no":
        raise ConfigError(
            f"algo={settings.algo} returns to states on the way, and env '{settings.env}' cannot be restored"
            " (restorable='no'); use an algorithm that plays episodes in groups"
        )
    for split in SPLITS:
        if not len(env.tasks(split)):
            raise ConfigError(f"env '{settings.env}' has no {split} tasks; a run needs train, dev and test")
    if settings.run.strict is not None:
        judge = as_verifier(find("verifiers", settings.run.strict))
        missing = unmet(judge, env.tasks("train")[0])
        if missing:
            raise ConfigError(
                f"run.strict={settings.run.strict} judges by {', '.join(missing)} of a task's data, which the"
                f" tasks of env '{settings.env}' do not hold"
            )
