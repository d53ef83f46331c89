"""What an iteration made of each token, for the eye: its credit, and what the trainer gave it before a step.

| column | what |
|---|---|
| push | -dLoss/dlogp at the policy that starts the iteration, times the loss's denominator |
| credit, part/NAME | the algorithm's own credit and the terms it adds up, where it has them |
| logp, entropy, values | the trainer's log-probability, its entropy, the critic's value |
| logp_ref, logp_teacher, returns | further columns the loss read |

The denominator of a loss a token is that of its mean, so that without a penalty the push of a policy gradient
is its credit; that of a coupled loss without credit is the number of pairs, or of what its minibatches are
made of. Weights for the difference of sampler and trainer come on top and are not in it.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from agentrl.algo import Algorithm, AlgoState, TokenCredit, TurnCredit
from agentrl.batch import TokenTable
from agentrl.learner.team import SOLO, Team, asked
from agentrl.losses.reduce import weights

Keep = Callable[[TokenTable, Mapping[str, Tensor]], None]
"""Called with the table of an iteration and what is to be shown of each token"""
PART = "part/"
"""begins the names of columns that are terms of the credit"""
SHOWN = ("push", "credit", "logp", "entropy", "values", "logp_ref", "logp_teacher", "returns")


def with_credit(table: TokenTable, credit: TurnCredit | TokenCredit | None, dtype: torch.dtype) -> TokenTable:
    """Return the table with `credit` (and `returns`), a turn's number given to each of its tokens."""
    if credit is None:
        return table
    columns = {name: column.to(dtype) for name, column in credit.columns.items()}
    terms = {"credit": credit.value, **{f"{PART}{name}": term for name, term in credit.parts.items()}}
    if isinstance(credit, TurnCredit):
        terms = {name: term.index_select(0, table.turn) for name, term in terms.items()}
    elif credit.returns is not None:
        columns["returns"] = credit.returns.to(dtype)
    return table.with_columns(**columns, **{name: term.to(dtype) for name, term in terms.items()})


def seen(
    algo: Algorithm,
    table: TokenTable,
    state: AlgoState,
    columns: Callable[[Tensor, Tensor], dict[str, Tensor]],
    budget: int,
    team: Team = SOLO,
) -> dict[str, Tensor]:
    """Return the columns to be shown, [N] each; `columns` asks the models, for rows and their tokens.

    Edge: a loss that does not read `logp` (but whole distributions) has no push.
    """

    def ask(rows: Tensor, tokens: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            piece = {name: value.cpu() for name, value in columns(rows, tokens).items()}
        if algo.coupled:
            return piece
        # Whole distributions would not fit for all tokens at once.
        slope = push(algo, table.take(tokens).with_columns(**piece), state)
        return {name: value for name, value in piece.items() if value.ndim == 1} | slope

    whole = table.with_columns(**asked(team, table, budget, ask))
    slope = push(algo, whole, state) if algo.coupled else {}
    shown = {name: column for name, column in whole.columns.items() if _shown(name) and column.ndim == 1}
    return shown | slope


def _shown(name: str) -> bool:
    return name in SHOWN or name.startswith(PART)


def push(algo: Algorithm, table: TokenTable, state: AlgoState) -> dict[str, Tensor]:
    """Return -dLoss/dlogp of each token, [N], times the loss's denominator, under the name `push`.

    Shapes: `table` holds every column that the loss reads.
    Edge:   nothing comes back where the loss does not depend on `logp`.
    """
    logp = table.logp.detach().clone().requires_grad_()
    policy = algo.loss(table.with_columns(logp=logp), state).policy
    if policy is None or not policy.requires_grad:
        return {}
    (slope,) = torch.autograd.grad(policy.sum(), logp, allow_unused=True)
    return {} if slope is None else {"push": -slope * _denominator(algo, table)}


def _denominator(algo: Algorithm, table: TokenTable) -> Tensor | int:
    """Return what the loss is divided by: a number a token, [N], or one for all."""
    if not algo.coupled:
        return 1
    if "credit" in table.columns:
        return 1 / weights(algo.aggregate, table.trajectory, max_tokens=table.max_tokens).to(table.logp.dtype)
    if algo.unit == "pair":
        return len(table.pairs) if table.pairs is not None else 1
    column = {"row": table.row, "trajectory": table.trajectory, "group": table.group}[algo.unit]
    return len(torch.unique(column))
