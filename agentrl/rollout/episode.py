"""One episode while it is played: its environment, its dialogue, its turns, and how it ends."""

import hashlib
import time
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agentrl.env import TextEnv
from agentrl.errors import ChildError, DeadlineError
from agentrl.rollout.actors import Ask
from agentrl.rollout.chat import Chat, Dialogue, Parsed, Prompt
from agentrl.types import Outcome, Request, Sample, Sampling, Task, Trajectory, Turn, ids32


@dataclass(frozen=True, slots=True)
class Moment:
    """A state of an episode that can be returned to, before its turn number `len(turns)`."""

    world: bytes
    """the environment's snapshot"""
    dialogue: Dialogue
    turns: tuple[Turn, ...]
    score: float
    """as last reported"""


@dataclass(frozen=True, slots=True)
class Start:
    """An episode to play."""

    task: Task
    group: str
    sample: int
    """number inside the group"""
    number: int
    """names the task in random streams"""
    moment: Moment | None = None
    """go on from here; none: from the beginning"""


@dataclass(frozen=True, slots=True)
class Rules:
    """What all episodes of a collection share."""

    chat: Chat
    seed: int
    weights: Mapping[str, float]
    """of the reward components in a return; 1 where not named"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an environment did: set a scene, or answered an action."""

    observation: str = ""
    info: Mapping[str, Any] = field(default_factory=dict[str, Any])
    terminated: bool = False
    truncated: bool = False
    seconds: float = 0.0
    failure: Exception | SystemExit | None = None
    """what it raised; then nothing else is said"""
    goal: str = ""
    """of a scene that was set"""
    rules: str = ""
    """of a scene that was set"""
    tools: Sequence[Mapping[str, Any]] = ()
    """that replies may call, of a scene that was set"""


class _Said(NamedTuple):
    """A reply on its way to the environment."""

    parsed: Parsed
    sample: Sample
    sampling: Sampling


