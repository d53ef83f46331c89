"""Policies: Hugging Face causal models, and what the learner asks of them.

A forward pass returns columns of the token table (log-probability, entropy, value) for the policy's tokens
alone: hidden states are picked first and the vocabulary is projected piece by piece, so that the logits of a
whole batch never exist at once.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from agentrl.batch import TokenTable, padded
from agentrl.errors import ConfigError
from agentrl.learner.critic import Critic, zero_head
from agentrl.learner.lora import copied, merged
from agentrl.learner.team import SOLO, Enter, Team, asked, straight
from agentrl.memory import LOGITS
from agentrl.places import check_model, unreachable

HEAD = "lm_head.weight"
"""the output head's weight, as samplers know it"""
PIECE = 1024
"""most tokens projected at once: twice as fast on a CPU as a whole batch, whose logits are fresh pages"""


class Policy:
    """A causal language model with its tokenizer."""

    def __init__(self, module: Any, tokenizer: Any) -> None:
        self.module = module
        self.tokenizer = tokenizer
        self.value_head: nn.Linear | None = None
        self.team: Team = SOLO
        self.enter: Enter = straight
        self.pad = pad_of(tokenizer)
        self.ends = end_tokens(module, tokenizer)
        self._projects = self._head_is_plain()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = next(self.module.parameters()).device
        return device

    def parameters(self) -> Iterable[nn.Parameter]:
        """Return everything that is trained, value head included."""
        head = list(self.value_head.parameters()) if self.value_head is not None else []
        return [p for p in self.module.parameters() if p.requires_grad] + head

    def parts(self) -> list[nn.Module]:
        """Return the model, and the value head where there is one."""
        return [self.module, *([self.value_head] if self.value_head is not None else [])]

    def still(self) -> None:
        """Switch every dropout off: the same tokens get the same probabilities."""
        for part in self.module.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every weight by its Hugging Face name, detached; the output head by its own, tied or not.

        An adapter is merged in a weight at a time, as the caller asks; what is trained is not touched.

        An engine may keep its own packed copy of a tied head: told of the embedding alone it would stay old.
        """
        named = False
        for name, tensor in merged(self.module):
            named = named or name == HEAD
            yield name, tensor
        head = self.module.get_output_embeddings()
        if head is not None and not named:
            yield HEAD, head.weight.detach()

    def frozen_copy(self) -> "Policy":
        """Return a copy that never changes, as a reference; a frozen base is shared, not copied."""
        module = copied(self.module).eval()
        module.requires_grad_(False)
        return Policy(module, self.tokenizer)

    def _head_is_plain(self) -> bool:
        """Tell whether logits are the output embedding times the last hidden state, with nothing after it."""
        head = self.module.get_output_embeddings()
        if head is None or not hasattr(self.module, "model"):
            return False
        training = self.module.training
        self.module.eval()
        with torch.no_grad():
            ids = torch.arange(3, 6, device=self.device)[None] % self.module.config.vocab_size
            direct = head(self.module.model(input_ids=ids, use_cache=False).last_hidden_state)
            whole = self.module(input_ids=ids, use_cache=False).logits
        self.module.train(training)
        return torch.allclose(direct.float(), whole.float(), atol=1e-4, rtol=1e-3)

    def columns(
        self,
        ids: Tensor,
        row: Tensor,
        column: Tensor,
        token: Tensor,
        want: frozenset[str],
        temperature: float = 1.0,
        support: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the wanted columns of some tokens.

        Shapes: ids [R, L] padded on the right; row, column, token [n]: the tokens; each result [n], float32
                or wider. `logp` and `entropy` are of the distribution at `temperature`; `values` needs a
                value head; `logp_support` [n, k] is of the tokens `support` [n, k] in the same places;
                `hidden` [n, H] is the state that a token was predicted from, `activation` the mean over
                all units of all layers there.
        """
        place = column - 1
        if not self._projects:
            logits = self.module(input_ids=ids, use_cache=False).logits[row, place]
            hidden = None
        else:
            states = self.module.model(input_ids=ids, use_cache=False).last_hidden_state
            hidden = states[row, place]
            logits = None
        out: dict[str, Tensor] = {}
        if want & {"logp", "entropy", "logp_support"}:
            source = hidden if logits is None else logits
            assert source is not None
            if support is None:
                support = token[:, None]
            found = self._distribution(
                source, token, support, temperature, entropy="entropy" in want, projected=logits is not None
            )
            out = dict(zip(("logp", "entropy", "logp_support"), found, strict=True))
        if "values" in want:
            if self.value_head is None or hidden is None:
                raise ConfigError("this model has no value head; use learner.critic=separate")
            out["values"] = self.value_head(hidden.to(self.value_head.weight.dtype)).squeeze(-1)
        if "activation" in want:
            layers = self.module.model(
                input_ids=ids, use_cache=False, output_hidden_states=True
            ).hidden_states
            out["activation"] = torch.stack([x[row, place].float().mean(-1) for x in layers]).mean(0)
        if "hidden" in want:
            if hidden is None:
                raise ConfigError(
                    "hidden states of this model cannot be had: its logits are not its head's alone"
                )
            out["hidden"] = hidden.float()
        return {name: out[name] for name in want}

    def _distribution(
        self,
        source: Tensor,
        token: Tensor,
        support: Tensor,
        temperature: float,
        *,
        entropy: bool,
        projected: bool,
    ) -> list[Tensor]:
        """Return log-probabilities of tokens, entropies, and those of the support, a piece at a time."""
        head = self.module.get_output_embeddings()

        def piece(part: Tensor, ids: Tensor, others: Tensor) -> tuple[Tensor, ...]:
            logits = part if projected else head(part)
            logits = logits if logits.dtype == torch.float64 else logits.float()
            logps = (logits if temperature == 1 else logits / temperature).log_softmax(-1)
            logp = logps.gather(-1, ids[:, None]).squeeze(-1)
            spread = -(logps.exp() * logps).sum(-1) if entropy else logp.detach()
            return logp, spread, logps.gather(-1, others)

        most = max(1, LOGITS // self.module.config.vocab_size)
        size = min(most, PIECE)
        pieces = list(zip(source.split(size), token.split(size), support.split(size), strict=True))
        # Few logits are kept for the backward pass; where they are many they are computed again instead.
        again = torch.is_grad_enabled() and len(token) > most
        done = [checkpoint(piece, *one, use_reentrant=False) if again else piece(*one) for one in pieces]
        return [torch.cat(columns) for columns in zip(*done, strict=True)]

    @torch.no_grad()
    def likeliest(self, ids: Tensor, row: Tensor, column: Tensor, count: int) -> Tensor:
        """Return the `count` tokens found most likely in each place, [n, count]; shapes as in `columns`."""
        if self._projects:
            states = self.module.model(input_ids=ids, use_cache=False).last_hidden_state[row, column - 1]
            head = self.module.get_output_embeddings()
            most = max(1, LOGITS // self.module.config.vocab_size)
            return torch.cat([head(part).topk(count, -1).indices for part in states.split(most)])
        logits: Tensor = self.module(input_ids=ids, use_cache=False).logits[row, column - 1]
        return logits.topk(count, -1).indices

    def add_value_head(self, heads: int = 1) -> None:
        """Give the policy a linear value head, zero at first."""
        self.value_head = zero_head(self.module.config.hidden_size, heads).to(self.device)
        if next(self.module.parameters()).dtype == torch.float64:
            self.value_head.double()


def pad_of(tokenizer: Any) -> int:
    """Return the id that rows are filled up with: the tokenizer's own, or where it has none its end token."""
    pad: int = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    return pad


def end_tokens(module: Any, tokenizer: Any) -> frozenset[int]:
    """Return the ids that end a reply: the tokenizer's, and those of the model's generation settings."""
    found: set[int] = set()
    for source in (tokenizer.eos_token_id, getattr(module.generation_config, "eos_token_id", None)):
        if isinstance(source, int):
            found.add(source)
        elif source is not None:
            found.update(source)
    if not found:
        raise ConfigError("neither the tokenizer nor the model names an end token; replies would never end")
    return frozenset(found)


def forward(
    policy: Policy,
    table: TokenTable,
    rows: Tensor,
    tokens: Tensor,
    want: frozenset[str],
    critic: Critic | None = None,
) -> dict[str, Tensor]:
    """Return the wanted columns for one micro-batch, [n] each: values from `critic` where there is one."""
    device = policy.device
    ids, local = (part.to(device) for part in padded(table, rows, tokens, policy.pad))
    column, token = table.column[tokens].to(device), table.ids[tokens].to(device)
    own = want - {"values"} if critic is not None else want
    support = table.get("support")[tokens].to(device) if "logp_support" in want else None
    out: dict[str, Tensor] = {}
    if own:
        out |= policy.enter(policy.columns, ids, local, column, token, own, table.temperature, support)
    if critic is not None and "values" in want:
        out |= critic.enter(critic.columns, ids, local, column)
    return out


def likeliest(policy: Policy, table: TokenTable, count: int, budget: int) -> Tensor:
    """Return the tokens that the policy finds most likely in the place of every token, [N, count] int64."""

    def ask(rows: Tensor, tokens: Tensor) -> dict[str, Tensor]:
        ids, local = (part.to(policy.device) for part in padded(table, rows, tokens, policy.pad))
        column = table.column[tokens].to(policy.device)
        return {"support": policy.enter(policy.likeliest, ids, local, column, count)}

    return asked(policy.team, table, budget, ask)["support"]


@torch.no_grad()
def compute(
    policy: Policy, table: TokenTable, want: frozenset[str], budget: int, critic: Critic | None = None
) -> dict[str, Tensor]:
    """Return the wanted columns of every token, [N] each, without gradients."""
    ask = partial(forward, policy, table, want=want, critic=critic)
    return asked(policy.team, table, budget, ask)


def load_model(path: str, dtype: str, device: str = "") -> Policy:
    """Return the model and tokenizer of a folder or hub id, on `device` (empty: a GPU where there is one).

    Errors: ConfigError where the folder holds no model or no tokenizer, or the hub cannot be reached.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging as quiet

    quiet.disable_progress_bar()

    check_model(path)
    tokenizer = load_tokenizer(path)
    try:
        module = AutoModelForCausalLM.from_pretrained(path, dtype=getattr(torch, dtype))
        module.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    except (OSError, ValueError) as why:
        raise ConfigError(unreachable(path, why)) from why
    policy = Policy(module, tokenizer)
    policy.still()
    return policy


def load_tokenizer(path: str) -> Any:
    """Return the tokenizer of a folder or hub id.

    Errors: ConfigError where it cannot be had, or cannot write a conversation.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError) as why:
        raise ConfigError(unreachable(path, why)) from why
    if tokenizer.chat_template is None:
        raise ConfigError(f"model={path}: its tokenizer has no chat template; use an instruct model")
    return tokenizer
