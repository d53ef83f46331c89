"""The sampler in this process: the model's own log-probabilities, whatever is batched or cached."""

import numpy as np
import pytest
import torch

from agentrl.errors import ConfigError, RunError
from agentrl.rollout import scores
from agentrl.rollout.draw import drawn, uniforms
from agentrl.rollout.hf import HFSampler
from agentrl.types import Sampling, ids32
from tests.agentrl.rollout.examples import model, request

END = 3


def sampler(module=None, **options):
    return HFSampler(module or model(), eos_ids=[END], pad_id=0, **options)


def prompts(count, seed=0, low=3, high=40):
    dice = np.random.default_rng(seed)
    return [dice.integers(4, 440, size=dice.integers(low, high)).tolist() for _ in range(count)]


@torch.inference_mode()
def full(module, prompt, reply):
    """Return the log-probability of every token of a reply from one plain forward pass."""
    ids = torch.tensor([list(prompt) + list(reply)])
    logp = torch.log_softmax(module(ids).logits[0].float(), -1)
    return [float(logp[len(prompt) - 1 + i, token]) for i, token in enumerate(reply)]


@pytest.mark.parametrize(("attention", "heads"), [("sdpa", 4), ("sdpa", 2), ("eager", 2)])
def test_log_probabilities_equal_those_of_a_plain_forward_pass(attention, heads):
    module = model(attention=attention, heads=heads)
    asked = [request(ids, 0, i) for i, ids in enumerate(prompts(20))]
    for one, sample in zip(asked, sampler(module).generate(asked, Sampling(max_tokens=12)), strict=True):
        assert sample.logprobs.tolist() == pytest.approx(full(module, one.prompt, sample.ids), abs=1e-4)


def test_greedy_takes_the_likeliest_token_every_time():
    module = model()
    asked = [request(ids, 0, i) for i, ids in enumerate(prompts(6))]
    for one, sample in zip(asked, sampler(module).generate(asked, Sampling(0.0, max_tokens=8)), strict=True):
        ids = list(one.prompt)
        for token in sample.ids:
            with torch.inference_mode():
                assert int(module(torch.tensor([ids])).logits[0, -1].argmax()) == token
            ids.append(token)


def test_a_sample_depends_on_its_own_prompt_and_key_alone():
    asked = [request(ids, 0, i) for i, ids in enumerate(prompts(12) + [[9, 8, 7]] * 4)]
    together = sampler().generate(asked, Sampling(max_tokens=10))
    alone = [sampler().generate([one], Sampling(max_tokens=10))[0] for one in asked]
    small = sampler(max_batch_tokens=100).generate(asked[::-1], Sampling(max_tokens=10))[::-1]
    assert [s.ids for s in together] == [s.ids for s in alone] == [s.ids for s in small]
    assert len({s.ids.tobytes() for s in together[-4:]}) == 4  # equal prompts, other keys


def test_replies_stop_at_the_end_token_or_at_the_limit():
    asked = [request(ids, 0, i) for i, ids in enumerate(prompts(4) * 50)]
    samples = HFSampler(model(), eos_ids=range(3, 100), pad_id=0).generate(asked, Sampling(max_tokens=6))
    for sample in samples:
        ends = [3 <= token < 100 for token in sample.ids]
        assert not any(ends[:-1]) and len(sample.ids) == len(sample.logprobs)
        assert sample.stop == ("stop" if ends[-1] else "length")
        assert ends[-1] or len(sample.ids) == 6
    assert {sample.stop for sample in samples} == {"stop", "length"}


@pytest.mark.parametrize("ends", [[END], range(3, 150)])
def test_a_conversation_read_from_the_cache_is_the_one_read_anew(ends):
    def played(session):
        one = HFSampler(model(), eos_ids=ends, pad_id=0)
        contexts = [ids32(p) for p in prompts(9, seed=1)]
        dice = np.random.default_rng(5)
        replies = []
        for turn in range(4):
            asked = [
                request(c.tolist(), 0, i, 0, turn, session=i if session else -1)
                for i, c in enumerate(contexts)
            ]
            asked = asked[turn:]  # some leave the game
            samples = one.generate(asked, Sampling(max_tokens=7))
            replies += [s.ids.tolist() for s in samples]
            contexts[turn:] = [
                r.prompt + s.ids + ids32(dice.integers(4, 440, size=3 + i % 3).tolist())
                for i, (r, s) in enumerate(zip(asked, samples, strict=True))
            ]
        return replies, one.reader.tokens_read

    cached, uncached = played(True), played(False)
    assert cached[0] == uncached[0]
    assert cached[1] < uncached[1] / 2


