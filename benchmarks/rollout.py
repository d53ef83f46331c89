"""What multi-turn play costs beside the engine alone, what waiting costs, and what the prefix cache saves.

    python benchmarks/rollout.py [rounds=3] [to=benchmarks/results/rollout.md]

On the real vLLM engine (a random 4-layer Llama of width 256; replies of forced length), each comparison
interleaved in one run of one process, the engine's caches emptied before each:

1. The collector's tokens per second, as a share of one `LLM.generate` call fed the same prompt ids, lengths,
   seeds and seats: what the environments, prompts and parsing between the turns cost.
2. Episodes whose environments answer late (log-normal, stated), eager against lock-step. Lock-step is given
   its best: all environments answer side by side, so a turn waits for the slowest of them, not for their sum.
3. Growing conversations with the prefix cache on and off (an engine each).
"""

import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from agentrl.env import Reply, TextEnv
from agentrl.learner.model import Policy
from agentrl.learner.tiny import tiny_tokenizer
from agentrl.rollout.chat import Chat, Format
from agentrl.rollout.collect import Collector, SamplerActor, Start
from agentrl.rollout.engine import EngineOptions
from agentrl.rollout.episode import Episode
from agentrl.rollout.vllm import VLLMSampler
from agentrl.types import Request, Sampling, Task

WORDS = [f"word{i}" for i in range(900)]
SEATS = 32
"""episodes in play at once, and requests the engine decodes at once"""
SIGMA = 1.2
"""spread of the log-normal latencies"""
LONGEST = 10.0
"""latency at which an answer is cut off, in medians: one straggler in hundreds would be all that is timed"""


@dataclass(frozen=True, slots=True)
class Shape:
    """One workload."""

    episodes: int
    turns: int
    begin: int
    """words of the first observation"""
    more: int
    """words of each later one"""
    reply: int
    """tokens of each reply"""
    mode: str
    latency: float = 0.0
    """median seconds of an environment's answer"""


def world(shape: Shape) -> type[TextEnv]:
    """Return an environment that talks for some turns and may take its time."""

    class Talk(TextEnv):
        """Say anything."""

        name = "talk"
        max_turns = shape.turns

        def begin(self, task: Task) -> str:
            return self._said(shape.begin)

        def act(self, action: str) -> Reply:
            if shape.latency:
                time.sleep(shape.latency * min(LONGEST, math.exp(self.rng.gauss(0, SIGMA))))
            return Reply(self._said(shape.more))

        def _said(self, count: int) -> str:
            return " ".join(self.rng.choice(WORDS) for _ in range(count))

    return Talk


class Asked(VLLMSampler):
    """The engine, remembering what it was asked."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.seen: list[Request] = []

    def submit(self, ticket: int, request: Request, sampling: Sampling) -> None:
        """Take a request, and note it."""
        self.seen.append(request)
        super().submit(ticket, request, sampling)


def model() -> Policy:
    """Return a random model of 3.4 million weights, the same each time."""
    tokenizer = tiny_tokenizer(WORDS)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=256, intermediate_size=688, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=2048, tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None,
    )  # fmt: skip
    return Policy(LlamaForCausalLM(config).eval(), tokenizer)


def engine(policy: Policy, *, prefix_cache: bool = True) -> Asked:
    """Return an engine with the policy's weights; no token ends a reply, so lengths are forced."""
    options = EngineOptions(max_context=2000, parallel=SEATS, prefix_cache=prefix_cache)
    with tempfile.TemporaryDirectory() as folder:
        policy.module.config.save_pretrained(folder)
        policy.tokenizer.save_pretrained(folder)
        sampler = Asked(Path(folder), (), options)
    sampler.load_weights(policy.weights(), 0)
    return sampler


def collector(shape: Shape, sampler: VLLMSampler, policy: Policy) -> Collector:
    """Return an eager collector of this workload."""
    chat = Chat(policy.tokenizer, Format(shape.mode, "plain", max_context=2000))  # type: ignore[arg-type]
    actor = SamplerActor(sampler, Sampling(max_tokens=shape.reply))
    return Collector(world(shape), actor, chat, 0, parallel=SEATS, schedule="eager")


def starts(shape: Shape) -> list[Start]:
    """Return the episodes to play."""
    return [Start(Task(f"t{i}", "train", i), f"t{i}", 0, i) for i in range(shape.episodes)]


