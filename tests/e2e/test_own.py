"""What one brings along, by command: prompts and a function, several environments, a run to go on from."""

import json
import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from agentrl.cli import main
from tests.agentrl.installed import install_ourselves
from tests.e2e.test_resume import command, killed_and_resumed, lines, outcome

SMALL = [
    *("model.hidden=32", "model.layers=1", "rollout.tasks=6", "group_size=4", "eval.test=8", "eval.dev=8"),
    *("eval.every=2", "run.checkpoint=2", "eval.decodings=greedy"),
]
DOUBLE = """
from agentrl import Reply, Task, TextEnv

class Once(TextEnv):
    '''Say the number you are shown.'''
    max_turns = 1
    panel_sizes = {"train": 12, "dev": 6, "test": 6}
    def begin(self, task: Task) -> str:
        self.shown = str(self.rng.randrange(9))
        return self.shown
    def act(self, action: str) -> Reply:
        return Reply("", reward=float(action == self.shown), success=action == self.shown)

class Other(Once):
    '''Another one in the same file.'''
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install_ourselves(tmp_path / "site", monkeypatch)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def iterations(folder: Path) -> list[dict[str, float]]:
    made = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in made if line["phase"] == "rl"]


def test_prompts_and_a_function_are_enough_to_learn(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"q": f"first of {a} and {b} ?", "gold": a} for a in range(9) for b in range(9)]
    (here / "firsts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (here / "score.py").write_text(
        "def score(reply: str, answer: str) -> float: return float(reply == answer)\n"
    )
    words = [
        *("data=firsts.jsonl", "prompt=q", "answer=gold", "verifier=./score.py:score", "algo=grpo"),
        *("iterations=16", "rollout.tasks=8", "eval.every=0", "eval.decodings=greedy", "out=run"),
    ]
    assert main(["run", *words]) == 0, capsys.readouterr().err
    made = iterations(here / "run")
    early, late = (sum(line["success"] for line in part) / 5 for part in (made[:5], made[-5:]))
    assert late > early + 0.15, (early, late)
    assert main(["eval", "model=run", "eval.decodings=greedy"]) == 0
    assert main(["rescore", "run", "verifier=./score.py:score"]) == 0
    assert main(["run", *words[:-1], "answer=glod"]) == 2
    assert "answer is given twice" in capsys.readouterr().err


def test_a_run_goes_on_from_the_last_policy_of_another(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "world.py").write_text(DOUBLE)
    words = [*SMALL, "env=./world.py:Once", "algo=grpo"]
    assert main(["run", *words, "iterations=2", "out=one"]) == 0, capsys.readouterr().err
    assert main(["run", *words, "model=one", "iterations=0", "out=two", "learner.lr=1e-4"]) == 0
    one, two = (load_file(here / name / "model" / "model.safetensors") for name in ("one", "two"))
    assert all(torch.equal(value, two[key]) for key, value in one.items()), "nothing was done in between"
    before, after = (json.loads((here / n / "summary.json").read_text()) for n in ("one", "two"))
    assert after["warm_start"]["greedy"] == before["final"]["greedy"]
    assert main(["run", *words, "env.max_turns=1", "model=two", "iterations=2", "out=three"]) == 0
    assert len(iterations(here / "three")) == 2
    assert main(["run", *words, "model=on"]) == 2


def test_a_killed_mixed_run_ends_with_the_same_weights_and_metrics(tmp_path: Path) -> None:
    (tmp_path / "world.py").write_text(DOUBLE)
    words = [
        *(
            *SMALL,
            f"env=guess:2,{tmp_path}/world.py:Once:1",
            "env.guess.max_turns=4",
            "algo=grpo",
            "iterations=4",
        ),
        *("run.curriculum=success", "warm.demonstrations=2", "run.trajectories=2"),
    ]
    process = command("run", *words, f"out={tmp_path / 'whole'}")
    output, _ = process.communicate()
    assert process.returncode == 0, output
    made = iterations(tmp_path / "whole")
    assert all(line["guess/episodes"] + line["world/episodes"] == 24 for line in made)
    assert {"guess/success", "guess/return", "world/success", "world/turns"} <= set(made[-1])
    looks = (tmp_path / "whole" / "metrics.jsonl").read_text()
    assert (
        '"dev/greedy/guess"' in looks and "world/return" in (tmp_path / "whole" / "report.html").read_text()
    )
    assert "  world  " in output and "  guess  " in output
    targets = sorted(random.Random(7).sample(range(2, lines(tmp_path / "whole")), 2))
    assert killed_and_resumed(tmp_path / "killed", words, targets) > 0
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")
    one, two = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("killed", "whole"))
    assert all(torch.equal(value, two[key]) for key, value in one.items())


@pytest.mark.parametrize(
    "algo", ["dapo", "dpo", *(pytest.param(n, marks=pytest.mark.slow) for n in ("gigpo", "ppo", "sft"))]
)
def test_a_mixture_is_learnt_from_by_every_kind_of_algorithm(algo: str, here: Path) -> None:
    own = {"dpo": ["algo.width=3"], "sft": ["per_task=1", "algo.batch=8"]}.get(algo, ["group_size=4"])
    words = [word for word in SMALL if not word.startswith("group_size")]
    mix = "env=guess:1,other=guess:2"
    assert main(["run", *words, mix, f"algo={algo}", *own, "iterations=2", "warm.tasks=20", "out=run"]) == 0
    assert len(iterations(here / "run")) == 2


def test_a_mixture_is_played_in_workers(here: Path) -> None:
    words = [*SMALL, "env=guess:1,other=guess:1", "algo=grpo", "warm.demonstrations=0"]
    for workers in (0, 1):
        out = [f"rollout.workers={workers}", "iterations=1", f"out=run{workers}"]
        assert main(["run", *words, *out]) == 0
    assert iterations(here / "run0") == iterations(here / "run1")