@pytest.mark.parametrize("temperature", [0.0, 0.15, 1.0])
def test_equal_conversations_share_what_is_read_until_they_part(temperature):
    """Sixteen that begin alike: at 0 they stay one, at 1 they part at once, between a token at a time."""
    sampling = Sampling(temperature, max_tokens=9)

    def played(together):
        one = HFSampler(model(), eos_ids=range(3, 40), pad_id=0)
        contexts = [ids32(ids) for ids in prompts(2, seed=4) for _ in range(8)]
        replies = []
        for turn in range(4):
            asked = [
                request(c.tolist(), 0, i, 0, turn, session=i if together else -1)
                for i, c in enumerate(contexts)
            ]
            if together:
                samples = one.generate(asked, sampling)
            else:
                samples = [one.generate([each], sampling)[0] for each in asked]
            replies += samples
            contexts = [c + s.ids + ids32([300 + turn, 7]) for c, s in zip(contexts, samples, strict=True)]
        return replies, one.reader.tokens_read, {c.tobytes() for c in contexts}

    (shared, read, ends), (alone, each, _) = played(True), played(False)
    for one, other in zip(shared, alone, strict=True):
        assert one.ids == other.ids
        assert one.logprobs.tolist() == pytest.approx(other.logprobs.tolist(), abs=1e-4)
    if temperature == 0:
        assert len(ends) == 2 and read < each / 16
    else:
        assert len(ends) > 8


def test_a_context_that_was_rewritten_is_read_anew():
    module = model()
    one = sampler(module)
    first = request([5, 6, 7, 8], 0, 1, session=4)
    one.generate([first], Sampling(max_tokens=3))
    other = request([5, 9, 7, 8, 10, 11, 12, 13], 0, 1, session=4)
    sample = one.generate([other], Sampling(max_tokens=3))[0]
    assert sample.logprobs.tolist() == pytest.approx(full(module, other.prompt, sample.ids), abs=1e-4)


def test_the_same_context_asked_again_gives_the_same_reply():
    one = sampler()
    asked = [request([5, 6, 7, 8], 0, 1, session=2)]
    assert (
        one.generate(asked, Sampling(max_tokens=5))[0].ids
        == one.generate(asked, Sampling(max_tokens=5))[0].ids
    )


def test_new_weights_and_forgetting_drop_what_is_cached():
    one = sampler()
    asked = [request([5, 6, 7, 8], 0, i, session=i) for i in range(3)]
    one.generate(asked, Sampling(max_tokens=2))
    one.forget([1])
    assert sorted(one.reader.kept) == [0, 2]
    one.load_weights((), version=7)
    assert not one.reader.kept and one.version == 7
    assert one.generate(asked[:1], Sampling(max_tokens=2))[0].version == 7


def test_weights_are_taken_by_name_and_unknown_names_refused():
    one, other = sampler(), model(seed=1)
    one.load_weights(other.state_dict().items(), version=1)
    asked = [request([5, 6, 7], 0, 0)]
    sample = one.generate(asked, Sampling(max_tokens=4))[0]
    assert sample.logprobs.tolist() == pytest.approx(full(other, [5, 6, 7], sample.ids), abs=1e-4)
    with pytest.raises(ConfigError, match=r"no weight 'model.norm.weigt'; did you mean 'model.norm.weight'"):
        one.load_weights([("model.norm.weigt", torch.ones(32))], version=2)


