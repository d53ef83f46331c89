"""What the actions of a tree are worth, from the scores of the episodes below them, and which to compare."""

import random
from dataclasses import replace
from typing import Literal, get_args

from agentrl.algo import Preference
from agentrl.credit.search import Figures, ascending, doubt
from agentrl.errors import ConfigError, nearest
from agentrl.types import UNSCORABLE, Node, Tree


def backed_up(tree: Tree) -> Tree:
    """Return the tree with each node's `q` the mean score of the episodes that ended below it.

    One that a search came to several times counts as often. `visits` is their number and `value` equals `q`,
    since scores come at the end alone.

    Units:  scores in [0, 1].
    Edge:   episodes that ended in an environment error or a deadline count nowhere, as do leaves at which a
            search stopped; a node with nothing else below it has 0 visits and a `q` of 0.
    """
    count = len(tree.nodes)
    parents = {node.parent for node in tree.nodes}
    visits, total = [0] * count, [0.0] * count
    # Parents come before their children, so one pass from the back sees every child before its parent.
    for index in range(count - 1, -1, -1):
        node = tree.nodes[index]
        if index not in parents and _scored_end(node):
            visits[index] = max(1, node.visits)
            total[index] = visits[index] * node.score
        if node.parent >= 0:
            visits[node.parent] += visits[index]
            total[node.parent] += total[index]
    means = [total[i] / visits[i] if visits[i] else 0.0 for i in range(count)]
    nodes = [
        replace(node, visits=n, q=mean, value=mean)
        for node, n, mean in zip(tree.nodes, visits, means, strict=True)
    ]
    return replace(tree, nodes=tuple(nodes))


def _scored_end(node: Node) -> bool:
    """Tell whether an episode that says something about the policy ended here."""
    return node.outcome is not None and node.outcome not in UNSCORABLE


Rule = Literal[
    "best_worst", "best_second", "best_rest", "positive_negative", "path", "first_error", "valued",
    "way_worst", "way_second", "way_random",
]  # fmt: skip
"""Which siblings of a tree are compared; see `preferences`"""


def preferences(
    tree: Tree, rule: str = "best_worst", gap: float = 0.0, *, opinion: float = 0.0
) -> list[Preference]:
    """Return pairs of actions taken in one state, the better one first; `margin` is how much better.

    best_worst, best_second, best_rest: the best by mean score below against the worst, the next best, or
    each of the others. positive_negative: every one above a mean score of 1/2 against every one below. path:
    on the way to the best end, the action taken against every one from which nobody reached as much.
    first_error: on the way of a trunk that did not get full score, the first action before which an
    alternative won and after which none did. Of searched trees also way_worst, way_second, way_random: see
    `along`; and valued: see `valued`.

    Source: path is that of TP-LLaMA (arXiv:2406.07115), positive_negative that of CPL (arXiv:2409.08642),
            first_error that of Step-DPO (arXiv:2406.18629), with play to the end in place of a judge;
            best_rest that of Curri-DPO (arXiv:2403.07230).
    Units:  `gap`, the least difference of mean scores, 0 to 1 (of what the search's own rules compare by);
            `opinion` is read by `valued` alone.
    Edge:   actions below which nothing could be scored are left out; equal ones are never compared.
    Errors: ConfigError for an unknown rule.
    """
    if rule not in get_args(Rule):
        raise ConfigError(
            f"rule={rule!r} is not one of {', '.join(get_args(Rule))}{nearest(rule, get_args(Rule))}"
        )
    if rule.startswith("way_"):
        return along(tree, rule.removeprefix("way_"), gap)
    if rule == "valued":
        return valued(tree, gap, opinion)
    tree = backed_up(tree)
    if rule == "path":
        found = _off_the_path(tree)
    elif rule == "first_error":
        found = _first_error(tree)
    else:
        found = [pair for order in _scored(tree).values() for pair in _siblings(tree, order, rule)]
    made: list[Preference] = []
    for chosen, rejected in found:
        apart = tree.nodes[chosen].q - tree.nodes[rejected].q
        if apart > 0 and apart >= gap:
            made.append(Preference(chosen, rejected, margin=apart))
    return made


def valued(tree: Tree, gap: float = 0.0, opinion: float = 0.5) -> list[Preference]:
    """Return each visited action of a searched tree with each visited sibling worth less.

    worth = (1 - opinion) Q / 2 + opinion confidence, so that from failure to success is 1

    Source: pairs of Agent Q (arXiv:2408.07199); its numbers are not published.
    Units:  `gap`, the least difference of worth; `opinion`, the share of the sampler's own word, 0 to 1.
    Edge:   equal ones are never compared.
    """
    worth = [(1 - opinion) * node.q / 2 + opinion * node.confidence for node in tree.nodes]
    alone: dict[int, int] = {}  # most nodes are, and a list for each would cost more than all the rest
    siblings: dict[int, list[int]] = {}
    for index, node in enumerate(tree.nodes):
        if not node.visits:
            continue
        first = alone.setdefault(node.parent, index)
        if first != index:
            siblings.setdefault(node.parent, [first]).append(index)
    return [
        Preference(one, other, margin=worth[one] - worth[other])
        for order in siblings.values()
        for one in order
        for other in order
        if worth[one] > worth[other] and worth[one] - worth[other] >= gap
    ]


