"""States grown per second when trees grow side by side, beside one tree at a time.

    python benchmarks/tree.py [env=webshop] [trees=16] [rounds=3] [walks=8] [warm=6]
                              [threads=1] [to=FILE]

The tiny model, after a warm start of `warm` demonstrations a task (0: none), searches trees as `mcts_dpo`
does. Rounds alternate between the two ways, with the same tasks and the same seeds, so both grow the same
trees (the share of equal ones is told; rounding can make a difference), and a busy machine is busy for both.
The median round counts.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from agentrl.algo import Searched
from agentrl.config import make_algo, parse
from agentrl.evaluate import Judge, judge_of, sampling_of, stream
from agentrl.gather import demonstrations
from agentrl.learner.start import new_policy
from agentrl.learner.warm import WarmStart
from agentrl.rollout.collect import Collector, SamplerActor, Start
from agentrl.rollout.search import searched
from agentrl.rollout.tree import Grown
from agentrl.rollout.workers import Environments
from agentrl.settings import Settings
from agentrl.types import Panel


def prepared(settings: Settings, worlds: Environments) -> tuple[Judge, Panel]:
    """Return a judge of the warmed-up policy, and the training tasks."""
    env = worlds("train")
    panel = env.tasks("train")
    policy = new_policy(settings.model, env, panel, stream(settings.run.seed, "model"))
    judge, sync = judge_of(settings, policy, worlds)
    if settings.warm.demonstrations:
        table = demonstrations(settings, worlds, panel, judge.chat)
        start = WarmStart(policy, table, settings.warm, seed=0, budget=settings.learner.microbatch_tokens)
        policy.module.train()
        for number in range(start.rounds):
            start.round(number)
    policy.module.eval()
    sync(1)
    return judge, panel


def grown(collector: Collector, starts: list[Start], plan: Searched) -> tuple[list[Grown], float]:
    """Return the trees, and the states grown per second."""
    begun = time.perf_counter()
    found = searched(starts, collector, plan)
    seconds = time.perf_counter() - begun
    return found, sum(len({node.parent for node in tree.nodes}) for tree, _ in found) / seconds


def said(found: list[Grown]) -> list[list[str]]:
    """Return what was said in each tree."""
    return [[node.turn.text for node in tree.nodes] for tree, _ in found]


def main(words: list[str]) -> int:
    """Measure, print and write the table."""
    given = {"env": "webshop", "trees": "16", "rounds": "3", "walks": "8", "warm": "6", "threads": "1"}
    given |= dict(word.split("=", 1) for word in words)
    trees, rounds, warm = int(given["trees"]), int(given["rounds"]), int(given["warm"])
    target = Path(given.get("to", Path(__file__).parent / "results" / "tree.md"))
    run = [
        f"env={given['env']}",
        "algo=mcts_dpo",
        f"algo.walks={given['walks']}",
        f"warm.demonstrations={warm}",
    ]
    settings = parse(run)
    torch.set_num_threads(int(given["threads"]))
    plan = make_algo(settings).collect()
    assert isinstance(plan, Searched)
    with Environments(settings) as worlds:
        judge, panel = prepared(settings, worlds)
        starts = [Start(task, task.id, 0, number) for number, task in enumerate(panel.tasks[:trees])]
        actor = SamplerActor(judge.sampler, sampling_of(settings.rollout))
        together = Collector(lambda: worlds("train"), actor, judge.chat, 0, parallel=10**6)
        alone = replace(together, parallel=1)
        rates: list[tuple[float, float]] = []
        for _ in range(rounds):
            one, slow = grown(alone, starts, plan)
            all_, fast = grown(together, starts, plan)
            rates.append((slow, fast))
    same = sum(a == b for a, b in zip(said(one), said(all_), strict=True))
    slow, fast = (median(rate[way] for rate in rates) for way in (0, 1))
    states = sum(len({node.parent for node in tree.nodes}) for tree, _ in all_)
    given.pop("to", None)
    how = " ".join(f"{key}={value}" for key, value in given.items())
    text = "\n".join(
        [
            "# Trees side by side",
            "",
            f"`python benchmarks/tree.py {how}`: states grown per second, {trees} trees of {states} states in"
            f" all, median of {rounds} rounds.",
            "",
            "| | states a second | times |",
            "|---|---|---|",
            f"| one tree at a time | {slow:.1f} | 1 |",
            f"| all trees side by side | {fast:.1f} | {fast / slow:.1f} |",
            "",
            f"{same} of {trees} trees are the same in both ways, token for token.",
            "",
        ]
    )
    target.write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
