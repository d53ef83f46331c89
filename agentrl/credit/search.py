"""Search in a tree of steps: Monte-Carlo as MCTS-DPO (arXiv:2405.00451, published code) has it, and two more.

A search never waits inside a call: it is a generator of the nodes that want children, and goes on when it is
asked for the next ones, by which time `grow` must have given them theirs. So many searches can be driven side
by side, and what they all want can be sampled in one batch.

One Monte-Carlo iteration walks from the root to the bottom: it chooses among children by

    Q(c) + w p(c) sqrt(N(parent)) / (1 + N(c))        ties: the first child

expands what has no children yet, and so goes on to a leaf: there is no random play-out. Back up then sets,
for the last node, Q = r + gamma V; for each one above it V = the mean of its children's Q, each weighing
max(1, N), and again Q = r + gamma V. The root counts twice an iteration. Best-first search and beams back up
each expansion once, from the best of its children.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple


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

    depth_limit: int
    exploration: float = 1.0
    """w of the rule above"""
    gamma: float = 1.0
    select: Literal["puct", "ucb1"] = "puct"
    """puct: the rule above; ucb1: Q(c) + w sqrt(ln N(parent) / (1 + N(c))), which reads no prior"""
    nodes: list[SearchNode] = field(default_factory=lambda: [SearchNode(-1, 0, 0.0, 0.0, 1.0, 0.0, False)])
    way: list[int] = field(default_factory=list)
    """the nodes gone along so far, the root left out"""

    def growing(self, iterations: int, root: int = 0) -> Iterator[int]:
        """Search this many times below `root`, where what is known is kept; yield each node to be grown."""
        for _ in range(iterations):
            self.nodes[root].visits += 1
            index = root
            while not self._ends(index, root):
                if not self.nodes[index].expanded:
                    yield index
                if not self.nodes[index].children:
                    break
                index = self._appealing(index)
            self._back_up(index, root)

    def moves(self, iterations: int) -> Iterator[list[int]]:
        """Search, go on to the best child, and again, to an end; yield the nodes to be grown.

        There are four times as many iterations before the first move. What is below a chosen child is kept.
        """
        root = 0
        while not self.nodes[root].terminal:
            for index in self.growing(iterations * (1 if root else 4), root):
                yield [index]
            if not self.nodes[root].children:
                return
            root = self.best(root)
            self.way.append(root)

    def best_first(self, expansions: int) -> Iterator[list[int]]:
        """Grow the open node of the highest value, so many times; yield it. Ties: the likelier, the older."""
        waiting = [0]
        for _ in range(expansions):
            if not waiting:
                break
            index = max(waiting, key=self._promise)
            waiting.remove(index)
            yield [index]
            self._back_up(self._brightest(index), 0)
            waiting += [child for child in self.nodes[index].children if not self._ends(child, 0)]
        self._go_to_the_best_leaf()

    def beam(self, width: int) -> Iterator[list[int]]:
        """Grow the open nodes of one depth that have the highest values, `width` of them; yield them."""
        front = [0]
        while front:
            yield front
            for index in front:
                self._back_up(self._brightest(index), 0)
            below = [child for index in front for child in self.nodes[index].children]
            below = [child for child in below if not self._ends(child, 0)]
            front = sorted(below, key=self._promise, reverse=True)[:width]
        self._go_to_the_best_leaf()

    def _promise(self, index: int) -> tuple[float, float]:
        return self.nodes[index].value, self.nodes[index].prior

    def _brightest(self, index: int) -> int:
        return max(self.nodes[index].children, key=self._promise, default=index)

    def _go_to_the_best_leaf(self) -> None:
        leaves = [i for i, node in enumerate(self.nodes) if i and not node.children]
        index = max(leaves, key=self._promise, default=0)
        while index:
            self.way.insert(0, index)
            index = self.nodes[index].parent

    def _ends(self, index: int, root: int) -> bool:
        node = self.nodes[index]
        return node.terminal or node.depth - self.nodes[root].depth >= self.depth_limit

    def _appealing(self, parent: int) -> int:
        """Return the child that a walk goes to."""
        return max(self.nodes[parent].children, key=lambda child: self._appeal(parent, child))

    def _appeal(self, parent: int, child: int) -> float:
        node, above = self.nodes[child], self.nodes[parent].visits
        if self.select == "ucb1":
            bonus = math.sqrt(math.log(max(1, above)) / (1 + node.visits))
        else:
            bonus = node.prior * math.sqrt(above) / (1 + node.visits)
        return node.q + self.exploration * bonus

    def grow(self, index: int, children: Sequence[Child]) -> None:
        """Give a node its children; none where nothing can follow."""
        node = self.nodes[index]
        node.expanded = True
        for child in children:
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
        return _even([self.nodes[child].visits for child in self.nodes[parent].children])

    def ascending(self, parent: int) -> list[int]:
        """Return the children from worst to best, as `ascending` orders them."""
        children = self.nodes[parent].children
        nodes = [self.nodes[child] for child in children]
        return [children[i] for i in ascending([Figures(n.q, n.reward, n.v, n.visits) for n in nodes])]


class Figures(NamedTuple):
    """What a search came to know of a step."""

    q: float
    reward: float
    v: float
    visits: int


def ascending(siblings: Sequence[Figures]) -> list[int]:
    """Return the places of siblings from worst to best: by Q, chance to be the next move, reward, V, visits.

    The next move is one of the most visited, each as likely. Ties keep their order.

    Source: MCTS-DPO (arXiv:2405.00451), published code.
    """
    chance = _even([one.visits for one in siblings])

    def rank(place: int) -> tuple[float, ...]:
        one = siblings[place]
        return one.q, chance[place], one.reward, one.v, one.visits

    return sorted(range(len(siblings)), key=rank)


def _even(visits: Sequence[int]) -> list[float]:
    """Return chances, even over the most visited."""
    most = max(visits, default=0)
    share = 1.0 / max(visits.count(most), 1)
    return [share * (n == most) for n in visits]


def state_value(confidence: float, depth: int, before: float, outcome: float | None = None) -> float:
    """Return the value of the state that a step led to, with its outcome where that ended the episode.

    confidence / max(depth - 3, 1), or the value of the state before where that is 0; plus the outcome

    Source: MCTS-DPO (arXiv:2405.00451), published code.
    Units:  confidence 0 to 1 (1: unasked); `depth` of the state before, the first being 0; outcome -1 to 1.
    """
    return (confidence / max(depth - 3, 1) or before) + (outcome or 0.0)


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
