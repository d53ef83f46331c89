"""A trained value is kept beside the model and says the same when it is read back."""

from pathlib import Path

import pytest
import torch

from agentrl.batch import token_table
from agentrl.errors import ConfigError
from agentrl.learner.checkpoint import save_result
from agentrl.learner.critic import Critic
from agentrl.learner.lora import add_lora
from agentrl.learner.model import Policy, compute, load_model
from agentrl.learner.tiny import tiny_model, tiny_tokenizer
from agentrl.learner.values import CriticValues, load_values
from agentrl.settings import ModelSettings
from agentrl.types import ids32
from tests.agentrl.examples import FakeTokenizer, episodes, model

CONTEXTS = [ids32([5, 6, 7, 8]), ids32([9]), ids32([4] * 11), ids32()]


def policy() -> Policy:
    tokenizer = tiny_tokenizer(["You are at 1 of 4.", "up", "down"], limit=400)
    return Policy(tiny_model(tokenizer, hidden=16, layers=1, heads=2, context=64, seed=0), tokenizer)


def stirred(critic: Critic, seed: int = 1) -> Critic:
    """Return the critic with other trained weights than a fresh one."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return critic


@pytest.mark.parametrize("kind", ["separate", "head", "adapter"])
def test_values_are_the_same_after_they_were_saved(kind: str, tmp_path: Path) -> None:
    own = policy()
    critic = None
    if kind == "adapter":
        pytest.importorskip("peft")
        add_lora(own.module, ModelSettings(lora=2), 0)
    if kind == "head":
        own.add_value_head()
        assert own.value_head is not None
        torch.nn.init.normal_(own.value_head.weight)
    else:
        critic = stirred(Critic.like(own))
    before = CriticValues(own, critic, 64)(CONTEXTS)
    save_result(own, tmp_path, critic)
    again = load_model(str(tmp_path / "model"), "float32", "cpu")
    after = load_values(again, str(tmp_path / "model"), budget=12)(CONTEXTS)
    assert after == pytest.approx(before, abs=1e-5)
    assert before[3] == 0.0 and len({round(value, 4) for value in before[:3]}) == 3


def test_a_context_is_worth_what_the_learner_sees_before_the_next_token() -> None:
    own = Policy(model(), FakeTokenizer())
    critic = stirred(Critic.like(own))
    table = token_table(episodes(4))
    wanted = compute(own, table, frozenset({"values"}), 64, critic)["values"]
    contexts = [turn.prompt_ids for e in episodes(4) for turn in e.turns]  # each a window of its own
    firsts = [i for i in range(len(table)) if i == 0 or int(table.turn[i]) != int(table.turn[i - 1])]
    assert CriticValues(own, critic, 32)(contexts) == pytest.approx(wanted[firsts].tolist())


def test_a_run_without_a_value_is_refused_in_words(tmp_path: Path) -> None:
    own = policy()
    save_result(own, tmp_path)
    with pytest.raises(ConfigError, match="keeps no trained value"):
        load_values(own, str(tmp_path / "model"), 64)
    save_result(own, tmp_path, Critic.like(own, heads=2))
    with pytest.raises(ConfigError, match="predicts 2 numbers"):
        load_values(own, str(tmp_path / "model"), 64)
