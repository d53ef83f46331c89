"""Pieces of a learner: written and read by one process, and an index that a stranger made."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed.checkpoint.metadata import Metadata
from torch.optim import AdamW

from agentrl.errors import RunError
from agentrl.learner import shards


def learnt(steps: int) -> tuple[torch.nn.Linear, AdamW]:
    """Return a layer that took some steps, and what took them."""
    torch.manual_seed(steps)
    layer = torch.nn.Linear(3, 2)
    optimizer = AdamW(layer.parameters())
    for _ in range(steps):
        layer(torch.rand(4, 3)).sum().backward()
        optimizer.step()
    return layer, optimizer


def test_what_one_process_wrote_it_reads(tmp_path: Path) -> None:
    layer, optimizer = learnt(3)
    shards.write(tmp_path / "learner", {"policy": optimizer}, None)
    other, target = learnt(0)
    assert shards.read(tmp_path / "learner", {"policy": target}) is None
    assert torch.equal(layer.weight, other.weight)
    mine, found = optimizer.state_dict()["state"], target.state_dict()["state"]
    for number, state in mine.items():
        assert all(torch.equal(state[name], found[number][name]) for name in shards.MOMENTS)


class Command:
    """Runs a command where it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


def test_an_index_runs_nothing(tmp_path: Path) -> None:
    _, optimizer = learnt(1)
    shards.write(tmp_path / "learner", {"policy": optimizer}, None)
    index, mark = tmp_path / "learner" / ".metadata", tmp_path / "mark"
    assert pickle.loads(pickle.dumps(Command(f"touch {mark}"))) == 0 and mark.exists()  # it would
    mark.unlink()
    index.write_bytes(pickle.dumps(Command(f"touch {mark}")))
    with pytest.raises(RunError, match=r"no index of a learner's pieces: it names (posix|nt)\.system"):
        shards.read(tmp_path / "learner", {"policy": optimizer})
    assert not mark.exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Ran out of input"),
        (b"not a pickle", "no index of a learner's pieces: "),
        (pickle.dumps({"policy/0/weight": 1}), "it holds a dict"),
        (pickle.dumps(Metadata({}))[:-8] + b"xxxxxxxx", "no index of a learner's pieces: "),
        (b"\x80\x05ctorch.serialization\n_get_layout\nX\x04\x00\x00\x00nope\x85R.", "'nope'"),
        (pickle.dumps(object.__new__(Metadata)), "it names none"),
    ],
)
def test_a_damaged_index_is_said_to_be_one(data: bytes, message: str, tmp_path: Path) -> None:
    _, optimizer = learnt(1)
    shards.write(tmp_path / "learner", {"policy": optimizer}, None)
    (tmp_path / "learner" / ".metadata").write_bytes(data)
    with pytest.raises(RunError, match=message):
        shards.read(tmp_path / "learner", {"policy": optimizer})
    (tmp_path / "learner" / ".metadata").unlink()
    with pytest.raises(RunError, match="No such file"):
        shards.read(tmp_path / "learner", {"policy": optimizer})
