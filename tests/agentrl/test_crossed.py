"""Programs and tests of one policy, set against each other."""

from pathlib import Path

import pytest

from agentrl.collecting import collect_command, sorted_out
from agentrl.datafile import read_header, read_pairs
from agentrl.errors import AgentRLError, ConfigError
from agentrl.sandbox import choose


def test_words_without_a_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least 2"):
        sorted_out(["out=a.jsonl.gz", "how=dstc"])
    words = ["env=guess", "source=expert", "how=dstc", "per_task=2", "tasks=1"]
    with pytest.raises(ConfigError, match=r"play env=code env\.view=program env\.asks=tests"):
        collect_command([*words, f"out={tmp_path / 'a.jsonl.gz'}"])


def test_collected_pairs_part_with_a_program_that_passes_its_test(tmp_path: Path) -> None:
    try:
        choose("auto")
    except AgentRLError as why:
        pytest.skip(str(why))
    words = ["env=code", "env.view=program", "env.asks=tests", "env.problems=8", "env.difficulty=2"]
    words += [
        "env.noise=0.4",
        "source=demonstrator",
        "how=dstc",
        "per_task=4",
        "tasks=2",
        "rollout.history=0",
    ]
    path = collect_command([*words, f"out={tmp_path / 'pairs.jsonl.gz'}"])
    header = read_header(path)
    assert header is not None and header.kind == "pairs"
    found = list(read_pairs(path))
    assert found
    for pair in found:
        assert pair.whole and pair.turn == 0 and pair.margin > 0
        assert pair.chosen.success and not pair.rejected.success
        program, test = (turn.action for turn in pair.chosen.turns)
        assert "def solve" in program and test.startswith("assert solve(")
        assert program != pair.rejected.turns[0].action
        assert pair.chosen.metrics["sound"] == 1 == pair.rejected.metrics["sound"]
        prompts = [[turn.prompt_ids for turn in side.turns] for side in (pair.chosen, pair.rejected)]
        assert prompts[0] == prompts[1], "without history no prompt depends on a program"
