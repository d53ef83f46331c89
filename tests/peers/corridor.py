"""Small Gymnasium environments, registered where this module is imported: good, unkind and unseen ones."""

import time
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class Corridor(gymnasium.Env[Any, Any]):
    """Walk to the right end.

    ## Action Space
    - 0: Left
    - 1: Right (where the prize is)

    ## Rewards
    Some.
    """

    metadata = {"render_modes": []}  # noqa: RUF012

    def __init__(self, trouble: str = "") -> None:
        self.action_space = spaces.Discrete(2)
        self.observation_space = spaces.Dict({"place": spaces.Discrete(4), "air": spaces.Box(0, 1, (2,))})
        self.trouble = trouble

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.place = 0
        return self._seen(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self.trouble == "raise":
            raise ZeroDivisionError("out of order")
        if self.trouble == "hang":
            time.sleep(60)
        self.place += 1 if action == 1 else -1
        return self._seen(), -1.0, self.place in (-1, 3), False, {"is_success": self.place == 3}

    def _seen(self) -> Any:
        return {"place": max(self.place, 0), "air": np.array([0.5, 0.25], dtype=np.float32)}


class Holder(Corridor):
    """Holds something that cannot be copied."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        self.open = (n for n in range(3))
        return super().reset(seed=seed)


class Camera(Corridor):
    """Sees pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Box(0, 255, (64, 64, 3), np.uint8)

    def _seen(self) -> Any:
        return np.zeros((64, 64, 3), np.uint8)


for cls in (Corridor, Holder, Camera):
    gymnasium.register(f"test/{cls.__name__}-v0", entry_point=cls)