def along(tree: Tree, rejected: str = "worst", gap: float = 0.0) -> list[Preference]:
    """Return a pair from each state on the way that a search went: its best action against another one.

    Best and worst are the ends of `search.ascending`; second is the next best, random any but the best.
    `margin` is the difference of Q, `smoothing` the `search.doubt` of both visits, and `shared` the tokens
    with which both begin.

    Source: MCTS-DPO (arXiv:2405.00451), published code; worst is what its scripts choose.
    Units:  `gap`, the least difference of Q.
    Edge:   a state with one action makes no pair; the random one depends on task and state alone.
    """
    made: list[Preference] = []
    below: dict[int, list[int]] = {tree.nodes[index].parent: [] for index in tree.way}
    for index, node in enumerate(tree.nodes):
        if node.parent in below:
            below[node.parent].append(index)
    for index in tree.way:
        siblings = below[tree.nodes[index].parent]
        if len(siblings) < 2:
            continue
        nodes = [tree.nodes[i] for i in siblings]
        order = ascending([Figures(n.q, n.reward, n.value, n.visits) for n in nodes])
        dice = random.Random(f"{tree.task.id}/{tree.nodes[index].parent}")
        place = {"worst": 0, "second": len(order) - 2}.get(rejected)
        if place is None:
            place = dice.randrange(len(order) - 1)
        best, other = nodes[order[-1]], nodes[order[place]]
        if best.q - other.q >= gap:
            made.append(
                Preference(
                    siblings[order[-1]],
                    siblings[order[place]],
                    margin=best.q - other.q,
                    smoothing=doubt(best.visits, other.visits),
                    shared=_shared(best, other),
                )
            )
    return made


def _shared(one: Node, other: Node) -> int:
    """Return with how many equal tokens both actions begin."""
    pairs = zip(one.turn.action_ids, other.turn.action_ids, strict=False)
    different = (n for n, (a, b) in enumerate(pairs) if a != b)
    return next(different, min(len(one.turn.action_ids), len(other.turn.action_ids)))


def _scored(tree: Tree) -> dict[int, list[int]]:
    """Return by parent, from the root on, its scorable children from worst to best."""
    found: dict[int, list[int]] = {}
    for index, node in enumerate(tree.nodes):
        if node.visits:
            found.setdefault(node.parent, []).append(index)
    return {parent: sorted(found[parent], key=lambda i: tree.nodes[i].q) for parent in sorted(found)}


def _siblings(tree: Tree, order: list[int], rule: str) -> list[tuple[int, int]]:
    if len(order) < 2:
        return []
    if rule == "positive_negative":
        good, bad = ([i for i in order if sign * (tree.nodes[i].q - 0.5) > 0] for sign in (1, -1))
        return [(one, other) for one in good for other in bad]
    if rule == "best_rest":
        return [(order[-1], i) for i in order[:-1]]
    return [(order[-1], order[0 if rule == "best_worst" else -2])]


def _highest(tree: Tree) -> list[float]:
    """Return the highest score of an episode through each node; -1 where none could be scored."""
    high = [-1.0] * len(tree.nodes)
    parents = {node.parent for node in tree.nodes}
    for index in range(len(tree.nodes) - 1, -1, -1):
        node = tree.nodes[index]
        if index not in parents and _scored_end(node):
            high[index] = node.score
        if node.parent >= 0:
            high[node.parent] = max(high[node.parent], high[index])
    return high


def _off_the_path(tree: Tree) -> list[tuple[int, int]]:
    high = _highest(tree)
    best = max(high, default=-1.0)
    if best <= 0:
        return []
    ends = [i for i, node in enumerate(tree.nodes) if node.terminal and high[i] == best]
    way = tree.path(ends[0])
    scored = _scored(tree)
    return [(i, j) for i in way for j in scored[tree.nodes[i].parent] if j != i and high[j] < best]


def _first_error(tree: Tree) -> list[tuple[int, int]]:
    """Return the trunk's wrong action against an alternative that won; nothing where the trunk won."""
    high = _highest(tree)
    trunk = [i for i in range(len(tree.nodes)) if tree.nodes[i].parent == i - 1]
    trunk = trunk[: next((n for n, i in enumerate(trunk) if i != n), len(trunk))]
    if not trunk or not tree.nodes[trunk[-1]].terminal or not 0 <= tree.nodes[trunk[-1]].score < 1:
        return []
    scored = _scored(tree)
    branched = [i for i in trunk if len(scored[tree.nodes[i].parent]) > 1]
    won = [[j for j in scored[tree.nodes[i].parent] if j != i and high[j] >= 1] for i in branched]
    for place, winners in enumerate(won):
        if winners and not (place + 1 < len(won) and won[place + 1]):
            return [(winners[-1], branched[place])]
    return []
