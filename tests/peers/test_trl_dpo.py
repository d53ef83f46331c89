"""DPO beside TRL's DPOTrainer: the same preferences give the same losses and gradients, step after step."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch

from agentrl.imported import pairs_of_rows
from agentrl.learner.model import Policy
from agentrl.learner.step import Learner
from agentrl.rollout.chat import Chat, Format
from agentrl.settings import LearnerSettings
from agentrl.stored import pair_table
from agentrl_algos.dpo import DPO
from tests.agentrl.rollout.examples import model, tokenizer

pytestmark = pytest.mark.slow
STEPS, LR = 3, 1e-3


@pytest.fixture(scope="module")
def trl() -> Any:
    return pytest.importorskip("trl", reason="TRL is not installed: it comes with the extra 'trl'")


def rows() -> list[dict[str, Any]]:
    """Return preferences of unequal lengths, two a step; what is asked differs, too."""
    doors = ["left", "right, I think", "go east and look", "take key"]
    return [
        {
            "prompt": [
                {"role": "system", "content": "Find the way."},
                {"role": "user", "content": f"Door {i}?"},
            ],
            "chosen": [{"role": "assistant", "content": doors[i % 4]}],
            "rejected": [{"role": "assistant", "content": doors[(i + 1 + i // 4) % 4]}],
        }
        for i in range(2 * STEPS)
    ]


def plain(chat: Chat) -> list[dict[str, str]]:
    """Return the same preferences as the text that a model reads."""
    return [
        {
            "prompt": chat.rendered([(one["role"], one["content"]) for one in row["prompt"]]),
            "chosen": row["chosen"][0]["content"],
            "rejected": row["rejected"][0]["content"],
        }
        for row in rows()
    ]


Step = tuple[float, dict[str, torch.Tensor]]


def adam(module: Any) -> torch.optim.AdamW:
    return torch.optim.AdamW(module.parameters(), lr=LR, betas=(0.9, 0.95), weight_decay=0.0)


def theirs(
    trl: Any, start: Any, folder: Path, settings: dict[str, Any]
) -> tuple[list[Step], list[list[int]]]:
    """Return loss and gradient of each step of TRL's trainer, and the tokens that it learnt from."""
    from datasets import Dataset

    module, chat = deepcopy(start), Chat(tokenizer("chatml"), Format())
    trainer = trl.DPOTrainer(
        model=module,
        ref_model=deepcopy(start),
        args=trl.DPOConfig(
            output_dir=str(folder), use_cpu=True, bf16=False, gradient_checkpointing=False, report_to="none",
            per_device_train_batch_size=2, **settings,
        ),
        train_dataset=Dataset.from_list(plain(chat)),
        processing_class=tokenizer("chatml"),
    )  # fmt: skip
    found, seen = [], []
    optimizer = adam(module)
    for step in range(STEPS):
        examples = [trainer.train_dataset[i] for i in (2 * step, 2 * step + 1)]
        seen += [list(one["prompt_ids"]) + list(one["chosen_ids"]) for one in examples]
        module.train()
        optimizer.zero_grad()
        loss = trainer.compute_loss(module, trainer.data_collator(examples))
        loss.backward()
        found.append((loss.item(), {name: p.grad.clone() for name, p in module.named_parameters()}))
        optimizer.step()
    return found, seen


def ours(start: Any, algo: DPO) -> tuple[list[Step], list[list[int]]]:
    policy = Policy(deepcopy(start), tokenizer("chatml"))
    learner = Learner(policy, algo, LearnerSettings(lr=LR, clip_norm=0.0, microbatch_tokens=64), STEPS)
    pairs = pairs_of_rows(rows(), Chat(policy.tokenizer, Format()))
    found = []
    for step in range(STEPS):
        table = pair_table(pairs[2 * step : 2 * step + 2])
        assert table is not None
        loss = learner.learn(table, {}, step, 0, fresh=False)["loss"]
        found.append((loss, {name: p.grad.clone() for name, p in policy.module.named_parameters()}))
    return found, [[*p.chosen.turns[0].prompt_ids, *p.chosen.turns[0].action_ids] for p in pairs]


@pytest.mark.parametrize(
    ("algo", "settings"),
    [
        pytest.param({}, {"loss_type": ["sigmoid"]}, id="dpo"),
        pytest.param({"loss_kind": "ipo", "beta": 0.3}, {"loss_type": ["ipo"], "beta": 0.3}, id="ipo"),
        pytest.param({"loss_kind": "hinge"}, {"loss_type": ["hinge"]}, id="hinge"),
        pytest.param(
            {"loss_kind": "robust", "smoothing": 0.1},
            {"loss_type": ["robust"], "label_smoothing": 0.1},
            id="robust",
        ),
        pytest.param({"loss_kind": "apo_zero"}, {"loss_type": ["apo_zero"]}, id="apo_zero"),
    ],
)  # fmt: skip
def test_losses_and_gradients_are_those_of_trl_step_after_step(
    trl: Any, tmp_path: Path, algo: dict[str, Any], settings: dict[str, Any]
) -> None:
    start = model()
    expected, seen = theirs(trl, start, tmp_path, settings)
    got, read = ours(start, DPO(**algo))
    assert read == seen, "both learn from the same tokens"
    assert max(float(g.abs().max()) for g in expected[0][1].values()) > 1e-3
    for (loss, gradients), (wanted, slopes) in zip(got, expected, strict=True):
        assert loss == pytest.approx(wanted, abs=2e-5)
        assert gradients.keys() == slopes.keys()
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, slopes[name], atol=2e-5, rtol=1e-3, msg=name)
