"""A real server in a process of its own: token ids both ways, weights by a folder."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agentrl.cli import main
from agentrl.errors import ConfigError, RunError
from agentrl.learner.checkpoint import save_policy
from agentrl.learner.model import Policy
from agentrl.rollout.served import ServedSampler
from agentrl.sync import Sync, make_sampler
from agentrl.train import train
from agentrl.types import Request, Sampling, Structure, ids32
from tests.engine.examples import moved, needs_vllm, policy, settings, words
from tests.engine.test_vllm import told

pytestmark = [pytest.mark.slow, needs_vllm]
END = 3
START = 300
"""seconds a server may take to start"""


@pytest.fixture(scope="module")
def trainer() -> Policy:
    return policy()


@pytest.fixture(scope="module")
def server(trainer: Policy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    save_policy(trainer, folder / "model")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder / "model")),
        *("--dtype", "float32", "--enforce-eager", "--max-model-len", "513", "--max-num-seqs", "32"),
        *(
            "--logprobs-mode",
            "processed_logprobs",
            "--generation-config",
            "vllm",
            "--no-enable-chunked-prefill",
        ),
        *("--max-num-batched-tokens", "4096", "--host", "127.0.0.1", "--port", str(port)),
    ]
    extra = {"VLLM_SERVER_DEV_MODE": "1", "TORCHDYNAMO_DISABLE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env={**os.environ, **extra}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/health").is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    pytest.fail(f"the server did not start: {log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def sync(trainer: Policy, server: str) -> Iterator[Sync]:
    chosen = settings(f"rollout.server={server}")
    sampler = make_sampler(chosen, trainer, frozenset({END}))
    assert isinstance(sampler, ServedSampler)
    yield Sync(trainer, sampler, chosen)
    sampler.close()


def asked(count: int, structure: Structure | None = None) -> list[Request]:
    return [Request(ids32(range(8, 30 + i)), (0, i, 0, 0), structure=structure) for i in range(count)]


def test_replies_are_token_ids_with_the_trainers_log_probabilities(sync: Sync, trainer: Policy) -> None:
    sync(1)
    how = Sampling(temperature=0.8, max_tokens=20)
    samples = sync.sampler.generate(asked(8), how)
    for request, sample in zip(asked(8), samples, strict=True):
        assert sample.logprobs.tolist() == pytest.approx(told(trainer, request, sample, 0.8), abs=1e-4)
        assert (sample.stop == "stop") == (sample.ids[-1] == END)
    assert [s.ids for s in sync.sampler.generate(asked(8), how)] == [s.ids for s in samples]
    (scores,) = sync.sampler.score(asked(1), [[samples[0].ids, ids32()]])
    assert scores[0] == pytest.approx(sum(told(trainer, asked(1)[0], samples[0])), abs=1e-3)
    assert scores[1] == 0.0


def test_structures_reach_the_server(sync: Sync) -> None:
    sync(1)
    form = Structure("choice", ["north", "south"])
    for sample in sync.sampler.generate(asked(4, form), Sampling(max_tokens=20)):
        assert words().decode(sample.ids, skip_special_tokens=True) in ("north", "south")


def test_new_weights_arrive_and_a_head_that_stayed_behind_is_noticed(
    sync: Sync, trainer: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved(trainer, 0.15, seed=1)
    assert sync(2)["sync_gap"] <= 1e-4
    moved(trainer, 0.15, seed=2)
    write = sync.sampler._write  # type: ignore[attr-defined]
    monkeypatch.setattr(
        sync.sampler, "_write", lambda all: write({n: w for n, w in all.items() if n != "lm_head.weight"})
    )
    with pytest.raises(RunError, match="samples from other weights"):
        sync(3)


def test_a_run_trains_against_the_server(server: str, tmp_path: Path, trainer: Policy) -> None:
    save_policy(trainer, tmp_path / "model")
    run = train(
        settings(
            f"rollout.server={server}", f"model={tmp_path / 'model'}", f"out={tmp_path / 'run'}",
            "iterations=2", "rollout.tasks=2", "algo.group_size=2", "eval.dev=2", "eval.test=2",
            "style=plain", "rollout.max_tokens=6", "eval.decodings=greedy", "eval.curve=greedy",
        )
    )  # fmt: skip
    assert (run / "summary.json").exists()


def test_the_server_is_an_endpoint_too(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Chats over HTTP, with tokens as the server counts them; asked again, nothing is sent."""
    name = httpx.get(f"{server}/v1/models").json()["data"][0]["id"]
    command = [
        *("eval", "env=guess", f"model={name}", "rollout=openai", f"rollout.server={server}/v1"),
        *(
            "style=plain",
            "rollout.max_tokens=6",
            "eval.test=3",
            "eval.decodings=greedy,1.0",
            f"out={tmp_path}",
        ),
    ]
    assert main(command) == 0
    first = capsys.readouterr().out
    assert "0 answers kept" in first and "estimated" not in first and " 0 tokens read" not in first
    assert main(command) == 0
    again = capsys.readouterr().out
    assert " 0 requests (0 again)" in again
    assert again.splitlines()[:-1] == first.splitlines()[:-1]


def test_an_address_where_no_server_is_says_so() -> None:
    with pytest.raises(ConfigError, match="no vLLM server with development routes"):
        make_sampler(settings("rollout.server=http://127.0.0.1:9"), policy(), frozenset({END}))
