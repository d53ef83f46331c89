"""What can be set about an ALFWorld environment."""

from dataclasses import dataclass
from typing import Literal

from agentrl.errors import ConfigError
from agentrl.values import check_choices

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `env=alfworld`, each a key `env.<name>=`."""

    data: str | None = None
    """folder of the original games (json_2.1.1), of packed archives, or one file; `generated`: games of our
    own; none: $ALFWORLD_DATA where that is set, else generated"""
    difficulty: float = 0.5
    """of generated games: 0 few things in their likeliest places, 0.5 about as in the original, 1 many things
    in any place that holds them"""
    train: str = AUTO
    """split of the data to learn from; auto: train"""
    dev: str = AUTO
    """split of the data to tune on; auto: valid_train, else every tenth training game"""
    test: str = AUTO
    """split of the data to measure on; auto: valid_seen, valid_unseen, else every tenth training game"""
    view: Literal["text", "gigpo", "notes"] = "text"
    """text: what the game says; gigpo: whole prompts as in the published GiGPO runs (add
    rollout.style=whole); notes: one line of what was seen so far, for small models"""
    dialect: Literal["auto", "0.4", "0.3"] = "auto"
    """edition whose words commands have: `move X to Y`, or the older `put X in/on Y`; auto: the game's own"""
    reward: Literal["1/0", "10/0", "10/0/-0.1"] = "1/0"
    """for winning / any other turn / a turn of no use; published GiGPO runs pay 10/0 and
    take algo.invalid_penalty=0.1"""
    anchor: Literal["state_key", "observation"] = "state_key"
    """what GiGPO takes for the same state: equal states, or (as published) equal texts of the game, which
    different states share: `agentrl check` says so"""
    history: int = 2
    """gigpo view: earlier turns shown"""
    noise: float = 0.0
    """how far the demonstrator strays: 0 explores well, 1 has every bad habit"""

    def __post_init__(self) -> None:
        check_choices(self, "env")
        if self.history < 0:
            raise ConfigError(f"env.history={self.history}: must be at least 0")
        for name in ("difficulty", "noise"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ConfigError(f"env.{name}={value:g}: must be from 0 to 1")
