"""ALFWorld as an environment: find things in a house, treat them, bring them where they belong."""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from agentrl.env import Player, PlayerKind, Reply, Split, TextEnv
from agentrl.errors import DataError
from agentrl.rebuilt import Rebuilt
from agentrl.types import Panel, Task
from agentrl_envs.alfworld import prompts
from agentrl_envs.alfworld.engine import NOTHING, Play, State
from agentrl_envs.alfworld.notes import Notes, line
from agentrl_envs.alfworld.options import Options
from agentrl_envs.alfworld.world import World, world

_PAID: Mapping[str, tuple[float, float]] = {"1/0": (1.0, 0.0), "10/0": (10.0, 0.0), "10/0/-0.1": (10.0, -0.1)}
"""what winning earns, and a turn of no use"""


class AlfWorld(Rebuilt, TextEnv):
    """Do a household task in a room of text: find a thing, clean, heat or cool it, bring it somewhere.

    | what | value |
    |---|---|
    | actions | the game's commands to the letter, such as `go to fridge 1`, `take mug 1 from shelf 2` |
    | observations | what the game says (see `Options.view`) |
    | reward | 1 for winning, 0 for any other turn (see `Options.reward`) |
    | success | the game is won |
    | ends | terminated by winning, truncated after 50 turns |
    | random | nothing |
    | source | Shridhar et al. 2021, arXiv:2010.03768; text, commands and winning equal to TextWorld's |
    """

    name = "alfworld"
    Options = Options
    max_turns = 50
    restorable: ClassVar[Literal["exact", "replay", "no"]] = "exact"
    rebuilt: ClassVar[str] = "play"
    tiny: ClassVar[Mapping[str, Any]] = {
        "env.view": "notes",
        "env.noise": 1.0,
        "env.max_turns": 30,
        "run.iterations": 30,
        "rollout.history": 0,
        "rollout.max_context": 256,
        "warm.tasks": 1000,
        "warm.demonstrations": 2,
        # In groups that all fail the penalty is all that differs, and standardising makes it a full signal.
        "algo.invalid_penalty": 0.0,
    }
    play: Play
    """the game of the episode"""

    @property
    def world(self) -> World:
        """The games of this environment's options."""
        return world(self.options)

    def tasks(self, split: Split) -> Panel:
        """Return one task a game; `data` holds the game's id and its sort of task, `kind`."""
        return self.world.panel(split)

    def begin(self, task: Task) -> str:
        """Open the task's game."""
        self._enter(task)
        self.text = self.play.begin()
        self.notes.read(None, self.text, self.play.commands)
        return self._shown()

    def _enter(self, task: Task) -> None:
        game = task.data.get("game")
        if not isinstance(game, str):
            raise DataError(f"task {task.id}: data['game'] is {game!r}, not the id of a game")
        self.play = Play(self.world.engine(game, self.options.dialect))
        self.text = ""
        self.notes = Notes()
        self._past: tuple[tuple[str, str], ...] = ()
        self._steps = self._useless = 0

    def act(self, action: str) -> Reply:
        """Give the game a command. What is of no use changes nothing."""
        view, before = self.options.view, self.text
        command = action.strip().lower() if view == "gigpo" else action
        answer = self._done(command)
        useful = answer is not None
        self.text = NOTHING if answer is None else answer
        self._steps += 1
        self._useless += not useful
        if view == "notes":
            self.notes.read(command.strip(), self.text, self.play.commands, valid=useful)
        elif view == "gigpo" and self.options.history:
            self._past = (*self._past, (before, command))[-self.options.history :]
        won = self.play.won
        win, cost = _PAID[self.options.reward]
        return Reply(
            self._shown(),
            reward=win if won else 0.0 if useful else cost,
            success=True if won else None,
            # The published runs hold only the form of a reply against it.
            valid=useful or view == "gigpo",
        )

    def _done(self, command: str) -> str | None:
        """Return what the game answers; None where the command is of no use."""
        answer = self.play.do(command)
        if answer is None and self.options.dialect == "0.3" and command.strip().startswith("move "):
            thing, _, place = command.strip().removeprefix("move ").partition(" to ")
            return self.play.do(f"put {thing} in/on {place}")
        return answer

    def _shown(self) -> str:
        """Return the present observation in the view asked for."""
        match self.options.view:
            case "notes":
                return line(self.notes, self.play.engine.room.game.goal)
            case "gigpo" if self._steps and self.options.history:
                return prompts.later(self.goal(), self._steps, self._past, self.text, self.admissible())
            case "gigpo":
                return prompts.first(self.text, self.admissible())
        return self.text

    def goal(self) -> str:
        """Return the task in words."""
        return self.play.engine.room.game.text

    def admissible(self) -> list[str]:
        """Return every command of use now, sorted; in views made for policies without `help`."""
        listed = self.play.admissible()
        return listed if self.options.view == "text" else [word for word in listed if word != "help"]

    def state_key(self) -> str:
        """Return a name of the game's state, or of its last text where `Options.anchor` says so.

        Edge: texts are fewer than states: "Nothing happens." is one text of many states.
        """
        anchor = self.text if self.options.anchor == "observation" else repr(tuple(self.play.state))
        return hashlib.blake2b(anchor.encode(errors="replace"), digest_size=12).hexdigest()

    def metrics(self) -> Mapping[str, float]:
        """Return how many commands were of no use."""
        return {"useless": float(self._useless)}

    def instructions(self) -> str:
        """Return the rules and the form of actions."""
        lay = "put <thing> in/on <place>" if self.options.dialect == "0.3" else "move <thing> to <place>"
        return (
            "You are in a house and have a task: find a thing, do to it what the task says, bring it where"
            " the task says. Places and things have names with numbers, such as drawer 2. Each turn you give"
            " one command: go to <place>, open <place>, close <place>, examine <place or thing>, take <thing>"
            f" from <place>, {lay}, clean <thing> with <place>, heat <thing> with <place>, cool <thing> with"
            " <place>, use <thing>, slice <thing> with <thing>, look, inventory. You can hold one thing."
            " Clean at a sinkbasin, heat with a microwave, cool with a fridge. What lies in a closed place is"
            " seen only once it is open."
        )

    def player(self, kind: PlayerKind, seed: int) -> Player:
        """Return the expert, who sees everything, or the demonstrator, who explores (see `Options.noise`)."""
        if kind not in ("expert", "demonstrator"):
            return super().player(kind, seed)
        if kind == "expert":
            from agentrl_envs.alfworld.oracle import next_command

            return lambda observation: next_command(self.play)
        from agentrl_envs.alfworld.explorer import Explorer

        explorer = Explorer(self.play.engine.room.game.goal, self.options.noise, seed)
        return lambda observation: explorer.next(self.text, self.play.admissible())

    def save(self) -> Any:
        """Return the game's state and what the view remembers."""
        notes = self.notes.saved() if self.options.view == "notes" else None
        return tuple(self.play.state), self.text, self._past, self._steps, self._useless, notes

    def load(self, state: tuple[Any, ...]) -> None:
        """Return to a saved moment of the current task."""
        assert self.task is not None
        self._enter(self.task)
        reached, self.text, self._past, self._steps, self._useless, notes = state
        self.play.load(State(*reached))
        if notes is not None:
            self.notes.load(notes)
