"""A tiny OpenEnv environment and its server: `python -m tests.peers.openenv_game PORT`."""

import sys
import time
from typing import Any

import uvicorn
from openenv.core.env_server import Action, Environment, Observation, State, create_fastapi_app


class Say(Action):
    """A number to add, or trouble to make."""

    number: int
    trouble: str = ""


class Seen(Observation):
    """The sum so far."""

    total: int
    wanted: int


class Sums(Environment[Say, Seen, State]):
    """Add numbers up to the one that is wanted."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def reset(self, seed: int | None = None, episode_id: str | None = None, **_: Any) -> Seen:
        self.total, self.wanted = 0, 5 + (seed or 0) % 5
        return Seen(total=0, wanted=self.wanted)

    def step(self, action: Say, timeout_s: float | None = None, **_: Any) -> Seen:
        if action.trouble == "raise":
            raise ZeroDivisionError("out of order")
        if action.trouble == "hang":
            time.sleep(30)
        self.total += action.number
        over = self.total >= self.wanted
        return Seen(total=self.total, wanted=self.wanted, done=over, reward=float(self.total == self.wanted))

    @property
    def state(self) -> State:
        return State()


if __name__ == "__main__":
    if sys.argv[2:]:
        from agentrl.adapters.openenv_server import app as served

        app = served(sys.argv[2])
    else:
        app = create_fastapi_app(Sums, Say, Seen, max_concurrent_envs=8)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
