"""The real engine in this process: what it returns, and that its weights are the trainer's."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from agentrl.errors import ConfigError, RunError
from agentrl.learner.model import Policy
from agentrl.rollout.chat import Chat, Format
from agentrl.rollout.collect import Collector, SamplerActor, Start
from agentrl.sync import Sync, make_sampler
from agentrl.types import Request, Sample, Sampling, Structure, ids32
from agentrl_envs.guess import Guess
from tests.engine.examples import moved, needs_vllm, policy, settings, words

pytestmark = [pytest.mark.slow, needs_vllm]
END = 3


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def trainer(request: pytest.FixtureRequest) -> Policy:
    return policy(tied=request.param)


@pytest.fixture(scope="module")
def sync(trainer: Policy) -> Iterator[Sync]:
    chosen = settings()
    sampler = make_sampler(chosen, trainer, frozenset({END}))
    yield Sync(trainer, sampler, chosen)
    sampler.close()


@pytest.fixture(autouse=True)
def _in_step(sync: Sync) -> None:
    sync(1)


def request(seed: int, length: int = 20, turn: int = 0, **more: object) -> Request:
    ids = torch.randint(8, len(words()), (length,), generator=torch.Generator().manual_seed(seed))
    return Request(ids32(ids.tolist()), (0, seed, 0, turn), **more)  # type: ignore[arg-type]


def told(one: Policy, asked: Request, sample: Sample, temperature: float = 1.0) -> list[float]:
    """Return what the trainer gives for the sampled tokens."""
    ids = torch.tensor([[*asked.prompt, *sample.ids]])
    with torch.no_grad():
        logp = (one.module(ids).logits[0] / temperature).log_softmax(-1)
    start = len(asked.prompt)
    return [float(logp[start - 1 + i, token]) for i, token in enumerate(sample.ids)]


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_log_probabilities_are_the_trainers_at_the_temperature_drawn_with(
    sync: Sync, trainer: Policy, temperature: float
) -> None:
    asked = [request(i, 10 + 7 * i) for i in range(16)]
    samples = sync.sampler.generate(asked, Sampling(temperature=temperature, max_tokens=30))
    for one, sample in zip(asked, samples, strict=True):
        assert sample.logprobs.tolist() == pytest.approx(told(trainer, one, sample, temperature), abs=1e-4)
        assert sample.version == 1
        assert (sample.stop == "stop") == (sample.ids[-1] == END)
        assert END not in sample.ids[:-1] and (sample.stop == "stop" or len(sample.ids) == 30)


def test_a_reply_depends_on_its_prompt_and_key_not_on_who_is_asked_beside_it(sync: Sync) -> None:
    how = Sampling(max_tokens=12)
    together = sync.sampler.generate([request(i) for i in range(8)], how)
    alone = [sync.sampler.generate([request(i)], how)[0] for i in (5, 2)]
    assert [sample.ids for sample in alone] == [together[5].ids, together[2].ids]
    assert sync.sampler.generate([request(5, turn=1)], how)[0].ids != together[5].ids


def test_requests_may_join_at_any_step_and_come_back_when_they_are_done(sync: Sync) -> None:
    engine = sync.sampler
    engine.submit(7, request(1), Sampling(max_tokens=25))  # type: ignore[attr-defined]
    order, steps = [], 0
    while len(order) < 2:
        order += [ticket for ticket, _ in engine.advance()]  # type: ignore[attr-defined]
        steps += 1
        if steps == 3:
            engine.submit(9, request(2), Sampling(max_tokens=2))  # type: ignore[attr-defined]
    assert order == [9, 7]


def test_scores_are_summed_log_probabilities_of_a_plain_forward_pass(sync: Sync, trainer: Policy) -> None:
    asked = [request(i, 30) for i in range(3)]
    options = [[request(10 * i + j, 1 + j).prompt for j in range(4)] for i in range(3)]
    options[1].append(ids32())
    scores = sync.sampler.score(asked, options)
    for one, own, found in zip(asked, options, scores, strict=True):
        for option, score in zip(own, found, strict=True):
            sample = Sample(option, option, "length")  # type: ignore[arg-type]
            assert score == pytest.approx(sum(told(trainer, one, sample)), abs=1e-3)


@pytest.mark.parametrize(
    ("structure", "right"),
    [
        (Structure("choice", ["north", "south", "take the key"]), r"^(north|south|take the key)$"),
        (Structure("regex", r"[0-9]{2}-[a-c]"), r"^[0-9]{2}-[a-c]$"),
        (
            Structure("json", {"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"],
                               "additionalProperties": False}),
            r'^\{\s*"n"\s*:\s*[12]\s*\}$',
        ),
    ],
)  # fmt: skip
def test_a_structure_is_the_only_form_a_reply_has(sync: Sync, structure: Structure, right: str) -> None:
    import re

    asked = [replace(request(i), structure=structure) for i in range(6)]
    for sample in sync.sampler.generate(asked, Sampling(max_tokens=200)):
        text = words().decode(sample.ids, skip_special_tokens=True)
        assert sample.stop == "length" or re.search(right, text), text
    texts = {tuple(s.ids) for s in sync.sampler.generate(asked, Sampling(max_tokens=200))}
    assert texts


def test_what_the_engine_cannot_give_is_refused_in_words(sync: Sync) -> None:
    with pytest.raises(ConfigError, match="processed log-probabilities"):
        sync.sampler.generate([request(0)], Sampling(processed=False))
    with pytest.raises(RunError, match=r"rollout\.max_context"):
        sync.sampler.generate([request(0, 500)], Sampling(max_tokens=30))


def test_both_schedules_play_the_same_episodes(sync: Sync) -> None:
    chat = Chat(words(), Format("window", "plain", max_context=512))
    panel = Guess("dev").tasks("dev")
    starts = [Start(task, task.id, k, n) for n, task in enumerate(panel.tasks[:6]) for k in range(3)]
    collector = Collector(lambda: Guess("dev"), SamplerActor(sync.sampler, Sampling(max_tokens=8)), chat, 0)
    one = collector.play(starts)
    other = replace(collector, schedule="eager").play(starts)
    assert [e.trajectory.task.id for e in other] == [start.task.id for start in starts]
    same = [
        [t.action_ids for t in a.trajectory.turns] == [t.action_ids for t in b.trajectory.turns]
        for a, b in zip(one, other, strict=True)
    ]
    assert sum(same) >= len(same) - 1  # equal up to rounding, which may tip a token


# The weights.


def test_after_every_hand_over_the_probe_agrees(sync: Sync, trainer: Policy) -> None:
    for number in range(3):
        moved(trainer, 0.15, seed=number)
        assert sync(2 + number)["sync_gap"] <= 1e-4
        assert sync.sampler.version == 2 + number


def test_a_hand_over_that_is_left_out_ends_the_run(
    sync: Sync, trainer: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved(trainer, 0.1, seed=11)
    monkeypatch.setattr(sync.sampler, "_take", lambda weights: None)
    with pytest.raises(RunError, match="samples from other weights than those trained"):
        sync(5)


def test_a_tied_head_that_stays_behind_ends_the_run(
    sync: Sync, trainer: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not trainer.module.config.tie_word_embeddings:
        pytest.skip("the head is a weight of its own in this model, handed over like any other")
    moved(trainer, 0.1, seed=12)
    take = sync.sampler._take  # type: ignore[attr-defined]
    monkeypatch.setattr(
        sync.sampler, "_take", lambda weights: take((n, w) for n, w in weights if n != "lm_head.weight")
    )
    with pytest.raises(RunError, match="a tied output head"):
        sync(5)


def test_a_cache_of_old_keys_and_values_ends_the_run(
    sync: Sync, trainer: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved(trainer, 0.1, seed=13)
    monkeypatch.setattr(sync.sampler, "_forget_all", lambda: True)
    with pytest.raises(RunError, match="keys and values of the old weights"):
        sync(5)


def test_a_cache_that_will_not_empty_ends_the_run(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync.sampler, "_forget_all", lambda: False)
    with pytest.raises(RunError, match="did not empty its prefix cache"):
        sync(5)


def test_weights_wait_until_nobody_is_being_answered(sync: Sync) -> None:
    sync.sampler.submit(1, request(1), Sampling(max_tokens=3))  # type: ignore[attr-defined]
    with pytest.raises(RunError, match="answering requests"):
        sync(5)
    while not sync.sampler.advance():  # type: ignore[attr-defined]
        pass
