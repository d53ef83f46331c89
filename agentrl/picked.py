"""What is kept of what was played: episodes by how they went, pairs by a rule on trees."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from agentrl.credit.trees import preferences
from agentrl.datafile import PlayedPair
from agentrl.rollout.tree import Grown
from agentrl.types import UNSCORABLE, Trajectory, Tree


def kept(played: Sequence[Trajectory], how: str, only: str = "all") -> list[Trajectory]:
    """Return the episodes that are wanted of those that were played, in their order.

    best_of_n: the first of each group with the highest return. rejection: successes, equal ones once.
    """
    found = [e for e in played if e.scorable]
    if only == "success" or how == "rejection":
        found = [e for e in found if e.success]
    if how == "best_of_n":
        best: dict[str, Trajectory] = {}
        for episode in found:
            if episode.group not in best or episode.ret > best[episode.group].ret:
                best[episode.group] = episode
        return list(best.values())
    if how == "rejection":
        said_by = {(e.group, b"|".join(t.action_ids.tobytes() for t in e.turns)): e for e in reversed(found)}
        return [e for e in found if any(e is one for one in said_by.values())]
    return found


def pairs_of(grown: Grown, rule: str, gap: float) -> Iterator[PlayedPair]:
    """Yield the pairs that a rule draws from a tree: the best end of one side, the worst of the other."""
    tree = grown.tree
    for one in preferences(tree, rule, gap):
        trunk = grown.episodes[0]
        chosen = _episode(tree, one.chosen, trunk, best=True)
        rejected = _episode(tree, one.rejected, trunk, best=False)
        turn = len(tree.path(one.chosen)) - 1
        if chosen.turns[turn].action_ids != rejected.turns[turn].action_ids:
            yield PlayedPair(chosen, rejected, turn, False, one.weight, one.margin)


def _episode(tree: Tree, node: int, trunk: Trajectory, *, best: bool) -> Trajectory:
    """Return an episode through a node, to the best or the worst end below it, the first of equals."""
    below, leaves = [node], list[int]()
    while below:
        at = below.pop()
        children = tree.children(at)
        below += children
        leaves += [] if children else [at]
    order = sorted(i for i in leaves if tree.nodes[i].outcome not in UNSCORABLE)
    end = (max if best else min)(order, key=lambda i: tree.nodes[i].score)
    leaf = tree.nodes[end]
    turns = tuple(tree.nodes[i].turn for i in tree.path(end))
    assert leaf.outcome is not None
    return replace(
        trunk, turns=turns, outcome=leaf.outcome, score=leaf.score, success=leaf.outcome == "success",
        ret=sum(value for turn in turns for value in turn.rewards.values()), reason="", metrics={},
        terminated=leaf.outcome in ("success", "failure"), truncated=leaf.outcome.endswith("limit"),
        final_state=None,
    )  # fmt: skip