@pytest.mark.parametrize("session", [-1, 3])
def test_scores_are_the_summed_log_probabilities_of_a_plain_forward_pass(session):
    module = model()
    one = sampler(module)
    texts = prompts(5, seed=2)
    options = [[ids32(o) for o in prompts(n, seed=9 + n, low=1, high=7)] for n in (1, 12, 3, 0, 30)]
    options[2].append(ids32())
    asked = [request(ids, 0, i, session=session + i if session > 0 else -1) for i, ids in enumerate(texts)]
    if session > 0:
        one.generate(
            [request(ids[:-2], 0, i, session=session + i) for i, ids in enumerate(texts)],
            Sampling(max_tokens=1),
        )
    found = one.score(asked, options)
    for prompt, own, values in zip(texts, options, found, strict=True):
        assert values == pytest.approx([sum(full(module, prompt, o)) for o in own], abs=1e-3)


def test_scores_do_not_depend_on_how_options_are_packed(monkeypatch):
    texts, options = prompts(4), [[ids32(o) for o in prompts(9, seed=s, low=1, high=9)] for s in range(4)]
    asked = [request(ids) for ids in texts]
    whole = sampler().score(asked, options)
    monkeypatch.setattr(scores, "READ_TOKENS", 10)
    packed = sampler(max_batch_tokens=60).score(asked, options)
    assert packed == [pytest.approx(values, abs=1e-4) for values in whole]


def test_the_module_is_left_in_training_mode_with_its_gradients():
    module = model().train()
    sampler(module).generate([request([5, 6])], Sampling(max_tokens=2))
    assert module.training and not module.lm_head._forward_pre_hooks
    module(torch.tensor([[5, 6]])).logits.sum().backward()


def test_a_context_beyond_the_models_positions_is_refused_in_words():
    with pytest.raises(RunError, match=r"2051 tokens .* does not fit the model's 2048 positions"):
        sampler().generate([request([5] * 2048)], Sampling(max_tokens=3))


def test_a_model_with_sliding_windows_is_refused_in_words():
    module = model()
    module.config.layer_types = ["full_attention", "sliding_attention"]
    with pytest.raises(ConfigError, match="Qwen2ForCausalLM has sliding_attention layers"):
        sampler(module)


def test_uniforms_depend_on_the_key_alone_and_fill_the_unit_interval():
    long = uniforms((1, 2, 3, 4), 4000)
    assert (uniforms((1, 2, 3, 4), 10) == long[:10]).all()
    assert (uniforms((1, 2, 3, 5), 10) != long[:10]).all()
    assert long.min() >= 0 and long.max() < 1
    assert abs(long.mean() - 0.5) < 0.02 and abs(long.std() - 12**-0.5) < 0.02


def draws(logits, sampling, count=20000):
    rows = torch.tensor(logits).expand(count, -1)
    ids, logp = drawn(rows, torch.from_numpy(uniforms((7,), count)), sampling)
    return torch.bincount(ids, minlength=len(logits)) / count, ids, logp


def test_tokens_are_drawn_as_often_as_the_tempered_distribution_says():
    logits = [1.0, 0.0, -1.0, 2.0]
    share, ids, logp = draws(logits, Sampling(temperature=0.5))
    wanted = torch.softmax(torch.tensor(logits) / 0.5, -1)
    assert torch.allclose(share, wanted, atol=0.01)
    assert torch.allclose(logp, wanted.log()[ids])
    assert torch.allclose(
        draws(logits, Sampling(0.5, processed=False))[2], torch.log_softmax(torch.tensor(logits), -1)[ids]
    )


def test_truncation_leaves_the_likeliest_tokens_and_counts_them_as_everything():
    logits = torch.tensor([0.4, 0.3, 0.2, 0.1]).log().tolist()
    share, ids, logp = draws(logits, Sampling(top_k=2))
    assert share.tolist() == pytest.approx([4 / 7, 3 / 7, 0, 0], abs=0.01)
    assert torch.allclose(logp.exp(), torch.tensor([4 / 7, 3 / 7])[ids])
    assert draws(logits, Sampling(top_p=0.71))[0].tolist() == pytest.approx(
        [4 / 9, 3 / 9, 2 / 9, 0], abs=0.01
    )
    assert draws(logits, Sampling(top_p=0.69))[0].tolist() == pytest.approx([4 / 7, 3 / 7, 0, 0], abs=0.01)
    assert draws(logits, Sampling(top_p=1e-9))[0].tolist() == [1, 0, 0, 0]
