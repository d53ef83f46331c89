"""The contract of an environment: fill in `begin` and `act`, get a Gymnasium environment.

`TextEnv` keeps the turn limit, the random generator, invalid actions, the five-tuple, snapshots by replay
and the state key; an environment adds what is its own. See `envs/agentrl_envs/guess.py` for a whole one.
"""

import hashlib
import pickle
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

import gymnasium

from agentrl.charset import texts
from agentrl.errors import ConfigError, EpisodeError, InvalidAction, nearest
from agentrl.players import Player as Player
from agentrl.players import PlayerKind as PlayerKind
from agentrl.types import Panel, Structure, Task

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the world answers to one action."""

    text: str
    """what the agent reads next"""
    reward: float = 0.0
    """reward of this turn alone"""
    success: bool | None = None
    """True: solved, the episode ends. False: failed, it ends. None: it goes on unless `done`"""
    done: bool = False
    """the episode ends without being solved"""
    score: float | None = None
    """episode score in [0, 1] as reports show it; None: 1 on success, else 0"""
    valid: bool = True
    """False: the action was understood to be of no use here"""
    rewards: Mapping[str, float] = field(default_factory=dict[str, float])
    """further named components beside `task` (= reward)"""
    calls: tuple[Mapping[str, Any], ...] = ()
    """tool calls made"""


@dataclass(frozen=True, slots=True)
class NoOptions:
    """An environment without options."""


class TextEnv(gymnasium.Env[str, str]):
    """A text world. Write `begin` and `act`; everything else has a default."""

    name: ClassVar[str] = ""
    """as registered; the `@env` decorator sets it"""
    Options: ClassVar[type[Any]] = NoOptions
    """a frozen dataclass; its fields are the keys `env.<field>=`"""
    max_turns: int = 20
    max_action_chars: ClassVar[int] = 4096
    """longer actions are refused unread: whoever writes them is not acting"""
    restorable: ClassVar[Literal["exact", "replay", "no"]] = "replay"
    tiny: ClassVar[Mapping[str, Any]] = {}
    """settings that suit the embedded tiny model, by dotted key; used with model=tiny unless the user says"""
    references: ClassVar[tuple[PlayerKind, ...]] = ("random", "expert")
    """players that a benchmark sets beside models; one that `player` refuses is left out"""
    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["ansi"]}  # type: ignore[misc]
    panel_sizes: ClassVar[Mapping[str, int]] = {"train": 200, "dev": 50, "test": 100}
    """for the default `tasks`"""

    def __init__(self, split: Split = "train", *, max_turns: int | None = None, **options: Any) -> None:
        if split not in SPLITS:
            raise ConfigError(
                f"split={split!r} is not one of {', '.join(SPLITS)}{nearest(str(split), SPLITS)}"
            )
        if options.pop("render_mode", None) not in (None, "ansi"):
            raise ConfigError(f"env '{self.name}' is text: the only render_mode is 'ansi'")
        known = [f.name for f in fields(self.Options)]
        for key in options:
            if key not in known:
                raise ConfigError(
                    f"env '{self.name}' has no option '{key}'{nearest(key, known)}"
                    f" (it has: {', '.join(known) or 'none'})"
                )
        self.options = self.Options(**options)
        self.split: Split = split
        if max_turns is not None:
            if max_turns < 1:
                raise ConfigError(f"max_turns={max_turns}: must be at least 1")
            self.max_turns = max_turns
        self.render_mode = "ansi"
        self.action_space, self.observation_space = texts(), texts()
        self.task: Task | None = None
        self.rng = random.Random(0)
        self._panel: Panel | None = None
        self._turn = 0
        self._over = True
        self._observation = ""
        self._actions: list[str] = []
        self._digests: list[str] = []

    # What an environment fills in.

    def begin(self, task: Task) -> str:
        """Set the scene for `task` and return the first observation. `self.rng` is seeded from the task."""
        raise NotImplementedError(f"{type(self).__name__} must define begin(task)")

    def act(self, action: str) -> Reply:
        """Do `action` and return what happens. Raise InvalidAction for what cannot be understood."""
        raise NotImplementedError(f"{type(self).__name__} must define act(action)")

    # What it may fill in.

    def tasks(self, split: Split) -> Panel:
        """Return the ordered panel of a split. Default: numbered tasks whose seeds no two splits share."""
        start = SPLITS.index(split) * 1_000_000
        made = (Task(f"{self.name}-{split}-{i}", split, start + i) for i in range(self.panel_sizes[split]))
        return Panel(f"{self.name}/{split}", tuple(made))

    def instructions(self) -> str:
        """Return what an agent must know before its first observation: the rules and the form of actions."""
        return " ".join((type(self).__doc__ or "").split())

    def goal(self) -> str:
        """Return the task in words, where it can be said apart from the observation; else an empty string."""
        return ""

    def tools(self) -> list[dict[str, Any]]:
        """Return the tools that replies may call, as JSON schemas in the form that chat templates take."""
        return []

    def admissible(self) -> list[str] | None:
        """Return every action that is of use now, or None where they cannot be listed."""
        return None

    def structure(self) -> Structure | None:
        """Return the only form that the next reply may have, for samplers that can enforce it; None: any."""
        return None

    def state_key(self) -> str:
        """Return a name of the current state. Override where different states read the same."""
        return self._digest()

    def player(self, kind: PlayerKind, seed: int) -> Player:
        """Return a scripted player of the episode that has just begun.

        Edge: `random` works wherever `admissible` lists actions; other kinds raise ConfigError by default.
        """
        if kind != "random":
            raise ConfigError(f"env '{self.name}' has no {kind}")
        self._drawn(random.Random(seed))  # refuses at once where nothing can be drawn
        dice = random.Random(seed)
        return lambda observation: self._drawn(dice)

    def _drawn(self, dice: random.Random) -> str:
        options = self.admissible()
        if not options:
            raise ConfigError(f"env '{self.name}' lists no actions, so nothing can be drawn at random")
        return dice.choice(options)

    def metrics(self) -> Mapping[str, float]:
        """Return figures of the episode for the logs; `strict`, 0 to 1: a stricter check than the reward."""
        return {}

    def final_state(self) -> Any:
        """Return what the world was left in, as JSON values, for verifiers of finished episodes."""
        return None

    def save(self) -> Any:
        """Return the episode's own state as plain data, for exact snapshots (`restorable = "exact"`)."""
        raise EpisodeError(f"{type(self).__name__} is restorable='exact' but defines no save()")

    def load(self, state: Any) -> None:
        """Take back what `save` returned."""
        raise EpisodeError(f"{type(self).__name__} is restorable='exact' but defines no load()")

    # What Gymnasium and the suite call.

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Begin an episode: of `options["task"]`, or of the split's task number `seed` (modulo its size).

        Without either, the task is drawn from Gymnasium's own generator.
        """
        super().reset(seed=seed)
        task = (options or {}).get("task")
        if task is None:
            if self._panel is None:
                self._panel = self.tasks(self.split)
            index = int(self.np_random.integers(len(self._panel))) if seed is None else seed
            task = self._panel[index % len(self._panel)]
        return self._start(task)

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        self.task = task
        self.rng = random.Random(f"{self.name}/{task.seed}")
        self._turn, self._over, self._actions, self._digests = 0, False, [], []
        self._observation = self.begin(task)
        return self._observation, self._info()

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Do one action; return observation, reward, terminated, truncated, info.

        Errors: EpisodeError after the end. An action that is not text, too long or not understood is
                answered in words and counted as invalid.
        """
        if self._over:
            raise EpisodeError(f"{type(self).__name__}.step: a finished episode takes no more; call reset()")
        reply = self._reply(action)
        self._turn += 1
        terminated = reply.success is not None or reply.done
        truncated = not terminated and self._turn >= self.max_turns
        self._over = terminated or truncated
        self._actions.append(action if isinstance(action, str) else "")
        self._observation = reply.text
        self._digests.append(self._digest())
        info = self._info()
        success = reply.success is True
        score = reply.score if reply.score is not None else float(success)
        info.update(
            valid=reply.valid,
            success=success,
            score=score,
            calls=reply.calls,
            rewards={"task": float(reply.reward), **reply.rewards},
        )
        if terminated or truncated:
            info.update(metrics=dict(self.metrics()), final_state=self.final_state())
        return reply.text, float(reply.reward), terminated, truncated, info

    def _reply(self, action: str) -> Reply:
        if not isinstance(action, str):
            return Reply(f"{self._observation}", valid=False)
        if len(action) > self.max_action_chars:
            return Reply(f"Your action is longer than {self.max_action_chars} characters.", valid=False)
        try:
            return self.act(action)
        except InvalidAction as why:
            return Reply(str(why), valid=False)

    def _info(self) -> dict[str, Any]:
        assert self.task is not None
        return {
            "task": self.task.id,
            "state_key": self.state_key(),
            "turn": self._turn,
            "admissible": None if self._over else self.admissible(),
            "structure": None if self._over else self.structure(),
            "valid": True,
        }

    def render(self) -> str:
        """Return the current observation."""
        return self._observation

    def _digest(self) -> str:
        return hashlib.blake2b(self._observation.encode(errors="replace"), digest_size=12).hexdigest()

    def snapshot(self) -> bytes:
        """Return the episode as bytes that `restore` takes, in this or another process.

        Errors: EpisodeError before the first reset, or where `restorable` is "no".
        """
        if self.task is None:
            raise EpisodeError(f"{type(self).__name__}.snapshot was called before reset()")
        if self.restorable == "no":
            raise EpisodeError(f"env '{self.name}' cannot be restored (restorable='no')")
        own = self.save() if self.restorable == "exact" else None
        rng = self.rng.getstate() if self.restorable == "exact" else None
        return pickle.dumps(
            (self.task, self._turn, self._over, self._observation, self._actions, self._digests, own, rng),
            protocol=5,
        )

    def restore(self, snapshot: bytes) -> tuple[str, dict[str, Any]]:
        """Return to a snapshot; return its observation and info.

        Edge:   a "replay" environment plays the actions again and compares what it reads.
        Errors: EpisodeError where the replay reads differently.
        """
        task, turn, over, observation, actions, digests, own, rng = pickle.loads(snapshot)
        if self.restorable == "no":
            raise EpisodeError(f"env '{self.name}' cannot be restored (restorable='no')")
        if self.restorable == "exact":
            self.task, self._turn, self._over, self._observation = task, turn, over, observation
            self._actions, self._digests = list(actions), list(digests)
            self.rng.setstate(rng)
            self.load(own)
            return self._observation, self._info()
        self._start(task)
        for number, (action, digest) in enumerate(zip(actions, digests, strict=True)):
            self.step(action)
            if self._digests[number] != digest:
                raise EpisodeError(
                    f"env '{self.name}' did not replay: turn {number + 1} of task {task.id} reads"
                    " differently. It depends on something beside task and actions"
                )
        return self._observation, self._info()
