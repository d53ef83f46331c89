"""Verifiers as rewards of TRL's own GRPOTrainer."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import PreTrainedTokenizerFast

import agentrl
from agentrl.types import Task
from agentrl.verify import FunctionVerifier, Verdict
from tests.agentrl.examples import VOCABULARY, model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trl() -> Any:
    return pytest.importorskip("trl", reason="TRL is not installed: it comes with the extra 'trl'")


def tokenizer() -> Any:
    words = Tokenizer(WordLevel({f"w{i}": i for i in range(VOCABULARY)}, unk_token="w2"))
    words.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="w0", eos_token="w1")


def early(answer: str, task: Task) -> float | Verdict:
    """Return the share of words from the first half of the vocabulary; say nothing about the second row."""
    if task.data["row"] == 1:
        return Verdict(0.0, "timeout", "it took too long")
    words = [int(word[1:]) for word in answer.split() if word[1:].isdigit()]
    return sum(word < VOCABULARY / 2 for word in words) / max(1, len(words))


def test_a_verifier_trains_in_trl_and_what_is_unknown_is_left_out(trl: Any, tmp_path: Path) -> None:
    from datasets import Dataset

    seen: list[list[float | None]] = []
    known = agentrl.reward_function(FunctionVerifier(lambda reply: float("w3" in reply), "w3"))
    judged = agentrl.reward_function(FunctionVerifier(early, "early"))

    def watched(*args: Any, **columns: Any) -> list[float | None]:
        seen.append(judged(*args, **columns))
        return seen[-1]

    watched.__name__ = judged.__name__
    torch.manual_seed(0)
    trainer = trl.GRPOTrainer(
        model=model(dtype=torch.float32),
        reward_funcs=[watched, known],
        args=trl.GRPOConfig(
            output_dir=str(tmp_path),
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            per_device_train_batch_size=8,
            num_generations=4,
            max_completion_length=8,
            max_steps=2,
            learning_rate=1e-2,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
        ),
        train_dataset=Dataset.from_dict({"prompt": ["w3 w4", "w5 w6"], "row": [0, 1]}),
        processing_class=tokenizer(),
    )
    before = [p.detach().clone() for p in trainer.model.parameters()]
    trainer.train()
    flat = [reward for step in seen for reward in step]
    assert len(seen) == 2 and flat.count(None) == 8 and any(r for r in flat if r is not None)
    logs = [line for line in trainer.state.log_history if "rewards/early/mean" in line]
    for line, step in zip(logs, seen, strict=True):
        sure = [reward for reward in step if reward is not None]
        assert line["rewards/early/mean"] == pytest.approx(sum(sure) / len(sure), abs=1e-6)
    moved = [not torch.equal(a, b) for a, b in zip(before, trainer.model.parameters(), strict=True)]
    assert any(moved), "nothing was learnt"
