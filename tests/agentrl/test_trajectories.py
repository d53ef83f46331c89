"""Trajectories on disk: equal when read back, told apart when damaged."""

import gzip
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import DataError
from agentrl.trajectories import dump, parse, read_trajectories, write_trajectories
from agentrl.types import Sampling, Task, Trajectory, Turn, floats32, ids32

texts = st.text(st.characters(categories=None), max_size=20)
numbers = st.floats()
counts = st.integers(-(2**31), 2**31 - 1)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def turns(draw):
    size = draw(st.integers(0, 5))
    return Turn(
        observation=draw(texts),
        prompt_ids=ids32(draw(st.lists(counts, max_size=6))),
        action_ids=ids32(draw(st.lists(counts, min_size=size, max_size=size))),
        logprobs=floats32(draw(st.lists(st.floats(width=32), min_size=size, max_size=size))),
        text=draw(texts),
        action=draw(texts),
        rewards=draw(st.dictionaries(texts, numbers, max_size=3)),
        state_key=draw(texts),
        fresh=draw(st.booleans()),
        format_valid=draw(st.booleans()),
        admissible=draw(st.booleans()),
        versions=tuple(draw(st.lists(st.tuples(counts, counts), max_size=3))),
        sampling=Sampling(draw(numbers), 0.5, 3, 9, draw(st.booleans())),
        calls=tuple(draw(st.lists(st.dictionaries(texts, values, max_size=2), max_size=2))),
        seconds=draw(numbers),
    )


@st.composite
def trajectories(draw):
    return Trajectory(
        Task(draw(texts), "dev", draw(st.integers()), draw(st.dictionaries(texts, values, max_size=3))),
        draw(texts),
        draw(counts),
        tuple(draw(st.lists(turns(), max_size=3))),
        draw(st.sampled_from(["success", "deadline"])),
        draw(texts),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(numbers),
        draw(numbers),
        draw(st.booleans()),
        draw(st.dictionaries(texts, numbers, max_size=2)),
        draw(counts),
        draw(values),
    )


def example():
    turn = Turn(
        "door",
        ids32([1, 2]),
        ids32([3]),
        floats32([-0.5]),
        "go",
        "go",
        {"task": 1.0},
        "k",
        versions=((4, 1),),
    )
    return Trajectory(
        Task("a", "train", 3, {"x": [1]}), "g", 0, (turn,), "success", metrics={"token_violations": 0.0}
    )


@given(trajectories())
def test_reading_and_writing_again_gives_the_same_bytes(trajectory):
    line = dump(trajectory)
    assert dump(parse(line)) == line and "\n" not in line
    assert dump(parse(line.encode())) == line


def test_what_was_written_is_read():
    assert parse(dump(example())) == example()


def test_lines_of_the_first_version_are_read_and_those_of_a_later_one_refused():
    line = json.loads(dump(replace(example(), final_state={"door": [1, None]})))
    assert line["version"] == 2 and parse(json.dumps(line)).final_state == {"door": [1, None]}
    old = {key: value for key, value in line.items() if key not in ("version", "final_state")}
    assert parse(json.dumps(old)) == example()
    with pytest.raises(DataError, match="a trajectory of version 3; this agentrl reads up to 2"):
        parse(json.dumps({**line, "version": 3}))


def test_ids_are_base64_of_little_endian_integers():
    assert json.loads(dump(example()))["turns"][0]["prompt_ids"] == "AQAAAAIAAAA="


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"rewards"', '"rewrads"', r"missing required field `rewards` - at `\$.turns\[0\]`"),
        ('"AQAAAAIAAAA="', "3", r"Expected `str`, got `int` - at `\$.turns\[0\].prompt_ids`"),
        ('"AQAAAAIAAAA="', '"AQAAAAIAAA=="', "bytes length not a multiple of item size"),
        ('"AQAAAAIAAAA="', '"A*"', "base64"),
        ('"AwAAAA=="', '""', r"turns\[0\] has 0 tokens but 1 logprobs"),
        ('"success","reason"', '"victory","reason"', "Invalid enum value 'victory'"),
        ("}", "", "delimiter|Expecting"),
    ],
)
def test_a_broken_line_is_told_by_file_line_and_field(tmp_path, old, new, says):
    path = tmp_path / "x.jsonl.gz"
    line = dump(example())
    assert old in line
    with gzip.open(path, "wt") as file:
        file.write(f"{line}\n{line.replace(old, new)}\n")
    found = read_trajectories(path)
    assert next(found) == example()
    with pytest.raises(DataError, match=rf"x.jsonl.gz, line 2: .*({says})"):
        next(found)


def test_files_hold_trajectories_in_order_and_equal_ones_are_equal(tmp_path):
    many = [replace(example(), sample=i) for i in range(5)]
    for name in ("a", "b"):
        assert write_trajectories(tmp_path / "new" / f"{name}.jsonl.gz", iter(many)) == 5
    assert list(read_trajectories(tmp_path / "new" / "a.jsonl.gz")) == many
    assert len({path.read_bytes() for path in (tmp_path / "new").iterdir()}) == 1


def test_a_file_cut_off_or_of_another_kind_is_told(tmp_path):
    path = tmp_path / "x.jsonl.gz"
    write_trajectories(path, [replace(example(), group=str(i) * 50) for i in range(50)])
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"x.jsonl.gz, after line \d+: "):
        list(read_trajectories(path))
    path.write_text("no gzip")
    with pytest.raises(DataError, match="after line 0"):
        list(read_trajectories(path))


def test_a_failure_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.jsonl.gz"
    write_trajectories(path, [example()])

    def failing():
        yield example()
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_trajectories(path, failing())
    assert list(read_trajectories(path)) == [example()] and len(list(tmp_path.iterdir())) == 1
