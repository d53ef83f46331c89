"""Games are found wherever they lie, and what is missing or damaged is named."""

import json
import lzma
import shutil
from pathlib import Path

import pytest

from agentrl.errors import ConfigError, DataError
from agentrl_envs.alfworld import AlfWorld
from agentrl_envs.alfworld.pddl import game
from agentrl_envs.alfworld.sources import opened


def test_files_and_archives_hold_the_same_games(tree: Path, packed: Path) -> None:
    files, archives = opened(str(tree)), opened(str(packed))
    assert set(files.splits) == set(archives.splits) == {"train", "valid_seen"}
    for split in files.splits:
        one, two = files.entries(split), archives.entries(split)
        assert [(e.id, e.kind) for e in one] == [(e.id, e.kind) for e in two]
        for a, b in zip(one, two, strict=True):
            assert files.game(a) == archives.game(b)


@pytest.mark.parametrize("below", ["", "json_2.1.1", "json_2.1.1/valid_seen"])
def test_any_folder_of_the_tree_can_be_named(tree: Path, below: str) -> None:
    source = opened(str(tree / below))
    assert len(source.entries("valid_seen")) == 3
    assert source.entries("valid_seen")[0].id.startswith("valid_seen/")


def test_one_file_is_a_game_to_train_and_measure_on(tree: Path) -> None:
    file = next(tree.rglob("game.tw-pddl"))
    env = AlfWorld(data=str(file))
    panels = [env.tasks(split) for split in ("train", "dev", "test")]
    assert [len(panel) for panel in panels] == [1, 1, 1]
    assert len({panel[0].id for panel in panels}) == 3
    env.reset(options={"task": panels[2][0]})
    assert env.step(env.player("expert", 0)(""))[4]["valid"]


def test_games_that_the_original_leaves_out_are_left_out(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree / "json_2.1.1", tmp_path / "json_2.1.1")
    files = sorted((tmp_path / "json_2.1.1" / "valid_seen").rglob("game.tw-pddl"))
    texts = json.loads(files[0].read_text())
    files[0].write_text(json.dumps(texts | {"solvable": False}))
    folder = files[1].parent.parent
    folder.rename(folder.with_name(folder.name.replace("-None-", "-Bowl-movable-")))
    assert len(opened(str(tmp_path)).entries("valid_seen")) == 1


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        (None, None, "no such file or folder"),
        ("notes.txt", b"hello", "neither a game.tw-pddl nor a packed archive"),
        ("folder/", None, "no games there"),
    ],
)
def test_places_without_games_are_named(
    tmp_path: Path, name: str | None, content: bytes | None, why: str
) -> None:
    place = tmp_path / (name or "nowhere")
    if content is not None:
        place.write_bytes(content)
    elif name:
        place.mkdir()
    with pytest.raises(ConfigError, match=why):
        AlfWorld(data=str(place)).tasks("train")


def test_without_data_the_way_to_them_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    with pytest.raises(ConfigError, match=r"env\.data=PATH, or set ALFWORLD_DATA"):
        AlfWorld().tasks("train")


def row(**changes: object) -> bytes:
    plain: dict[str, object] = {
        "id": "a/b/c",
        "task_type": "look_at_obj_in_light",
        "goal": "x.",
        "pddl_problem": "",
    }
    return json.dumps(plain | changes).encode()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not compressed", r"damaged or cut off after 0 games"),
        (lzma.compress(row() + b"\n")[:-20], r"damaged or cut off"),
        (lzma.compress(b""), "holds no game"),
        (lzma.compress(b"{"), "line 1: not JSON"),
        (lzma.compress(b"[1]"), "line 1: no text 'id'"),
        (lzma.compress(row(goal=3)), "line 1: no text 'goal'"),
        (lzma.compress(row(task_type="sing")), "line 1: task_type 'sing' is not one of"),
    ],
)
def test_wrong_archives_are_named_with_the_line(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "games_train.jsonl.xz").write_bytes(content)
    with pytest.raises(DataError, match=why):
        opened(str(tmp_path)).entries("train")


def test_archives_need_the_texts_they_share(tmp_path: Path) -> None:
    (tmp_path / "games_train.jsonl.xz").write_bytes(lzma.compress(row()))
    source = opened(str(tmp_path))
    with pytest.raises(DataError, match=r"domain\.pddl: packed games need it beside them"):
        source.game(source.entries("train")[0])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not JSON, or cut off"),
        (b'{"pddl_domain": "(def', "not JSON, or cut off"),
        (b"[]", "holds a list"),
        (b"{}", "no text 'pddl_domain'"),
        (b'\xff\xfe{"a": 1}', "not JSON, or cut off"),
    ],
)
def test_a_broken_game_file_is_named(tmp_path: Path, content: bytes, why: str) -> None:
    file = tmp_path / "game.tw-pddl"
    file.write_bytes(content)
    with pytest.raises(DataError, match=why):
        AlfWorld(data=str(file)).tasks("train")


def test_every_text_may_be_cut_anywhere_and_is_refused(tree: Path) -> None:
    texts = json.loads(next(tree.rglob("game.tw-pddl")).read_text())
    for key in ("pddl_domain", "grammar", "pddl_problem"):
        for share in (0.0, 0.3, 0.7, 0.95):
            cut = texts | {key: texts[key][: int(share * len(texts[key]))]}
            with pytest.raises(DataError, match="here: "):
                game("x", cut, "here")


def test_known_editions_are_played_by_their_own_words(tree: Path) -> None:
    texts = json.loads(next(tree.rglob("game.tw-pddl")).read_text())
    basin = texts["pddl_domain"].replace("(receptacleType ?r SinkType)", "")
    assert game("x", texts | {"pddl_domain": basin}, "here").sinks == {"sinkbasintype"}
    older = texts["grammar"].replace("You arrive at {r.name}.", "You arrive at {lend.name}.")
    older = older.replace("move {o} to {r}", "put {o} in/on {r}")
    older = older.replace(
        "You move the {o.name} to the {r.name}.", "You put the {o.name} in/on the {r.name}."
    )
    read = game("x", texts | {"grammar": older[: older.index("action help")]}, "here")
    assert (read.dialect, read.help) == ("0.3", "")


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("pddl_domain", "(holds ?a ?o)", "(holdsAny ?a)"),
        ("grammar", "You open the", "You unlock the"),
        ("grammar", "Your task is to: ", "Do this: "),
    ],
)
def test_a_changed_domain_or_grammar_is_refused(tree: Path, key: str, old: str, new: str) -> None:
    texts = json.loads(next(tree.rglob("game.tw-pddl")).read_text())
    assert old in texts[key]
    with pytest.raises(DataError, match=r"here: its (domain|grammar)"):
        game("x", texts | {key: texts[key].replace(old, new)}, "here")


def test_a_packed_game_that_was_changed_is_noticed(packed: Path, tmp_path: Path) -> None:
    shutil.copytree(packed, tmp_path / "packed")
    archive = tmp_path / "packed" / "games_valid_seen.jsonl.xz"
    with lzma.open(archive, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    with lzma.open(archive, "wt") as lines:
        lines.writelines(json.dumps(one | {"sha1": "0" * 40}) + "\n" for one in rows)
    source = opened(str(tmp_path / "packed"))
    with pytest.raises(DataError, match="not the game that was packed"):
        source.game(source.entries("valid_seen")[0])
