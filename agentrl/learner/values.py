"""A run's trained value, kept beside its model, and asked what a context is worth."""

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from agentrl.errors import ConfigError
from agentrl.learner.critic import Critic
from agentrl.learner.lora import merged
from agentrl.learner.model import Policy

FOLDER = "critic"
"""in a run's folder, beside `model/`"""
WEIGHTS, FORM = "critic.safetensors", "critic.json"
TRUNK, HEAD = "trunk.", "head."


def save_values(policy: Policy, critic: Critic | None, folder: Path) -> None:
    """Write whole weights of a critic, or of the policy's value head; an adapter is merged in."""
    head = critic.head if critic is not None else policy.value_head
    assert head is not None
    weights = {f"{HEAD}{name}": tensor for name, tensor in head.state_dict().items()}
    if critic is not None:
        weights |= {f"{TRUNK}{name}": tensor for name, tensor in merged(critic.trunk)}
    save_file(
        {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, folder / WEIGHTS
    )
    form = {"separate": critic is not None, "heads": head.out_features}
    (folder / FORM).write_text(json.dumps(form, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class CriticValues:
    """What a trained value says of contexts."""

    policy: Policy
    critic: Critic | None
    """None: the policy's own head"""
    budget: int
    """padded tokens in one forward pass"""

    @torch.no_grad()
    def __call__(self, contexts: Sequence["array[int]"]) -> list[float]:
        """Return the value of the state after the last token of each context, in reward units.

        Edge: an empty context is worth 0.
        """
        found = [0.0] * len(contexts)
        order = sorted((i for i, ids in enumerate(contexts) if len(ids)), key=lambda i: len(contexts[i]))
        while order:
            count = max(1, min(len(order), self.budget // len(contexts[order[-1]])))
            batch, order = order[-count:], order[:-count]
            for i, value in zip(batch, self._batch([contexts[i] for i in batch]), strict=True):
                found[i] = value
        return found

    def _batch(self, contexts: Sequence["array[int]"]) -> list[float]:
        longest = max(map(len, contexts))
        ids = torch.full((len(contexts), longest), self.policy.pad, dtype=torch.long)
        for row, context in enumerate(contexts):
            ids[row, : len(context)] = torch.tensor(context, dtype=torch.long)
        device = self.policy.device
        ids, rows = ids.to(device), torch.arange(len(contexts), device=device)
        column = torch.tensor([len(context) for context in contexts], device=device)
        if self.critic is not None:
            values = self.critic.columns(ids, rows, column)["values"]
        else:
            values = self.policy.columns(ids, rows, column, ids[:, 0], frozenset({"values"}))["values"]
        return [float(value) for value in values]


def load_values(policy: Policy, model: str, budget: int) -> CriticValues:
    """Return what the run of a model learnt of values: `RUN/critic` beside `RUN/model`.

    Errors: ConfigError where the run has none, or one that has no single number to choose by.
    """
    folder = Path(model).parent / FOLDER
    if not (folder / FORM).is_file():
        raise ConfigError(
            f"model={model}: its run keeps no trained value ({folder}); train with an algorithm that has one"
            " (oreo, ppo), or choose by something else: eval.decode=best_of_n eval.choose=majority"
        )
    form = json.loads((folder / FORM).read_text(encoding="utf-8"))
    if form["heads"] != 1:
        raise ConfigError(f"{folder} predicts {form['heads']} numbers; choosing needs one")
    weights = load_file(folder / WEIGHTS)
    if form["separate"]:
        critic = Critic.like(policy)
        critic.load_state_dict(weights)
        critic.trunk.eval()
        return CriticValues(policy, critic, budget)
    policy.add_value_head()
    assert policy.value_head is not None
    policy.value_head.load_state_dict({name.removeprefix(HEAD): w for name, w in weights.items()})
    return CriticValues(policy, None, budget)
