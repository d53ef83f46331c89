"""Learners that share the work on one table: who has which micro-batches, and what is put together again.

A learner asks its team, which is itself alone (`SOLO`) unless the learner lives in several processes
(`agentrl.learner.sharded`). All members do the same in the same order, each with its own micro-batches.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from agentrl.batch import microbatches
from agentrl.table import TokenTable

Enter = Callable[..., Any]
"""How a forward pass is entered: `enter(work, *args)` gives what `work(*args)` does"""


class Model(Protocol):
    """What a team holds in pieces: a policy, or a critic."""

    enter: Enter
    team: "Team"

    def parts(self) -> Sequence[nn.Module]:
        """Return the transformer, and the heads on it that are no part of it."""
        ...


class Team(Protocol):
    """The members that learn one policy."""

    def dealt(self, table: TokenTable, budget: int) -> Iterator[tuple[Tensor, Tensor, bool]]:
        """Yield this member's micro-batches of a table, and whether each counts: all get equally many.

        What does not count is computed for company: a forward pass needs every member.
        """
        ...

    def whole(self, columns: Mapping[str, Tensor], tokens: Tensor, count: int) -> dict[str, Tensor]:
        """Return columns of all `count` tokens from those of this member's `tokens`, in any order."""
        ...

    def summed(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the sums over all members, by name; all give the same names."""
        ...

    def largest(self, value: float) -> float:
        """Return the largest that a member gives."""
        ...

    def own(self, tensor: Tensor) -> Tensor:
        """Return the piece of a tensor that this member holds."""
        ...

    def split(self, model: Model) -> None:
        """Leave this member with its piece of a model's weights; from then on passes are entered as one."""
        ...


class Solo:
    """A learner that has no company."""

    def dealt(self, table: TokenTable, budget: int) -> Iterator[tuple[Tensor, Tensor, bool]]:
        """Yield all micro-batches."""
        return ((rows, tokens, True) for rows, tokens in microbatches(table, budget))

    def whole(self, columns: Mapping[str, Tensor], tokens: Tensor, count: int) -> dict[str, Tensor]:
        """Return the columns in the order of the tokens."""
        place = torch.argsort(tokens)
        return {name: column[place] for name, column in columns.items()}

    def summed(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the values."""
        return dict(values)

    def largest(self, value: float) -> float:
        """Return the value."""
        return value

    def own(self, tensor: Tensor) -> Tensor:
        """Return the tensor."""
        return tensor

    def split(self, model: Model) -> None:
        """Leave the model whole."""


SOLO = Solo()


def straight(work: Callable[..., Any], *args: Any) -> Any:
    """Return what the work does, with weights that are here anyway."""
    return work(*args)


def asked(
    team: Team,
    table: TokenTable,
    budget: int,
    ask: Callable[[Tensor, Tensor], Mapping[str, Tensor]],
) -> dict[str, Tensor]:
    """Return columns of all tokens of a table, [N, ...] each; `ask` gives those of rows and their tokens."""
    pieces: list[dict[str, Tensor]] = []
    order: list[Tensor] = []
    for rows, tokens, counts in team.dealt(table, budget):
        piece = {name: column.cpu() for name, column in ask(rows, tokens).items()}
        pieces.append(piece if counts else {name: column[:0] for name, column in piece.items()})
        order.append(tokens if counts else tokens[:0])
    columns = {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}
    return team.whole(columns, torch.cat(order), len(table))
