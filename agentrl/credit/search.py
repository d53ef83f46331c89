"""Monte-Carlo tree search over steps, as MCTS-DPO (arXiv:2405.00451, published code) does it.

One iteration walks from the root to the bottom: it chooses among children by

    Q(c) + w p(c) sqrt(N(parent)) / (1 + N(c))        ties: the first child

expands what has no children yet, and so goes on to a leaf: there is no random play-out. Back up then sets,
for the last node, Q = r + gamma V; for each one above it V = the mean of its children's Q, each weighing
max(1, N), and again Q = r + gamma V. The root counts twice an iteration.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Expand = Callable[[int], Sequence["Child"]]
"""From a node's index to its children; none where nothing can follow"""


class Child(NamedTuple):
    """What an expansion brings."""

    value: float
    """score of the state it leads to"""
    prior: float
    """how likely the policy finds it; see `prior`"""
    terminal: bool = False


@dataclass(slots=True)
class SearchNode:
    """One step in the tree."""

    parent: int
    """-1: the root"""
    depth: int
    value: float
    reward: float
    """value less the parent's: what the step brought"""
    prior: float
    q: float
    terminal: bool
    visits: int = 0
    v: float = 0.0
    children: list[int] = field(default_factory=list)
    expanded: bool = False


@dataclass(slots=True)
class Search:
    """A tree that grows by iterations. Node 0 is the root, without value or reward."""

    expand: Expand
    depth_limit: int
    exploration: float = 1.0
    """w of the rule above"""
    gamma: float = 1.0
    nodes: list[SearchNode] = field(default_factory=lambda: [SearchNode(-1, 0, 0.0, 0.0, 1.0, 0.0, False)])

    def run(self, iterations: int, root: int = 0) -> None:
        """Search this many times below `root`; what is already known there is kept."""
        for _ in range(iterations):
            self.nodes[root].visits += 1
            self._back_up(self._descend(root), root)

    def _ends(self, index: int, root: int) -> bool:
        node = self.nodes[index]
        return node.terminal or node.depth - self.nodes[root].depth >= self.depth_limit

    def _descend(self, root: int) -> int:
        """Return the leaf that the walk came to, expanding on the way."""
        index = root
        while not self._ends(index, root):
            node = self.nodes[index]
            if not node.expanded:
                self._grow(index)
            if not node.children:
                break
            index = max(node.children, key=lambda child: self._appeal(index, child))
        return index

    def _appeal(self, parent: int, child: int) -> float:
        node = self.nodes[child]
        bonus = node.prior * math.sqrt(self.nodes[parent].visits) / (1 + node.visits)
        return node.q + self.exploration * bonus

    def _grow(self, index: int) -> None:
        node = self.nodes[index]
        node.expanded = True
        for child in self.expand(index):
            reward = child.value - node.value
            made = SearchNode(
                index, node.depth + 1, child.value, reward, child.prior, node.v + reward, child.terminal
            )
            node.children.append(len(self.nodes))
            self.nodes.append(made)

    def _back_up(self, leaf: int, root: int) -> None:
        index = leaf
        while True:
            node = self.nodes[index]
            if index != leaf and node.children:
                below = [self.nodes[child] for child in node.children]
                weights = [max(1, child.visits) for child in below]
                total = sum(n * child.q for n, child in zip(weights, below, strict=True))
                node.v = total / sum(weights)
            node.visits += 1
            if index == root:
                return
            node.q = node.reward + self.gamma * node.v
            index = node.parent

    # What is done with the tree.

    def best(self, parent: int) -> int:
        """Return the child to go on with: the most visited, more so where its own children differ in visits.

        Edge: ties go by Q, then V, then to the first.
        """

        def rank(child: int) -> tuple[float, float, float]:
            node = self.nodes[child]
            visits = [self.nodes[below].visits for below in node.children]
            spread = max(visits) - min(visits) + 1 if visits else 1
            return node.visits * spread, node.q, node.v

        return max(self.nodes[parent].children, key=rank)

    def policy(self, parent: int) -> list[float]:
        """Return the distribution over children that the search came to: even over the most visited."""
        visits = [self.nodes[child].visits for child in self.nodes[parent].children]
        most = max(visits)
        return [float(n == most) / visits.count(most) for n in visits]

    def ascending(self, parent: int) -> list[int]:
        """Return the children from worst to best: by Q, `policy`, reward, V and visits."""
        children = self.nodes[parent].children
        chance = dict(zip(children, self.policy(parent), strict=True))

        def rank(child: int) -> tuple[float, ...]:
            node = self.nodes[child]
            return node.q, chance[child], node.reward, node.v, node.visits

        return sorted(children, key=rank)


def prior(logprobs: Sequence[float], length_penalty: float = 1.25) -> float:
    """Return exp(sum of log-probabilities / length^penalty): how likely a step is, its length discounted.

    Edge: a step without tokens has prior 1.
    """
    return math.exp(sum(logprobs) / max(len(logprobs), 1) ** length_penalty)


def doubt(chosen: int, rejected: int) -> float:
    """Return the chance that a pair is the wrong way round by visit counts: n_l / (n_w + n_l), at most 1/2.

    Source: conservative loss of MCTS-DPO (arXiv:2405.00451), published code.
    Edge:   a chosen side never visited counts as visited once.
    """
    return min(1.0 - 1.0 / (1.0 + rejected / max(1, chosen)), 0.5)
