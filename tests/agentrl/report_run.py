"""A run folder as a finished run leaves it, with hostile text in its episodes."""

import random
from pathlib import Path

from agentrl.folder import RunFolder
from agentrl.records import (
    CurvePoint,
    Evaluation,
    Measurement,
    PanelRecord,
    SampleEpisode,
    SampleTurn,
    Summary,
    When,
    final_scores,
    scores,
)

HOSTILE = (
    '</pre></body><script>alert(1)</script><img src=x onerror=alert(2)> & "quotes" \'\x00\x1b[31m \ud800'
)
BEFORE: When = "before"
AFTER: When = "after"
TEST = PanelRecord("webshop/test", "0f1e2d3c4b5a", 100)
CONFIG = """env = "webshop"
algo = "gigpo"

[algo_options]
omega = 1.0

[run]
seed = 3
iterations = 40

[learner]
lr = 0.001
beta1 = 0.9

[eval]
curve = ["greedy", "1.0"]

[versions]
python = "3.11"
"""


def measurement(decoding: str, share: float, seed: int = 0) -> Measurement:
    dice = random.Random(f"{decoding}{seed}")
    success = tuple(dice.random() < share for _ in range(100))
    return Measurement(
        panel=TEST,
        split="test",
        decoding=decoding,
        tasks=tuple(f"webshop-test-{i}" for i in range(100)),
        success=success,
        score=tuple(1.0 if s else dice.random() / 2 for s in success),
        turns=tuple(dice.randrange(3, 12) for _ in success),
        invalid=0.25 * (1 - share),
        tool_calls=0.0,
        seconds=3.0,
    )


def evaluation(*, finished: bool = True) -> Evaluation:
    first = (("greedy", 0.3), ("0.4", 0.32), ("1.0", 0.2), ("best_admissible", 0.41))
    then = (("greedy", 0.62), ("0.4", 0.6), ("1.0", 0.5), ("best_admissible", 0.66))
    dice = random.Random(0)
    curve = tuple(
        CurvePoint(
            i, 640 * i, 12.0 * i, {"greedy": 0.3 + 0.008 * i + 0.03 * dice.random(), "1.0": 0.2 + 0.007 * i}
        )
        for i in range(0, 41, 4)
    )
    return Evaluation(
        warm_start=tuple(measurement(name, share) for name, share in first),
        final=tuple(measurement(name, share, 1) for name, share in then) if finished else (),
        baselines={"random": measurement("random", 0.04), "expert": measurement("expert", 0.99)},
        curve=curve,
        dev=PanelRecord("webshop/dev", "aa11bb22cc33", 100),
    )


def sample(task: str, when: When, *, success: bool) -> SampleEpisode:
    page = (
        "WebShop [SEP] Instruction: find me a red shirt [SEP] Back to Search [SEP] "
        + "B07 shirt $12.00 [SEP] " * 20
    )
    turns = (
        SampleTurn(page[:70], "search[red shirt]", 0.0, True, "<think>I search.</think>"),
        SampleTurn(page, HOSTILE, 0.0, False),
        SampleTurn(HOSTILE * 5, "click[Buy Now]", 1.0 if success else -0.1, True),
    )
    return SampleEpisode(
        task, "Find a red shirt below 20 dollars.", when, "greedy", turns, success, float(success)
    )


def write_run(path: Path, *, finished: bool = True) -> Path:
    """Return `path`, now a run folder."""
    looks, dice = evaluation(finished=finished), random.Random(1)
    with RunFolder.create(path, "webshop", "gigpo") as folder:
        folder.write_config(CONFIG)
        for step in range(1, 31):
            folder.add_metrics("warm", step, {"loss": 3 / step})
        for i in range(1, 41):
            noise = dice.random()
            folder.add_metrics("rl", i, {
                "success": 0.2 + 0.01 * i, "return": 0.3 + 0.01 * i * noise, "entropy": 1.2 - 0.02 * i,
                "clip_fraction": 0.1 * noise, "kl_reference": 0.001 * i,
                "grad_norm": float("nan") if i == 7 else noise,
                "logprob_gap_mean": 1e-7, "logprob_gap_max": 3e-6 * noise,
                "correction_ess": 0.999, "correction_clipped": 0.0, "correction_rejected": 0.0,
                "group_collapse": 0.5 - 0.005 * i,
                "anchor_singletons": 0.4, "tokens": 5000.0 + i, "environment_steps": 640.0 * i,
            })  # fmt: skip
        folder.write_evaluation(looks)
        folder.write_samples([sample("webshop-test-0", "before", success=False)])
        if finished:
            pair = [
                sample(f"webshop-test-{i}", when, success=success)
                for i in (0, 1)
                for when, success in ((BEFORE, False), (AFTER, True))
            ]
            folder.write_samples(pair)
            folder.write_summary(Summary(
                env="webshop", algo="gigpo", seed=3, panel=TEST, warm_start=scores(looks.warm_start),
                final=final_scores(looks.final), environment_steps=25600,
                seconds={"warm": 100.0, "rollout": 400.0, "environment": 50.0, "learner": 220.0,
                         "evaluation": 130.0, "total": 930.0},
                versions={"python": "3.11.9", "torch": "2.13.0", "commit": "0" * 40, "dirty": False},
            ))  # fmt: skip
    return path
