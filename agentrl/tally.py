"""What an iteration's episodes came to, in numbers that are logged."""

from collections.abc import Mapping, Sequence

import torch

from agentrl.errors import RunError
from agentrl.mixture import label_of
from agentrl.rollout.collect import check_tokens
from agentrl.table import TokenTable
from agentrl.toolstats import calls_of, cost_of
from agentrl.types import Trajectory, Tree


def violations(episodes: Sequence[Trajectory]) -> float:
    """Return how many turns do not hold the tokens that the sampler saw and wrote."""
    return sum(e.metrics.get("token_violations", 0.0) for e in episodes)


def episode_metrics(episodes: Sequence[Trajectory]) -> dict[str, float]:
    """Return means over episodes and turns; calls of tools and their cost where there are tools."""
    turns = [turn for e in episodes for turn in e.turns]
    count, steps = max(1, len(episodes)), max(1, len(turns))
    return {
        "success": sum(e.success for e in episodes) / count,
        "score": sum(e.score for e in episodes) / count,
        "return": sum(e.ret for e in episodes) / count,
        "turns": len(turns) / count,
        "invalid": sum(not turn.valid for turn in turns) / steps,
        "turn_limit": sum(e.outcome in ("turn_limit", "token_limit") for e in episodes) / count,
        "reply_tokens": sum(len(turn.action_ids) for turn in turns) / steps,
        "prompt_tokens": sum(len(turn.prompt_ids) for turn in turns) / steps,
        "episodes": float(len(episodes)),
        **_tool_metrics(episodes),
    }


def _tool_metrics(episodes: Sequence[Trajectory]) -> dict[str, float]:
    """Return mean calls and cost of an episode; nothing where no episode knows of tools."""
    if not any("calls" in e.metrics or calls_of(e) for e in episodes):
        return {}
    count = len(episodes)
    return {"calls": sum(map(calls_of, episodes)) / count, "call_cost": sum(map(cost_of, episodes)) / count}


def member_metrics(episodes: Sequence[Trajectory], labels: Mapping[str, float]) -> dict[str, float]:
    """Return means by environment, as `<label>/success`; nothing where there is one environment."""
    found: dict[str, float] = {}
    for label in labels if "" not in labels else ():
        own = [episode for episode in episodes if label_of(episode.task, labels) == label]
        made = episode_metrics(own)
        found[f"{label}/episodes"] = made["episodes"]
        found |= {f"{label}/{name}": made[name] for name in ("success", "score", "return", "turns") if own}
    return found


def tree_metrics(trees: Sequence[Tree]) -> dict[str, float]:
    """Return the turns played, once where branches share them; of searched trees their size and success.

    `tree_nodes`, `tree_expansions` and `tree_depth` (of the way a search went) are means of a tree,
    `tree_success` is the share of the ways that ended in success.
    """
    count = max(1, len(trees))
    found = {"environment_steps": float(sum(len(tree.nodes) for tree in trees))}
    if not any(tree.way for tree in trees):
        return found
    return found | {
        "tree_nodes": found["environment_steps"] / count,
        "tree_expansions": sum(len({node.parent for node in tree.nodes}) for tree in trees) / count,
        "tree_depth": sum(len(tree.way) for tree in trees) / count,
        "tree_success": sum(map(_arrived, trees)) / count,
    }


def _arrived(tree: Tree) -> bool:
    return bool(tree.way) and tree.nodes[tree.way[-1]].outcome == "success"


def group_metrics(table: TokenTable) -> dict[str, float]:
    """Return how much there is to compare inside groups and states, and how sure the policy was.

    Units: shares of groups, of turns; `entropy_sampled` in nats a token, estimated by what was sampled.
    """
    group, ret = table.trajectories.group, table.trajectories.ret
    count = int(group.max()) + 1
    high = torch.full((count,), -torch.inf, dtype=ret.dtype).scatter_reduce(0, group, ret, "amax")
    low = torch.full((count,), torch.inf, dtype=ret.dtype).scatter_reduce(0, group, ret, "amin")
    sizes = torch.bincount(table.turns.anchor)
    sizes = sizes[sizes > 0]
    members = torch.bincount(group, minlength=count)
    solved = torch.bincount(group[table.trajectories.success], minlength=count)
    return {
        "group_collapse": float((high == low).double().mean()),
        "group_failed": float((solved == 0).double().mean()),
        "group_solved": float((solved == members).double().mean()),
        "group_single": float((members == 1).double().mean()),
        "group_unequal": float((members < members.max()).double().mean()),
        "entropy_sampled": -float(table.logp_behaviour.double().mean()),
        "anchor_singletons": float((sizes == 1).sum() / len(table.turns)),
        "anchor_size": float(sizes.double().mean()),
    }


def checked(episodes: Sequence[Trajectory], failures: float) -> dict[str, float]:
    """Return means over the episodes that can be scored.

    Errors: RunError where a larger share than `failures` could not, or where a turn's tokens are not those
            that the sampler saw and wrote.
    """
    failed = [e for e in episodes if not e.scorable]
    share = len(failed) / max(1, len(episodes))
    if share > failures:
        raise RunError(
            f"{len(failed)} of {len(episodes)} episodes failed ({failed[0].reason}); that is over"
            f" run.failures={failures:g}"
        )
    broken = violations(episodes)
    check_tokens(broken)
    means = episode_metrics([e for e in episodes if e.scorable])
    played = float(sum(len(e.turns) for e in episodes))
    return means | {"failed": share, "token_violations": broken, "environment_steps": played}


def whole_groups(episodes: Sequence[Trajectory]) -> list[Trajectory]:
    """Return the episodes whose groups lost no member: what is left of a group is no sample of its task.

    A hang or a crash may be the doing of what was said, so those that came through are a choice.
    """
    partial = {e.group for e in episodes if not e.scorable}
    return [e for e in episodes if e.group not in partial]
