"""What an iteration was made of, and how it is kept for the eye: credit beside episodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from agentrl.creditfile import (
    FOLDER,
    FURTHER,
    Credited,
    Grown,
    Header,
    credited,
    pairs_of,
    tree_records,
    write_credit,
)
from agentrl.table import TokenTable
from agentrl.trajectories import write_trajectories
from agentrl.types import Trajectory


@dataclass(slots=True)
class Origin:
    """What an iteration's table was made of."""

    fresh: Sequence[Trajectory] = ()
    """episodes played in it, which the run's `trajectories/` keep"""
    learnt: Sequence[Trajectory] = ()
    """episodes in the table, in its order; those without a token do not count"""
    grown: list[Grown] = field(default_factory=list)
    """trees that the table's pairs are nodes of"""

    def keep(
        self, run: Path, header: Header, table: TokenTable | None, columns: Mapping[str, Tensor]
    ) -> None:
        """Write what was made of each token into the run's folder; `header` names iteration and algorithm.

        Edge: without a table nothing was learnt from, which is then what the file says.
        """
        name = f"{header.iteration:06d}.jsonl.gz"
        arrays = {key: column.detach().float().numpy() for key, column in columns.items()}
        found = [] if table is None else list(credited(table, arrays))
        header = replace(header, columns=tuple(columns), trees=tree_records(self.grown))
        if self.grown and table is not None:
            lines = [self._of_node(header, table, number, one) for number, one in found]
        else:
            place, further = self._places()
            lines = [replace(one, episode=place[number]) for number, one in found]
            pairs = () if table is None else pairs_of(table)
            own = (p._replace(chosen=place[p.chosen], rejected=place[p.rejected]) for p in pairs)
            header = replace(header, further=len(further), pairs=tuple(own))
            if further:
                write_trajectories(run / FURTHER / name, further)
        write_credit(run / FOLDER / name, header, lines)

    def _of_node(self, header: Header, table: TokenTable, number: int, one: Credited) -> Credited:
        """Return a line under the name of its node: a side of a pair is a path to one."""
        group, node = table.trajectories.name[number]
        told = header.trees[int(group)].nodes[node]
        return replace(
            one, episode=told.episode, node=(int(group), node), turns=((told.turn, one.turns[0][1]),)
        )

    def _places(self) -> tuple[list[int], list[Trajectory]]:
        """Return the number that each episode of the table is kept under, and those not kept elsewhere."""
        place = {id(episode): number for number, episode in enumerate(self.fresh)}
        further: list[Trajectory] = []
        found = []
        for episode in self.learnt:
            if not any(turn.action_ids for turn in episode.turns):
                continue
            if id(episode) not in place:
                place[id(episode)] = len(self.fresh) + len(further)
                further.append(episode)
            found.append(place[id(episode)])
        return found, further
