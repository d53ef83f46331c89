"""Any endpoint as the policy: a real server over HTTP, in good days and bad ones."""

import asyncio
import importlib
import json
import logging
import re
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import agentrl
from agentrl.cli import main
from agentrl.config import parse, to_toml
from agentrl.errors import ConfigError, RunError
from agentrl.rollout.purse import Pace, Purse
from agentrl.settings import EndpointSettings
from agentrl.trajectories import dump
from agentrl.trajectories import parse as read
from tests.agentrl.installed import install_ourselves
from tests.agentrl.rollout.serving import Serving, bisecting, completion, modelled, serving

SECRET = "sk-a-key-that-nobody-may-see"
GUESS = ("env=guess", "rollout=openai", "model=bisector", "eval.test=6")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path / "site", monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.chdir(tmp_path)


def evaluated(server: Serving, *words: str) -> int:
    usual = (*GUESS, f"rollout.server={server.url}", "endpoint.pause=0.01")
    given = {word.partition("=")[0]: word for word in (*usual, *words)}
    return main(["eval", *given.values()])


def test_an_endpoint_is_evaluated_like_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(bisecting) as server:
        assert evaluated(server, "eval.decodings=greedy,1.0") == 0
    told = capsys.readouterr().out
    assert re.search(r"greedy +100.0 %", told) and re.search(r"1.0 +100.0 %", told)
    count = len(server.bodies)
    assert f"{count} requests (0 again), 0 answers kept from before, {100 * count:,} tokens read" in told
    one, other = server.bodies[0], server.bodies[-1]
    assert (one["model"], one["max_tokens"], one["temperature"]) == ("bisector", 512, 0.0)
    assert "temperature" not in other and "seed" in other and "tools" not in one
    assert [message["role"] for message in one["messages"]] == ["system", "user"]


def test_a_model_behind_a_server_is_measured_without_being_here() -> None:
    """Its tokens are its own: nothing of it is known but what it says."""
    with serving(modelled()) as server:
        words = ("eval.test=2", "rollout.max_tokens=8", "style=plain", "env.max_turns=2")
        sampled = "eval.decodings=1.0"
        assert evaluated(server, *words, sampled, "out=one") == 0
        assert evaluated(server, *words, sampled, "out=two") == 0
        bodies = server.bodies
        assert evaluated(server, *words, sampled, "out=three", "seed=1") == 0
    half = len(bodies) // 3
    assert half and [b["seed"] for b in bodies[:half]] != [b["seed"] for b in bodies[-half:]]
    one, two = (Path(name, "answers.jsonl").read_text().splitlines() for name in ("one", "two"))
    assert sorted(one) == sorted(two), "equal seeds draw equal answers"


TROUBLES = ["429 0", "503", "garbage", "deep", "odd", "flood", "cut", "429", "500 nonsense", "408"]


@pytest.mark.parametrize("mode", ["window", "transcript"])
def test_what_an_endpoint_said_is_collected_and_written_as_messages(mode: str) -> None:
    with serving(bisecting) as server:
        words = (*GUESS, f"rollout.server={server.url}", f"rollout.mode={mode}", "per_task=1", "split=dev")
        assert main(["collect", *words, "out=said.jsonl.gz"]) == 0
    assert main(["export", "said.jsonl.gz", "format=messages", "out=said.jsonl"]) == 0
    rows = [json.loads(line)["messages"] for line in Path("said.jsonl").read_text().splitlines()]
    assert rows
    for row in rows:
        assert row[-1]["role"] == "assistant" and "<action>" in row[-1]["content"]
        assert {"user", "assistant"} <= {message["role"] for message in row}


def test_what_passes_is_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(bisecting) as server:
        server.troubles += TROUBLES
        assert evaluated(server) == 0
    told = capsys.readouterr().out
    assert re.search(r"greedy +100.0 %", told) and f"({len(TROUBLES)} again)" in told


