"""GRPO beside TRL's GRPOTrainer: the same episodes and rewards give the same loss and the same gradient."""

import math
import random
from copy import deepcopy
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from agentrl.batch import token_table
from agentrl.learner.model import Policy
from agentrl.learner.step import Learner
from agentrl.settings import LearnerSettings
from agentrl.types import Task, Trajectory, Turn, floats32, ids32
from agentrl_algos.grpo import GRPO
from tests.agentrl.examples import VOCABULARY, FakeTokenizer, model

pytestmark = pytest.mark.slow
GROUP = 4


@pytest.fixture(scope="module")
def trl() -> Any:
    return pytest.importorskip("trl", reason="TRL is not installed: it comes with the extra 'trl'")


def written_tokens(seed: int) -> list[Trajectory]:
    """Return two groups of one-turn episodes of unequal lengths, sampled by some older policy.

    Rewards are in the hundreds: TRL adds 1e-4 to a group's standard deviation, we add 1e-6.
    """
    rng = random.Random(seed)
    found = []
    for number in range(2 * GROUP):
        group = number // GROUP
        prompt = [2 + (7 * group + i) % 30 for i in range(3 + 2 * group)]
        action = [rng.randrange(2, VOCABULARY) for _ in range(rng.randint(1, 9))]
        turn = Turn(
            observation="",
            prompt_ids=ids32(prompt),
            action_ids=ids32(action),
            # A uniform policy drew them, give or take: ratios on both sides of every clip.
            logprobs=floats32([-math.log(VOCABULARY) + rng.uniform(-1.5, 1.5) for _ in action]),
            text="",
            action="",
            rewards={"task": float(rng.randrange(1000))},
            state_key="",
        )
        ret = turn.rewards["task"]
        found.append(
            Trajectory(Task(f"t{group}", "train", 0), f"t{group}", number, (turn,), "success", ret=ret)
        )
    return found


def tokenizer() -> Any:
    words = {f"w{i}": i for i in range(VOCABULARY)}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel(words, unk_token="w2")), pad_token="w0", eos_token="w1"
    )


def theirs(trl: Any, module: Any, episodes: list[Trajectory], folder: Any, **settings: Any) -> Any:
    """Return loss and gradients of TRL's trainer, given replies and rewards where it asks for them."""
    from datasets import Dataset

    turns = [episode.turns[0] for episode in episodes]
    trainer = trl.GRPOTrainer(
        model=module,
        reward_funcs=lambda completions, **_: [turn.rewards["task"] for turn in turns],
        args=trl.GRPOConfig(
            output_dir=str(folder),
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            per_device_train_batch_size=2 * GROUP,
            num_generations=GROUP,
            max_completion_length=16,
            report_to="none",
            **settings,
        ),
        train_dataset=Dataset.from_dict({"prompt": ["w3", "w4"]}),
        processing_class=tokenizer(),
        rollout_func=lambda prompts, _: {
            "prompt_ids": [list(turn.prompt_ids) for turn in turns],
            "completion_ids": [list(turn.action_ids) for turn in turns],
            "logprobs": [list(turn.logprobs) for turn in turns],
        },
    )
    module.train()
    trainer.current_gradient_accumulation_steps = 1
    inputs = trainer._generate_and_score_completions([{"prompt": "w3"}] * (2 * GROUP))
    # With one step a batch TRL takes the ratio to be 1; the older policy is given, as it is with more steps.
    inputs["old_per_token_logps"] = inputs["sampling_per_token_logps"]
    loss = trainer.compute_loss(module, inputs)
    loss.backward()
    return float(loss), {name: p.grad.clone() for name, p in module.named_parameters()}


def ours(module: Any, episodes: list[Trajectory], algo: GRPO) -> Any:
    settings = LearnerSettings(clip_norm=0.0, microbatch_tokens=24)
    learner = Learner(Policy(module, FakeTokenizer()), algo, settings, 1)
    metrics = learner.learn(token_table(episodes), {}, 0, 0)
    assert metrics["clip_frac"] > 0.1, "nothing was clipped: the test would show little"
    return metrics["loss"], {name: p.grad.clone() for name, p in module.named_parameters()}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("algo", "settings"),
    [
        pytest.param({"dual_clip": math.inf}, {}, id="TRL's defaults"),
        pytest.param({"dual_clip": 2.0}, {"delta": 2.0}, id="two-sided clip"),
        pytest.param(
            {"dual_clip": math.inf, "clip_low": 0.1, "clip_high": 0.4, "scale": "none"},
            {"epsilon": 0.1, "epsilon_high": 0.4, "scale_rewards": "none"},
            id="raised upper clip, rewards not scaled",
        ),
    ],
)
def test_loss_and_gradient_of_given_episodes_are_those_of_trl(
    trl: Any, tmp_path: Any, algo: dict[str, Any], settings: dict[str, Any], seed: int
) -> None:
    """TRL's default loss form is the mean over all tokens of the batch, without a bound below: ours, too."""
    start, episodes = model(dtype=torch.float32), written_tokens(seed)
    loss, gradients = ours(deepcopy(start), episodes, GRPO(group_size=GROUP, **algo))
    expected, wanted = theirs(trl, deepcopy(start), episodes, tmp_path, **settings)
    scale = 1.0 if settings.get("scale_rewards") != "none" else 300.0
    assert loss == pytest.approx(expected, abs=1e-6 * scale)
    assert gradients.keys() == wanted.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-6 * scale, rtol=1e-4, msg=name)
    assert max(float(g.abs().max()) for g in wanted.values()) > 1e-2 * scale


def test_the_dual_clip_is_where_our_default_differs(trl: Any, tmp_path: Any) -> None:
    episodes = written_tokens(0)
    loss, _ = ours(model(dtype=torch.float32), episodes, GRPO(group_size=GROUP))
    expected, _ = theirs(trl, model(dtype=torch.float32), episodes, tmp_path)
    assert loss < expected - 1e-3
