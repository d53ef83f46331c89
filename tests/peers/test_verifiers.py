"""Environments for the package verifiers as ours and ours as theirs, in its own rollouts."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agentrl
from agentrl.adapters.verifiers_play import Event, Play
from agentrl.errors import ConfigError, DeadlineError, RunError
from agentrl.rollout.workers import Environments
from agentrl.settings import RolloutSettings, Settings

known = importlib.util.find_spec("verifiers")
there = known is not None and known.origin is not None  # our folder of that name is no package
needs = pytest.mark.skipif(
    not there, reason="verifiers is not installed: it comes with the extra 'verifiers'"
)

DOUBLES = '''
"""Double numbers."""

import asyncio


import verifiers.v1 as vf

__all__ = ["Doubles"]


class Data(vf.TaskData):
    answer: str


class Double(vf.Task[Data]):
    @vf.reward(weight=0.5)
    async def right(self, trace) -> float:
        if "raise" in trace.last_reply:
            raise ZeroDivisionError("out of order")
        if "hang" in trace.last_reply:
            await asyncio.sleep(60)
        return float(trace.last_reply.strip() == self.data.answer)

    @vf.metric
    async def letters(self, trace) -> float:
        return float(len(trace.last_reply))


class Doubles(vf.Taskset[Double]):
    def load(self):
        for n in range(40):
            data = Data(prompt=f"Double {n}.", system_prompt="A number.", answer=str(2 * n))
            yield Double(data, self.config.task)
'''
TALK = '''
"""Count up in turns."""

import verifiers.v1 as vf

__all__ = ["Counting", "CountingEnv"]


class Count(vf.Task[vf.TaskData]):
    pass


class Counting(vf.Taskset[Count]):
    INFINITE = True

    def load(self):
        while True:
            yield Count(vf.TaskData(prompt=None, system_prompt="Count."), self.config.task)


class CountingConfig(vf.EnvConfig):
    counter: vf.AgentConfig = vf.AgentConfig()


class CountingEnv(vf.Env[CountingConfig]):
    async def run(self, task, agents):
        said = 0
        async with agents.counter.interaction(task) as talk:
            segment = await talk.turn("1?")
            while not segment.terminated and said < 3 and segment.last_reply == str(said + 1):
                said += 1
                if said < 3:
                    segment = await talk.turn(f"{said + 1}?")
        talk.trace.record_reward("counted", said / 3)
'''
TOOLS = '''
"""Ask a tool."""

import verifiers.v1 as vf

__all__ = ["Asked"]


class Sums(vf.Toolset[vf.ToolsetConfig]):
    @vf.tool
    async def add(self, a: int, b: int) -> str:
        """Add two numbers."""
        return str(a + b)


class Sum(vf.Task[vf.TaskData]):
    @classmethod
    def toolsets(cls, config):
        return [Sums(vf.ToolsetConfig())]

    @vf.reward
    async def right(self, trace) -> float:
        return float(trace.last_reply.strip() == "5")


class Asked(vf.Taskset[Sum]):
    def load(self):
        return [Sum(vf.TaskData(prompt="2 + 3?"), self.config.task) for _ in range(20)]


if __name__ == "__main__":
    Sums.run()
'''


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    names = {"agentrl_doubles_v1": DOUBLES, "agentrl_talk_v1": TALK, "agentrl_tools_v1": TOOLS}
    for name, text in names.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # for the servers of their tools
    yield
    for name in names:
        sys.modules.pop(name, None)


@needs
def test_one_turn_is_scored_by_their_rewards_with_their_weights() -> None:
    env = agentrl.make("verifiers:agentrl-doubles-v1", solved=0.5)
    panels = [env.tasks(split) for split in ("train", "dev", "test")]
    assert [len(panel) for panel in panels] == [32, 4, 4]
    task = panels[1][1]
    observation, _ = env.reset(options={"task": task})
    assert (observation, env.instructions()) == ("Double 12.", "A number.")
    _, reward, over, _, info = env.step("24")
    assert (reward, over, info["success"], info["score"]) == (0.5, True, True, 0.5)
    assert info["metrics"] == {"letters": 2.0, "right": 1.0}
    env.reset(options={"task": task})
    _, reward, over, _, info = env.step("25")
    assert (reward, over, info["success"]) == (0.0, True, False)


@needs
def test_several_turns_are_played_one_by_one_and_cut_off_by_their_limit() -> None:
    env = agentrl.make("verifiers:agentrl-talk-v1", tasks=20)
    assert env.reset(seed=0)[0] == "1?" and env.instructions() == "Count."
    assert [env.step(said)[:3] for said in "12"] == [("2?", 0.0, False), ("3?", 0.0, False)]
    assert env.step("3")[:3] == ("", 1.0, True)
    env.reset(seed=1)
    assert env.step("7")[:3] == ("", 0.0, True)
    short = agentrl.make("verifiers:agentrl-talk-v1", tasks=20, max_turns=2)
    short.reset(seed=0)
    short.step("1")
    _, reward, over, _, _ = short.step("2")
    assert over and reward == pytest.approx(2 / 3)


@needs
@pytest.mark.parametrize(
    ("said", "kind", "why"), [("raise", RunError, "out of order"), ("hang", DeadlineError, "5 s")]
)
def test_rewards_that_raise_or_hang_end_the_episode_and_the_next_one_begins(
    said: str, kind: type[Exception], why: str
) -> None:
    env = agentrl.make("verifiers:agentrl-doubles-v1", timeout=5)
    env.reset(seed=0)
    with pytest.raises(kind, match=why):
        env.step(said)
    assert env.reset(seed=0)[0] == "Double 0."
    env.close()


@needs
def test_it_plays_in_a_worker() -> None:
    name = "verifiers:agentrl-doubles-v1"
    with Environments(Settings(name, "", {}, rollout=RolloutSettings(workers=1, deadline=60))) as worlds:
        env = worlds("train")
        env.reset(seed=0)
        assert env.step("0")[1] == 0.5


class Player:
    """Whoever answers requests of their rollout: the real client talks to a real server."""

    def __init__(self, say: Any) -> None:
        self.say = say

    def episode(self, env: Any, task: Any) -> Event:
        """Return the end of a rollout whose every request is answered by `say`."""
        play = Play(env.config, task, 60.0)
        event = play.next()
        while event.request is not None:
            play.answer({"role": "assistant", "content": self.say(event.request["messages"])})
            event = play.next()
        play.stop()
        return event


@needs
def test_ours_is_an_environment_of_theirs_whose_rollouts_are_scored() -> None:
    from agentrl.adapters.verifiers import load_environment

    env = load_environment("guess", split="dev")
    tasks = list(env.taskset.take(3))
    alone = agentrl.make("guess", split="dev")
    panel = alone.tasks("dev")
    assert [task.data.name for task in tasks] == [task.id for task in panel.tasks[:3]]
    seen: list[Any] = []

    def right(messages: Any) -> str:
        seen.append([(one["role"], one["content"]) for one in messages])
        return str(panel[1].data["answer"]) if len(messages) > 2 else "-1"

    end = Player(right).episode(env, tasks[1])
    assert (end.reward, end.metrics["score"], end.metrics["success"]) == (1.0, 1.0, 1.0)
    assert seen[0] == [("system", alone.instructions()), ("user", "Guess a number from 0 to 19.")]
    assert [role for role, _ in seen[1]] == ["system", "user", "assistant", "user"]
    assert Player(lambda _: "no").episode(env, tasks[1]).reward == 0.0
    with pytest.raises(ConfigError, match="did you mean 'guess'"):
        load_environment("gues")


@needs
def test_tools_of_theirs_are_called_by_our_agent() -> None:
    env = agentrl.make("verifiers:agentrl-tools-v1", tasks=20, timeout=300)
    assert env.reset(seed=0)[0] == "2 + 3?"
    [tool] = env.tools()
    name = tool["function"]["name"]
    assert name.endswith("add")
    call = f'<tool_call>{{"name": "{name}", "arguments": {{"a": 2, "b": 3}}}}</tool_call>'
    assert env.step(call)[:3] == ("5", 0.0, False)
    assert env.step("5")[:3] == ("", 1.0, True)


@needs
def test_wrong_names_are_answered_in_a_line() -> None:
    for name, options, why in (
        ("agentrl-nothing-v1", {}, "not found"),
        ("agentrl-doubles-v1", {"config": "{"}, "JSON"),
        ("agentrl-doubles-v1", {"config": '{"nothing": 1}'}, "nothing"),
    ):
        with pytest.raises(ConfigError) as raised:
            agentrl.make(f"verifiers:{name}", **options).reset(seed=0)
        assert why in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.skipif(there, reason="verifiers is installed")
def test_without_the_package_one_line_says_how_to_get_it() -> None:
    with pytest.raises(ConfigError, match=r"pip install 'agentrl\[verifiers\]'"):
        agentrl.make("verifiers:gsm8k")