class Episode:
    """An episode in play. `over` is None until it has ended; whatever its environment raises ends it."""

    def __init__(self, start: Start, place: int, env: TextEnv, rules: Rules) -> None:
        self.start = start
        self.place = place
        self.env = env
        self.over: Trajectory | None = None
        self.broken = False
        """the environment raised and must not be used again"""
        self.moments: list[Moment] = []
        self._rules = rules
        self._turns: list[Turn] = list(start.moment.turns) if start.moment else []
        self._score = start.moment.score if start.moment else 0.0
        self._observation = ""
        self._info: Mapping[str, Any] = {}
        self._prompt: Prompt | None = None
        self._seen: list[bytes] = []
        """digests of what went to and came from the sampler, turn by turn"""

    @property
    def trajectory(self) -> Trajectory:
        """The finished episode."""
        assert self.over is not None
        return self.over

    def opening(self) -> "Answer":
        """Return how it begins, or the moment returned to. Touches the environment only, in any thread."""
        moment, begun = self.start.moment, time.perf_counter()
        try:
            if moment is None:
                observation, info = self.env.reset(options={"task": self.start.task})
                goal, rules, tools = self.env.goal(), self.env.instructions(), self.env.tools()
            else:
                observation, info = self.env.restore(moment.world)
                goal, rules, tools = "", "", []
        except (Exception, SystemExit) as why:  # whoever plays in our process may not end it
            return Answer(failure=why)
        seconds = time.perf_counter() - begun
        return Answer(observation, info, seconds=seconds, goal=goal, rules=rules, tools=tools)

    def opened(self, answer: "Answer") -> None:
        """Take in how it began."""
        if answer.failure is not None:
            self._fail(answer.failure)
            return
        moment = self.start.moment
        self._observation, self._info = answer.observation, answer.info
        self._dialogue = (
            moment.dialogue.copied()
            if moment
            else self._rules.chat.opened(answer.goal, answer.rules, answer.tools)
        )

    @property
    def turns(self) -> Sequence[Turn]:
        """The turns so far, those before its start included."""
        return self._turns

    @property
    def action(self) -> str:
        """What the environment is given, as it was said last."""
        return self._said.parsed.action

    def returning(self) -> "Answer":
        """Return what `answering` does, once the environment is back where the episode starts from."""
        back = self.opening()
        return back if back.failure is not None else self.answering()

    def remember(self) -> None:
        """Keep the present moment."""
        try:
            world = self.env.snapshot()
        except Exception as why:
            self._fail(why)
            return
        self.moments.append(Moment(world, self._dialogue.copied(), tuple(self._turns), self._score))

    def ask(self, room: int) -> Ask | None:
        """Return the next decision wanted; None where the context is full, which ends the episode."""
        chat = self._rules.chat
        admissible = self._info.get("admissible")
        self._prompt = self._dialogue.prompt(self._observation, admissible, room)
        if self._prompt is None:
            reason = f"prompt and reply ({room} tokens) exceed max_context={chat.form.max_context}"
            self._end("token_limit", reason, truncated=True)
            return None
        key = (self._rules.seed, self.start.number, self.start.sample, len(self._turns))
        # Only a growing conversation is worth a cache.
        session = self.place if chat.form.mode == "transcript" else -1
        request = Request(self._prompt.context, key, session, self._info.get("structure"))
        return Ask(self.place, request, self._observation, admissible, self.env, chat)

    def again(self, start: Start) -> "Episode":
        """Return an episode in the same state that was asked the same, for another reply."""
        twin = Episode(start, self.place, self.env, self._rules)
        twin._dialogue, twin._prompt = self._dialogue.copied(), self._prompt
        twin._observation, twin._info = self._observation, self._info
        return twin

    def read(self, ask: Ask, sample: Sample, sampling: Sampling) -> None:
        """Take in the reply: what it says is the next action."""
        assert self._prompt is not None
        self._seen.append(_digest(ask.request.prompt, sample.ids))
        self._said = _Said(self._dialogue.answered(self._observation, sample), sample, sampling)

    def answering(self) -> "Answer":
        """Return what the environment makes of the action. Touches the environment only, in any thread."""
        begun = time.perf_counter()
        try:
            observation, _, terminated, truncated, info = self.env.step(self._said.parsed.action)
        except (Exception, SystemExit) as why:  # whoever plays in our process may not end it
            return Answer(failure=why, seconds=time.perf_counter() - begun)
        return Answer(observation, info, terminated, truncated, seconds=time.perf_counter() - begun)

    def answered(self, answer: "Answer") -> None:
        """Record the turn."""
        self._turns.append(self._turn(answer))
        if answer.failure is not None:
            self._fail(answer.failure)
            return
        info = answer.info
        if not info["valid"]:
            self._dialogue.refused()
        self._observation, self._info, self._score = answer.observation, info, float(info["score"])
        if answer.terminated:
            self._end(
                "success" if info["success"] else "failure", terminated=True, success=bool(info["success"])
            )
        elif answer.truncated:
            self._end("turn_limit", truncated=True)

    def abandon(self, reason: str) -> None:
        """End an episode between two turns that nobody wants to see ended."""
        self._end("abandoned", reason, truncated=True)

    def _turn(self, answer: "Answer") -> Turn:
        assert self._prompt is not None
        parsed, sample, info = self._said.parsed, self._said.sample, answer.info
        return Turn(
            observation=self._observation,
            prompt_ids=self._prompt.added,
            action_ids=sample.ids,
            logprobs=sample.logprobs,
            text=parsed.text,
            action=parsed.action,
            rewards=dict(info.get("rewards", {})),
            state_key=str(self._info.get("state_key", "")),
            fresh=self._prompt.fresh,
            format_valid=parsed.valid,
            admissible=bool(info.get("valid", False)),
            versions=((sample.version, len(sample.ids)),),
            sampling=self._said.sampling,
            calls=tuple(info.get("calls", ())),
            seconds=answer.seconds,
        )

    def _fail(self, why: Exception | SystemExit) -> None:
        self.broken = True
        text = " ".join(str(why).split())
        # What comes from a worker says by itself what happened there.
        named = f"{type(why).__name__}: {text}" if text else type(why).__name__
        outcome: Outcome = "deadline" if isinstance(why, DeadlineError) else "environment_error"
        self._end(outcome, text if isinstance(why, ChildError) else named)

    def _end(
        self,
        outcome: Outcome,
        reason: str = "",
        *,
        terminated: bool = False,
        truncated: bool = False,
        success: bool = False,
    ) -> None:
        metrics = {} if self.broken else dict(self._info.get("metrics", {}))
        metrics["token_violations"] = float(self.violations())
        ret = sum(
            self._rules.weights.get(name, 1.0) * value
            for turn in self._turns
            for name, value in turn.rewards.items()
        )
        self.over = Trajectory(
            task=self.start.task,
            group=self.start.group,
            sample=self.start.sample,
            turns=tuple(self._turns),
            outcome=outcome,
            reason=reason,
            terminated=terminated,
            truncated=truncated,
            ret=float(ret),
            score=self._score,
            success=success,
            metrics=metrics,
            seed=self._rules.seed,
            final_state=None if self.broken else self._info.get("final_state"),
        )

    def violations(self) -> int:
        """Return how many turns, put together as a learner will, are not what the sampler saw and said."""
        rebuilt = _contexts(self._turns)[len(self._turns) - len(self._seen) :]
        return sum(a != b for a, b in zip(self._seen, rebuilt, strict=True))


def _contexts(turns: Sequence[Turn]) -> list[bytes]:
    """Return the digest of each turn's context and reply, from the turns alone."""
    found: list[bytes] = []
    context = ids32()
    for turn in turns:
        context = turn.prompt_ids[:] if turn.fresh else context + turn.prompt_ids
        found.append(_digest(context, turn.action_ids))
        context = context + turn.action_ids
    return found


def _digest(context: "array[int]", reply: "array[int]") -> bytes:
    digest = hashlib.blake2b(context.tobytes(), digest_size=16)
    digest.update(len(context).to_bytes(8, "little") + reply.tobytes())
    return digest.digest()
