"""The algorithms on the small environment, in both rollout modes, from settings to report."""

import json
from contextlib import chdir
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from agentrl import rescore
from agentrl.config import parse
from agentrl.errors import ConfigError
from agentrl.train import train
from agentrl.view.shelf import packed

SIZES = [
    *("env=guess", "model.hidden=32", "model.layers=1", "warm.demonstrations=1", "warm.tasks=40"),
    *("rollout.tasks=4", "eval.test=8", "eval.dev=8", "eval.every=3", "iterations=3", "trajectories=1"),
]
ALGOS = {
    "gigpo": ["algo=gigpo", "group_size=4"],
    "grpo": ["algo=grpo", "group_size=4"],
    "ppo with its own critic": ["algo=ppo", "group_size=4"],
    "ppo with a value head": ["algo=ppo", "group_size=4", "learner.critic=head"],
    "dpo": ["algo=dpo", "algo.width=3"],
    "oreo": ["algo=oreo", "per_task=1", "algo.batch=16"],
    "sft": ["algo=sft", "per_task=1", "algo.batch=16"],
}
SUMMARY_KEYS = {
    *("env", "algo", "seed", "panel", "warm_start", "final", "environment_steps", "seconds", "versions"),
}


def lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("mode", ["window", "transcript"])
@pytest.mark.parametrize("name", ALGOS)
def test_three_iterations_leave_a_whole_run_folder(name: str, mode: str, tmp_path: Path) -> None:
    folder = train(parse([*SIZES, *ALGOS[name], f"rollout.mode={mode}", f"out={tmp_path / 'run'}"]))
    made = [line for line in lines(folder) if line["phase"] == "rl"]
    assert all(line.get("token_violations", 0) == 0 for line in made)
    assert [line["iteration"] for line in made] == [1, 2, 3]
    if name not in ("oreo", "sft"):  # stored episodes were sampled before the weights moved
        assert max(line.get("logprob_gap_max", 0.0) for line in made) < 1e-4
    assert any(line.get("grad_norm", 0) > 0 for line in made), "nothing was learnt"
    assert set(json.loads((folder / "summary.json").read_text())) == SUMMARY_KEYS
    names = {path.name for path in (folder / "credit").glob("*.gz")}
    assert names == {f"{number:06d}.jsonl.gz" for number in (1, 2, 3)}
    page = packed(folder, None, 0)
    assert page.index["notes"] == [] and any(high is not None for high in page.index["episodes"]["high"])
    if name == "dpo":
        assert page.index["trees"] and any(tree["pairs"] for tree in page.index["trees"])
    for file in ("config.toml", "evaluation.json", "samples.json", "report.html", "log.txt"):
        assert (folder / file).stat().st_size > 0 or file == "log.txt"
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    assert len(tokenizer("guess 7", add_special_tokens=False)["input_ids"]) <= 2
    assert AutoModelForCausalLM.from_pretrained(folder / "model").config.vocab_size == len(tokenizer)


def test_a_stricter_check_is_logged_and_changes_nothing_and_episodes_can_be_judged(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def even(answer, task): return int(task.data['answer']) % 2 == 0\n")
    words = [*SIZES, *ALGOS["gigpo"]]
    plain = train(parse([*words, f"out={tmp_path / 'plain'}"]))
    with chdir(tmp_path):
        folder = train(parse([*words, f"out={tmp_path / 'run'}", "strict=./mine.py:even"]))
    made = [line for line in lines(folder) if line["phase"] == "rl"]
    assert all(0 <= line.pop("strict") <= 1 and line.pop("strict_unknown") == 0 for line in made)
    assert made == [line for line in lines(plain) if line["phase"] == "rl"]
    assert "Reward against a stricter check" in (folder / "report.html").read_text()
    found = rescore(folder, str(tmp_path / "mine.py"))
    assert found.episodes == 48 and not found.agreement.unknown and len(found.curve) == 3
    with pytest.raises(ConfigError, match=r"run.strict=code judges by test of a task's data"):
        train(parse([*words, f"out={tmp_path / 'none'}", "strict=code"]))


def test_the_same_seed_gives_the_same_metrics_and_another_does_not(tmp_path: Path) -> None:
    one, two, other = (
        lines(train(parse([*SIZES, *ALGOS["gigpo"], f"seed={seed}", f"out={tmp_path / name}"])))
        for name, seed in (("one", 1), ("two", 1), ("other", 2))
    )
    assert one == two
    assert one != other


def test_the_episodes_of_the_demonstrator_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["algo=grpo", "warm.demonstrations=2", "iterations=0", f"out={tmp_path / 'run'}"]
    train(parse([*SIZES[:3], "warm.tasks=40", "eval.test=8", "eval.dev=8", *words]))
    assert "demonstrations 80/80 · " in capsys.readouterr().err
