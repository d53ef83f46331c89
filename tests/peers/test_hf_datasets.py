"""Episodes and pairs as data sets that the package datasets writes and reads."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from agentrl.errors import ConfigError, DataError
from agentrl.exchange import message_rows, pair_rows
from agentrl.exporting import FORMATS, export_command
from agentrl.given import given
from agentrl.hfdata import is_dataset, read_dataset, write_dataset
from agentrl.imported import read_rows
from tests.agentrl.test_exchange import compared, played, through_json

there = importlib.util.find_spec("datasets") is not None
needs = pytest.mark.skipif(not there, reason="datasets is not installed: it comes with the extra 'datasets'")


@needs
@pytest.mark.parametrize("mode", ["transcript", "window"])
def test_episodes_come_back_as_they_were_written(tmp_path: Path, mode: str) -> None:
    from datasets import load_from_disk

    episodes, chat = played(mode=mode)
    rows: list[Any] = through_json(message_rows(episodes, chat))
    write_dataset(rows, tmp_path / "set")
    assert load_from_disk(str(tmp_path / "set"))[0]["messages"][0]["role"] == rows[0]["messages"][0]["role"]
    assert through_json(read_rows(tmp_path / "set")) == rows
    again = given(str(tmp_path / "set"), chat).episodes
    assert through_json(message_rows(again, chat)) == [{**row, "segment": 0} for row in rows]
    write_dataset(rows[:1], tmp_path / "set")
    assert len(read_dataset(tmp_path / "set")) == 1, "the same command again takes the place"


@needs
def test_pairs_come_back_as_they_were_written(tmp_path: Path) -> None:
    pairs, chat = compared()
    rows = through_json(pair_rows(pairs, chat, "trl"))
    write_dataset(rows, tmp_path / "set")
    again = given(str(tmp_path / "set"), chat).pairs
    assert through_json(pair_rows(again, chat, "trl")) == rows


@needs
def test_calls_of_tools_and_weights_survive_though_not_every_message_has_them(tmp_path: Path) -> None:
    calls = [{"id": "a", "type": "function", "function": {"name": "add", "arguments": json.dumps({"a": 1})}}]
    rows = [
        {
            "messages": [
                {"role": "user", "content": "x"},
                {"role": "assistant", "content": "", "tool_calls": calls},
            ]
        },
        {"messages": [{"role": "assistant", "content": "no", "weight": 0}], "score": 0.5},
    ]
    write_dataset(rows, tmp_path / "set")
    assert read_dataset(tmp_path / "set") == rows


@needs
def test_folders_that_are_something_else_are_left_alone_and_named(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    (tmp_path / "mine").mkdir()
    with pytest.raises(ConfigError, match="is there, and no data set"):
        write_dataset([{"a": 1}], tmp_path / "mine")
    DatasetDict({"train": Dataset.from_list([{"a": 1}])}).save_to_disk(str(tmp_path / "several"))
    with pytest.raises(DataError, match="holds the data sets train; name one"):
        is_dataset(tmp_path / "several")


def test_the_format_is_one_of_those_that_export_knows(tmp_path: Path) -> None:
    assert "hf" in FORMATS
    with pytest.raises(ConfigError, match="there are: model, messages, trl, trl_plain, step_dpo, hf"):
        export_command(["x.jsonl.gz", "format=hff", f"out={tmp_path}"])
