"""Time of credit: GiGPO's beside loops, and every estimator up to a million turns.

    python benchmarks/credit.py [--most 1000000]

Everything is measured in one run on one thread, in processor time, of which neighbours on the machine take
none; only the ratios carry over to other machines. GiGPO's credit stands beside a loop over rows as published
trainers write it, and a loop over plain numbers (`benchmarks/credit_loops.py`); before anything is timed all
three must give equal numbers. "Writing" is giving each token the number of its turn.

Every estimator is timed on a quarter of the turns and on all of them, one after the other: four times the
turns should take four times as long. Episodes have ten turns, tasks eight episodes, a task thirty states.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import torch

from agentrl.credit import (
    anchors,
    answers,
    bellman,
    crossing,
    displacement,
    gae,
    graph,
    groups,
    implicit,
    likeness,
    masks,
    objectives,
    otc,
    returns,
    search,
    selection,
    steps,
    teacher,
    trees,
)
from agentrl.credit import kl as kl_weights
from agentrl.types import Node, Task, Tree, Turn, floats32, ids32
from benchmarks.credit_loops import GROUP, STATES, batch, by_row, plain_floats, vectorised

TURNS = 10
"""an episode"""


def seconds(work: Callable[[], object], times: int) -> float:
    """Return the processor time of the shortest of some runs."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds."""

    turns: float
    """to the credit of every turn"""
    tokens: float
    """to the credit of every token"""
    writing: float
    row_turns: float
    row_tokens: float
    plain_turns: float
    plain_tokens: float


def measure(trajectories: int, turns: int, tokens: int) -> Taken:
    """Return what one size takes, after checking that all ways agree."""
    b, one_token = batch(trajectories, turns, tokens), batch(trajectories, turns, 1)
    credit = vectorised(b)
    # Ours computes in float64; the loop in float32 is what the tolerance is for.
    torch.testing.assert_close(plain_floats(b), credit, atol=2e-4, rtol=0)
    torch.testing.assert_close(by_row(b), credit[b.turn], atol=2e-4, rtol=0)
    return Taken(
        turns=seconds(lambda: vectorised(b), 5),
        tokens=seconds(lambda: vectorised(b).index_select(0, b.turn), 5),
        writing=seconds(lambda: credit.index_select(0, b.turn), 5),
        row_turns=seconds(lambda: by_row(one_token), 1),
        row_tokens=seconds(lambda: by_row(b), 2),
        plain_turns=seconds(lambda: plain_floats(b), 3),
        plain_tokens=seconds(lambda: plain_floats(b).index_select(0, b.turn), 3),
    )


