"""What the actions of a tree are worth, from the scores of the episodes below them."""

from dataclasses import replace

from agentrl.types import UNSCORABLE, Tree


def backed_up(tree: Tree) -> Tree:
    """Return the tree with each node's `q` the mean score of the scorable leaves below it.

    `visits` counts those leaves and `value` equals `q`, since scores come at the end alone. A leaf is a node
    without children.

    Units:  scores in [0, 1].
    Edge:   episodes that ended in an environment error or a deadline count nowhere; a node with nothing else
            below it has 0 visits and a `q` of 0.
    """
    count = len(tree.nodes)
    parents = {node.parent for node in tree.nodes}
    visits, total = [0] * count, [0.0] * count
    # Parents come before their children, so one pass from the back sees every child before its parent.
    for index in range(count - 1, -1, -1):
        node = tree.nodes[index]
        if index not in parents and node.outcome not in UNSCORABLE:
            visits[index], total[index] = 1, node.score
        if node.parent >= 0:
            visits[node.parent] += visits[index]
            total[node.parent] += total[index]
    means = [total[i] / visits[i] if visits[i] else 0.0 for i in range(count)]
    nodes = [
        replace(node, visits=n, q=mean, value=mean)
        for node, n, mean in zip(tree.nodes, visits, means, strict=True)
    ]
    return Tree(tree.task, tuple(nodes))