def timed(sampler: VLLMSampler, work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of a piece of work that starts with empty caches, and its result."""
    assert sampler._forget_all()
    begun = time.perf_counter()
    done = work()
    return time.perf_counter() - begun, done


def tokens(episodes: Sequence[Episode]) -> int:
    """Return how many tokens were sampled; every turn must have its forced length."""
    return sum(len(turn.action_ids) for e in episodes for turn in e.trajectory.turns)


def share_of_engine(policy: Policy, sampler: Asked, shape: Shape, rounds: int) -> tuple[str, float]:
    """Return a table row and the median ratio of comparison 1."""
    ratios, speeds = [], []
    for number in range(rounds + 1):
        sampler.seen = []
        play = collector(shape, sampler, policy)
        seconds, episodes = timed(sampler, lambda: play.play(starts(shape)))  # noqa: B023
        count = tokens(episodes)
        assert count == shape.episodes * shape.turns * shape.reply
        asked, how = sampler.seen, Sampling(max_tokens=shape.reply)
        from vllm import TokensPrompt

        prompts = [TokensPrompt(prompt_token_ids=list(one.prompt)) for one in asked]
        parameters = [sampler._parameters(one, how) for one in asked]
        alone, _ = timed(
            sampler,
            lambda: sampler._llm.generate(prompts, parameters, use_tqdm=False),  # noqa: B023
        )
        if number:  # the first round warms up
            ratios.append(alone / seconds)
            speeds.append((count / seconds, count / alone))
    middle = statistics.median(ratios)
    ours, engines = (statistics.median(s[i] for s in speeds) for i in (0, 1))
    return (
        f"| {shape.mode}, {shape.episodes} episodes x {shape.turns} turns, {shape.reply} tokens a reply |"
        f" {ours:,.0f} | {engines:,.0f} | {middle:.0%} ({min(ratios):.0%}-{max(ratios):.0%}) |",
        middle,
    )


def eager_gain(policy: Policy, sampler: Asked, shape: Shape, rounds: int) -> tuple[str, float]:
    """Return a table row and the median ratio of comparison 2."""
    eager = collector(shape, sampler, policy)
    lock = replace(eager, schedule="logical", threads=SEATS)
    gains, times = [], []
    for number in range(rounds + 1):
        slow, first = timed(sampler, lambda: lock.play(starts(shape)))
        fast, second = timed(sampler, lambda: eager.play(starts(shape)))
        assert tokens(first) == tokens(second) == shape.episodes * shape.turns * shape.reply
        if number:
            gains.append(slow / fast)
            times.append((fast, slow))
    middle = statistics.median(gains)
    fast, slow = (statistics.median(t[i] for t in times) for i in (0, 1))
    half = 1000 * shape.latency
    return (
        f"| median {half:.0f} ms, 90th percentile {half * math.exp(1.2816 * SIGMA):.0f} ms,"
        f" longest {half * LONGEST:.0f} ms |"
        f" {fast:.1f} s | {slow:.1f} s | {middle:.2f}x ({min(gains):.2f}-{max(gains):.2f}) |",
        middle,
    )


def cache_gain(policy: Policy, on: Asked, off: Asked, shape: Shape, rounds: int) -> str:
    """Return the table row of comparison 3."""
    gains, times = [], []
    for number in range(rounds + 1):
        cached, _ = timed(on, lambda: collector(shape, on, policy).play(starts(shape)))
        plain, _ = timed(off, lambda: collector(shape, off, policy).play(starts(shape)))
        if number:
            gains.append(plain / cached)
            times.append((cached, plain))
    cached, plain = (statistics.median(t[i] for t in times) for i in (0, 1))
    return (
        f"| {shape.episodes} conversations x {shape.turns} turns, {shape.begin} + {shape.more} words a turn |"
        f" {cached:.1f} s | {plain:.1f} s |"
        f" {statistics.median(gains):.2f}x ({min(gains):.2f}-{max(gains):.2f}) |"
    )


def main() -> int:
    """Measure, print, write."""
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    rounds = int(given.get("rounds", 3))
    target = Path(given.get("to", Path(__file__).parent / "results" / "rollout.md"))
    threads = os.cpu_count() or 1
    torch.set_num_threads(threads)
    policy = model()
    sampler = engine(policy)
    shapes = [
        Shape(64, 4, 60, 40, 24, "window"),
        Shape(64, 4, 60, 40, 24, "transcript"),
    ]
    share = [share_of_engine(policy, sampler, shape, rounds)[0] for shape in shapes]
    late = Shape(128, 4, 60, 40, 12, "window")
    gain = [eager_gain(policy, sampler, replace(late, latency=latency), rounds)[0] for latency in (0.1, 0.2)]
    off = engine(policy, prefix_cache=False)
    cache = cache_gain(policy, sampler, off, Shape(8, 6, 300, 120, 16, "transcript"), rounds)
    text = "\n".join(
        [
            "# Multi-turn play on vLLM",
            "",
            f"`python benchmarks/rollout.py rounds={rounds}` on {threads} CPU cores, load"
            f" {load()}; vLLM's CPU engine, {SEATS} seats, float32."
            f" Medians of {rounds} rounds (lowest-highest).",
            "",
            "Tokens a second of the collector, and of one `LLM.generate` call fed the same prompts:",
            "",
            "| workload | collector | `LLM.generate` | share |", "|---|---|---|---|", *share,
            "",
            f"Environments that answer late (log-normal, sigma {SIGMA}, cut off); {late.episodes} episodes x"
            f" {late.turns} turns, {late.reply} tokens a reply. Lock-step has all environments answer side by"
            " side:",
            "",
            "| latency of an answer | eager | lock-step | gain |", "|---|---|---|---|", *gain,
            "",
            "Growing conversations with the prefix cache on and off (blocks of 128 tokens on a CPU):",
            "",
            "| workload | on | off | gain |", "|---|---|---|---|", cache, "",
        ]
    )  # fmt: skip
    target.write_text(text)
    print(text)
    return 0


def load() -> str:
    """Return the machine's load average over the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    sys.exit(main())