def episodes(turns: int) -> SimpleNamespace:
    """Return random columns by turn (`reward`, `trajectory`, ...) and by episode (`ret`, `answer`, ...)."""
    dice = torch.Generator().manual_seed(0)
    count = turns // TURNS
    trajectory = torch.arange(turns) // TURNS
    last = torch.arange(turns) % TURNS == TURNS - 1
    group = trajectory // GROUP
    state = torch.randint(STATES, (turns,), generator=dice)
    anchor = group * STATES + state
    success = torch.rand(count, generator=dice) < 0.5
    noise = torch.rand(turns, generator=dice, dtype=torch.float64)
    owner = torch.arange(count) // GROUP
    return SimpleNamespace(
        count=count, trajectory=trajectory, last=last, group=group, anchor=anchor, owner=owner, noise=noise,
        success=success, ret=10.0 * success.double(), reward=10.0 * (last & success[trajectory]).double(),
        logp=-noise, ref=-noise.flip(0), value=noise.flip(0), turn=torch.arange(turns) // 2,
        follows=anchor.roll(-1).masked_fill(last, -1), goal=last & success[trajectory],
        left=TURNS - torch.arange(turns) % TURNS, step=torch.arange(turns) % TURNS,
        text=[f"Room {s} of the house." for s in state.tolist()],
        answer=owner * 4 + torch.randint(4, (count,), generator=dice), score=noise[:count],
        length=torch.randint(1, 600, (turns,), generator=dice),
        calls=torch.randint(9, (count,), generator=dice).double(), names=[str(i) for i in owner.tolist()],
        passed=[[q > 0 for q in noise[i : i + TURNS].tolist()] for i in range(0, count, TURNS)],
        figures=[search.Figures(q, 0.0, 0.0, 1) for q in noise[:count].tolist()],
        entropy=noise[:count], rewards=noise[: 2 * (count // 2)].reshape(-1, 2),
    )  # fmt: skip


Estimator = Callable[[SimpleNamespace], object]
ESTIMATORS: dict[str, Estimator] = {
    "groups.group_relative": lambda e: groups.group_relative(e.noise, e.group),
    "groups.leave_one_out": lambda e: groups.leave_one_out(e.ret, e.owner),
    "groups.group_mean": lambda e: groups.group_mean(e.noise, e.group),
    "anchors.anchor_codes": lambda e: anchors.anchor_codes(e.group.tolist(), e.text),
    "anchors.anchor_relative": lambda e: anchors.anchor_relative(e.noise, e.anchor),
    "returns.discounted": lambda e: returns.discounted(e.reward, e.trajectory, 0.95),
    "returns.suffix_sum": lambda e: returns.suffix_sum(e.reward, e.trajectory),
    "returns.prefix_sum": lambda e: returns.prefix_sum(e.reward, e.trajectory),
    "returns.within": lambda e: returns.within(e.reward, e.trajectory, 0.95),
    "returns.following": lambda e: returns.following(e.value, e.trajectory, e.ret),
    "returns.spread": lambda e: returns.spread(e.ret, e.trajectory),
    "returns.whiten": lambda e: returns.whiten(e.noise),
    "gae.gae": lambda e: gae.gae(e.reward, e.value, e.trajectory, gamma=0.95, lam=0.95),
    "gae.bilevel": lambda e: gae.bilevel(
        e.reward, e.value, e.turn, e.trajectory, gamma=1.0, lam=0.95, turn_gamma=0.95
    ),
    "graph.history_codes": lambda e: graph.history_codes(e.anchor, e.trajectory, 3),
    "graph.hierarchical": lambda e: graph.hierarchical(e.noise, [e.group, e.anchor], ranks=[0, 1]),
    "graph.distances": lambda e: graph.distances(e.anchor, e.follows, e.goal, e.group),
    "graph.visit_values": lambda e: graph.visit_values(e.ret[e.trajectory], e.left, e.anchor, 0.95),
    "graph.success_weight": lambda e: graph.success_weight(e.success, e.score),
    "likeness.text_vectors": lambda e: likeness.text_vectors(e.text[: e.count]),
    "likeness.like_mean": lambda e: likeness.like_mean(e.noise, e.text, e.group),
    "objectives.combined": lambda e: objectives.combined(
        e.rewards, torch.tensor([1.0, 0.5]), torch.arange(len(e.rewards)) // GROUP
    ),
    "otc.harmonic": lambda e: otc.harmonic(e.calls, e.calls.flip(0)),
    "otc.efficiency": lambda e: otc.efficiency(e.calls, e.calls.flip(0), 4.0),
    "otc.least_calls": lambda e: otc.least_calls(e.calls, e.success, e.owner),
    "otc.remembered": lambda e: otc.remembered({}, e.names, e.calls, e.success),
    "otc.scaled_reward": lambda e: otc.scaled_reward(e.ret, e.score),
    "otc.unpunished": lambda e: otc.unpunished(e.ret, e.success),
    "answers.answer_entropy": lambda e: answers.answer_entropy(e.answer, e.owner),
    "answers.consistency_value": lambda e: answers.consistency_value(e.success.double(), e.entropy, e.owner),
    "answers.among_groups": lambda e: answers.among_groups(e.owner.double(), e.owner),
    "answers.local_weight": lambda e: answers.local_weight(e.entropy, 5.0, 1.0),
    "answers.answer_uncertainty": lambda e: answers.answer_uncertainty(-e.score, e.answer, e.owner),
    "selection.has_spread": lambda e: selection.has_spread(e.ret, e.owner),
    "selection.overlong": lambda e: selection.overlong(e.length, 512, 100),
    "selection.draw_weight": lambda e: selection.draw_weight(e.score, "max_min", group=e.owner),
    "teacher.teacher_term": lambda e: teacher.teacher_term(e.logp, e.ref, e.trajectory, discount=0.9),
    "masks.rescaled_by": lambda e: masks.rescaled_by(e.noise, e.trajectory),
    "implicit.token_reward": lambda e: implicit.token_reward(e.logp, e.ref, 0.1),
    "implicit.step_reward": lambda e: implicit.step_reward(e.noise, e.trajectory, e.count),
    "implicit.relative_value": lambda e: implicit.relative_value(e.noise, e.trajectory, e.count),
    "bellman.states": lambda e: bellman.states("step", e.turn, e.trajectory),
    "bellman.value_residual": lambda e: bellman.value_residual(
        e.value, e.logp - e.ref, e.ret, e.trajectory, beta=0.03
    ),
    "bellman.policy_residual": lambda e: bellman.policy_residual(
        e.value, e.logp - e.ref, e.ret, e.trajectory, torch.ones_like(e.last), beta=0.03
    ),
    "bellman.one_step_residual": lambda e: bellman.one_step_residual(
        e.value, e.logp - e.ref, e.ret, e.trajectory, beta=0.03
    ),
    "bellman.importance_weight": lambda e: bellman.importance_weight(e.logp - e.ref, e.trajectory, e.count),
    "trees.backed_up": lambda e: trees.backed_up(e.tree),
    "trees.preferences": lambda e: trees.preferences(e.tree, "best_worst"),
    "trees.along": lambda e: trees.along(e.tree),
    "trees.valued": lambda e: trees.valued(e.tree),
    "crossing.minimax": lambda e: crossing.minimax(e.passed),
    "search.ascending": lambda e: search.ascending(e.figures),
    "selection.comparisons": lambda e: selection.comparisons(e.score, e.owner, "all"),
    "implicit.guided_reward": lambda e: implicit.guided_reward(
        e.logp, e.ref, e.value, e.trajectory, e.ret, prices=(0.05, 0.05, 0.01)
    ),
    "displacement.ches": lambda e: displacement.ches(e.noise.reshape(-1, 5), e.value.reshape(-1, 5)),
    "steps.step_means": lambda e: steps.step_means(e.noise, e.turn, len(e.noise) // 2),
    "steps.step_weights": lambda e: steps.step_weights(e.noise.reshape(-1, 1), e.step, e.trajectory, 0),
    "steps.weighted_scores": lambda e: steps.weighted_scores(
        e.noise, e.step, e.trajectory, torch.ones(e.count, TURNS, dtype=torch.float64)
    ),
    "steps.merged_tail": lambda e: steps.merged_tail(e.step, e.trajectory),
}
"""every estimator of `agentrl/credit`, by file and name"""
NUMBERS = {f"kl.{f.__name__}" for f in (kl_weights.adapted, kl_weights.vee)} | {
    f"search.{f.__name__}" for f in (search.prior, search.doubt, search.state_value)
}
"""what takes a few numbers whatever the batch"""


def tree(count: int) -> Tree:
    """Return a tree of episodes of ten turns, of which each turn is a node."""
    turn = Turn("You see a door.", ids32([2]), ids32([3]), floats32([-1.0]), "open", "open", {}, "door")
    nodes = [
        Node(
            -1 if i % TURNS == 0 else i - 1,
            turn,
            visits=1 if i % TURNS else 0,
            score=float(i % 2),
            outcome="failure" if i % TURNS == TURNS - 1 else None,
        )
        for i in range(count)
    ]
    return Tree(Task("t", "train", 0), tuple(nodes), way=tuple(range(TURNS)))


def growth(most: int) -> str:
    """Return a table of what each estimator takes, and how that grows with the turns."""
    worst = 0.0
    few, many = episodes(most // 4), episodes(most)
    lines = [f"| estimator | ms for {most:,} turns | times that of a quarter |", "|---|---|---|"]
    for name, work in ESTIMATORS.items():
        if name.startswith("trees."):
            few.tree, many.tree = tree(most // 4), tree(most)
        times = 1 if seconds(partial(work, few), 1) > 0.25 else 9
        pairs = [(seconds(partial(work, few), 1), seconds(partial(work, many), 1)) for _ in range(times + 1)]
        short, long = zip(*pairs, strict=True)
        worst = max(worst, min(long) / min(short))
        lines.append(f"| {name} | {1e3 * min(long):.1f} | {min(long) / min(short):.1f} |")
    return "\n".join([*lines, f"\nFour times the turns take at most {worst:.1f} times as long."])


def main() -> None:
    parser = argparse.ArgumentParser(description="time of credit")
    parser.add_argument("--trajectories", type=int, default=512)
    parser.add_argument("--turns", type=int, default=50)
    parser.add_argument("--tokens", type=int, default=512, help="a turn")
    parser.add_argument("--most", type=int, default=1_000_000, help="turns of the largest batch")
    given = parser.parse_args()
    torch.set_num_threads(1)
    sizes = [max(GROUP, given.trajectories // 4), given.trajectories]
    taken = [measure(size, given.turns, given.tokens) for size in sizes]
    print(
        "| trajectories x turns x tokens | "
        + " | ".join(f"{n} x {given.turns} x {given.tokens}" for n in sizes)
        + " |"
    )
    print("|---|---|---|")
    lines: list[tuple[str, Callable[[Taken], str]]] = [
        ("credit of every turn", lambda t: f"{1e3 * t.turns:.1f} ms"),
        ("credit of every token", lambda t: f"{1e3 * t.tokens:.1f} ms"),
        ("writing alone, share of that", lambda t: f"{t.writing / t.tokens:.0%}"),
        ("row loop, to turns", lambda t: f"{t.row_turns / t.turns:.0f} times as long"),
        ("row loop, to tokens", lambda t: f"{t.row_tokens / t.tokens:.0f} times as long"),
        ("plain loop, to turns", lambda t: f"{t.plain_turns / t.turns:.1f} times as long"),
        ("plain loop, to tokens", lambda t: f"{t.plain_tokens / t.tokens:.1f} times as long"),
    ]
    for name, cell in lines:
        print(f"| {name} | " + " | ".join(cell(t) for t in taken) + " |")
    more, turns, tokens = (
        sizes[1] / sizes[0],
        taken[1].turns / taken[0].turns,
        taken[1].tokens / taken[0].tokens,
    )
    print(f"\n{more:.0f} times the turns take {turns:.1f} times as long to turns, {tokens:.1f} to tokens.\n")
    print(growth(given.most))


if __name__ == "__main__":
    main()
