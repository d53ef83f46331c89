"""Every setting of a run, in groups. A field is a key on the command line: `learner.lr=1e-3`.

A group's name alone sets what it chooses: `env=webshop`, `algo=gigpo`, `model=tiny`, `rollout=hf`,
`cluster=local`.
Options of environments and algorithms are declared by themselves and join as `env.*` and `algo.*`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentrl.settings.cluster import ClusterSettings
from agentrl.settings.learner import LearnerSettings, ModelSettings, WarmSettings
from agentrl.settings.rollout import Criterion, EndpointSettings, Level, RolloutSettings
from agentrl.settings.run import Decide, Decoding, EvalSettings, RunSettings, Service

__all__ = [
    "ClusterSettings",
    "Criterion",
    "Decide",
    "Decoding",
    "EndpointSettings",
    "EvalSettings",
    "LearnerSettings",
    "Level",
    "ModelSettings",
    "RolloutSettings",
    "RunSettings",
    "Service",
    "Settings",
    "WarmSettings",
]


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration of a run."""

    env: str
    algo: str
    env_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """fields of the environment's Options, and max_turns"""
    algo_options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """fields of the algorithm"""
    reward: Mapping[str, float] = field(default_factory=dict[str, float])
    """weight of each named reward component; 1 where not named"""
    run: RunSettings = RunSettings()
    model: ModelSettings = ModelSettings()
    rollout: RolloutSettings = RolloutSettings()
    endpoint: EndpointSettings = EndpointSettings()
    learner: LearnerSettings = LearnerSettings()
    warm: WarmSettings = WarmSettings()
    eval: EvalSettings = EvalSettings()
    cluster: ClusterSettings = ClusterSettings()