@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_a_late_answer_is_given_up_and_asked_for_again(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(bisecting) as server:
        server.troubles += [kind, kind]
        assert evaluated(server, "endpoint.patience=1") == 0
    told = capsys.readouterr().out
    assert re.search(r"greedy +100.0 %", told) and "(2 again)" in told


def test_an_endpoint_that_stays_away_ends_the_command_which_then_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(bisecting) as server:
        assert evaluated(server, "eval.test=2") == 0
        paid = len(server.bodies)
        server.troubles += ["500"] * 100
        assert evaluated(server, "endpoint.retries=2") == 2
        said = capsys.readouterr().err
        assert "did not answer in 3 tries: status 500" in said and "the same command goes on" in said
        del server.troubles[:]
        before = len(server.bodies)
        assert evaluated(server) == 0
    told = capsys.readouterr().out
    kept = int(re.findall(r"(\d+) answers kept", told)[-1])
    assert kept == paid and len(server.bodies) > before


def test_nothing_is_paid_for_twice(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(bisecting) as server:
        assert evaluated(server, "endpoint.most_requests=5") == 2
        said = capsys.readouterr().err
        assert "endpoint.most_requests=5 does not allow for another request" in said
        assert len(server.bodies) == 5
        assert evaluated(server) == 0
        whole = len(server.bodies)
        kept = Path("runs/openai/answers.jsonl")
        assert len(kept.read_text().splitlines()) == whole
        with kept.open("a") as file:  # as a kill leaves it
            file.write('{"name": "torn')
        assert evaluated(server) == 0
        assert evaluated(server, "eval.decodings=1.0") == 0
        assert len(server.bodies) > whole
        told = capsys.readouterr().out
        assert f" 0 requests (0 again), {whole} answers kept" in told


def test_the_key_is_sent_and_nowhere_else(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(bisecting) as server:
        server.troubles += ["400", "500"]
        assert evaluated(server, "out=run", "endpoint.retries=1") == 0
        server.troubles += ["401"]
        assert evaluated(server, "out=other") == 2
    assert set(server.keys) == {f"Bearer {SECRET}"}
    said = capsys.readouterr()
    assert "says status 401: bad key Bearer [key]" in said.err and "\x1b" not in said.err
    settings = to_toml(parse([*GUESS, f"rollout.server={server.url}"], algo="gigpo"))
    written = [path.read_text() for path in Path().rglob("*") if path.is_file()]
    assert SECRET not in "".join([said.out, said.err, caplog.text, settings, *written])
    with pytest.raises(ConfigError, match="keys belong in the environment"):
        parse([*GUESS, "rollout.server=https://me:mine@host/v1"], algo="gigpo")


def test_a_request_that_is_refused_is_silence_and_many_end_the_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(bisecting) as server:
        server.troubles += ["400", "413"]
        assert evaluated(server) == 0
        told = capsys.readouterr().out
        assert "2 refused" in told and "% invalid" in told and " 0.0 % invalid" not in told
        server.troubles += ["400"] * 100
        assert evaluated(server, "seed=9", "eval.decodings=1.0") == 2
    assert "refuses most requests, status 400" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("after", "what"), [("9999", "left alone for 9999 s"), ("Fri, 31 Dec 2100 23:59:59 GMT", "s")]
)
def test_a_long_rest_is_not_waited_for(after: str, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(bisecting) as server:
        server.troubles += [f"429 {after}"]
        assert evaluated(server) == 2
    assert what in capsys.readouterr().err


def test_as_many_are_asked_at_once_as_episodes_are_in_play() -> None:
    """Nobody is answered before four are there, and never are five."""
    meeting, inside, most = threading.Barrier(4), [0], [0]
    lock = threading.Lock()

    def meet(body: dict[str, Any]) -> Any:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        meeting.wait(30)
        with lock:
            inside[0] -= 1
        return completion({"content": "<think></think><action>1</action>"})

    with serving(meet) as server:
        assert evaluated(server, "rollout.parallel=4", "eval.test=8", "env.max_turns=1") == 0
    assert most == [4]


class Calculating:
    """An endpoint with native tool calls, for the sums of `bench`."""

    def __init__(self, arguments: str = '{"a": 2, "b": 3}') -> None:
        self.arguments = arguments

    def __call__(self, body: dict[str, Any]) -> Any:
        last = body["messages"][-1]
        if last["role"] == "user" and "tool_response" not in last["content"]:
            assert "add" in [tool["function"]["name"] for tool in body["tools"]]
            calls = [
                {"id": "x", "type": "function", "function": {"name": "add", "arguments": self.arguments}}
            ]
            return completion({"content": None, "tool_calls": calls}, "tool_calls")
        return completion({"content": "5"})


BENCH = f"{Path(__file__).parents[1] / 'examples_tools.py'}:Bench"


def played(server: Serving, **more: Any) -> Any:
    how = {"rollout.server": server.url, "rollout.style": "tools", "rollout.mode": "transcript", **more}
    return agentrl.rollout(BENCH, "any", tasks=2, rollout="openai", **how)


def test_tools_are_offered_called_and_answered_in_the_endpoints_own_form() -> None:
    with serving(Calculating()) as server:
        episodes = played(server)
    for episode in episodes:
        assert episode.success and [turn.action for turn in episode.turns][1] == "5"
        assert episode.turns[0].calls[0]["name"] == "add" and episode.turns[0].calls[0]["status"] == "ok"
        assert read(dump(episode)).turns[0].text == episode.turns[0].text
    said = next(body["messages"] for body in server.bodies if len(body["messages"]) > 3)
    assert said[-2]["tool_calls"][0]["function"]["name"] == "add"
    assert (said[-1]["role"], said[-1]["content"]) == ("tool", "5")
    assert said[-1]["tool_call_id"] == said[-2]["tool_calls"][0]["id"]


@pytest.mark.parametrize(
    "arguments", ["{broken", '"text"', '{"a": NaN}', "[" * 3000, '{"c": "</tool_call>"}']
)
def test_calls_that_are_none_are_answered_in_words(arguments: str) -> None:
    with serving(Calculating(arguments)) as server:
        [episode, _] = played(server)
    assert episode.success and [call["status"] == "ok" for call in episode.turns[0].calls] == [False]


def test_a_reply_of_any_length_is_cut() -> None:
    with serving(lambda _: completion({"content": "word " * 200_000})) as server:
        [episode, _] = played(server, **{"rollout.max_tokens": 16})
    assert len(episode.turns[0].text) == 16 * 32 and not episode.turns[0].format_valid


def test_tokens_that_are_not_told_are_estimated(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda body: {**bisecting(body), "usage": {"prompt_tokens": "many"}}) as server:
        assert evaluated(server) == 0
    told = capsys.readouterr().out
    assert f"({len(server.bodies)} answers estimated)" in told and " 0 tokens read" not in told


WRONG: list[tuple[list[str], str]] = [
    (["model=tiny"], "needs model=NAME"),
    (["rollout.server=none"], r"needs rollout\.server="),
    (["rollout.server=localhost:8000"], "expected an address such as"),
    (["endpoint.extra=[1]"], "expected a JSON object"),
    (["endpoint.most_cost=1"], "needs endpoint.price_read"),
    (["eval.decodings=best_admissible"], "does not tell; ask for greedy"),
    (["endpoint.rate=-1"], "at least 0"),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=lambda part: str(part)[:30])
def test_what_could_not_work_is_said_before_anything_is_asked(words: list[str], message: str) -> None:
    given = {word.partition("=")[0]: word for word in (*GUESS, "rollout.server=http://host/v1", *words)}
    with pytest.raises(ConfigError, match=message):
        parse(given.values(), algo="gigpo")


def test_training_is_refused_with_what_to_use_instead(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *GUESS, "algo=grpo", "rollout.server=http://127.0.0.1:9/v1"]) == 2
    said = capsys.readouterr().err
    assert "nothing can be trained with it" in said and "rollout=vllm rollout.server=" in said


def test_fields_are_added_and_left_out_as_asked() -> None:
    with serving(bisecting) as server:
        assert evaluated(server, 'endpoint.extra={"max_tokens": null, "max_completion_tokens": 64}') == 0
    assert all("max_tokens" not in b and b["max_completion_tokens"] == 64 for b in server.bodies)


# The purse.


def awaited(work: Callable[[], Any]) -> Any:
    return asyncio.run(work())


def test_requests_begin_evenly_spaced_and_after_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    module = importlib.import_module("agentrl.rollout.purse")

    async def work() -> None:
        pace = Pace(rate=10)
        for _ in range(3):
            await pace.turn()
        pace.rest(60)
        await pace.turn()

    with monkeypatch.context() as still:
        still.setattr(module, "time", SimpleNamespace(monotonic=lambda: 1000.0))
        still.setattr(module, "asyncio", SimpleNamespace(sleep=sleep))
        awaited(work)
    assert waits == [6.0, 12.0, 60.0]


def test_a_request_waits_for_those_on_their_way_before_it_is_turned_down() -> None:
    async def work() -> None:
        purse = Purse(EndpointSettings(most_cost=1.0, price_read=1.0, price_written=2.0))
        await purse.take(200_000, 300_000)
        waiting = asyncio.ensure_future(purse.take(200_000, 300_000))
        await asyncio.sleep(0.01)
        assert not waiting.done(), "both at their most would cost 1.6"
        await purse.settle((200_000, 300_000), 100_000, 50_000)
        await waiting
        assert purse.bill.cost == pytest.approx(0.2)
        await purse.settle((200_000, 300_000), 200_000, 200_000)
        with pytest.raises(RunError, match="most_cost=1 does not allow"):
            await purse.take(200_000, 300_000)

    awaited(work)
