"""Who answers: which questions they are, and what players do with them."""

from pathlib import Path

import pytest

from agentrl.bench.play import played, questions, weights_of
from agentrl.bench.words import Place, planned
from agentrl.records import PanelRecord
from agentrl.toolstats import answered
from tests.agentrl.bench.drawer import Drawer
from tests.agentrl.installed import install_ourselves

FILE = Path(__file__).parent / "drawer.py"


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ourselves(tmp_path, monkeypatch)


def place(*words: str) -> Place:
    [found] = planned(["tool-use", *words]).places
    return found


def test_the_default_questions_are_these() -> None:
    """Whoever changes this hash changes the questions, and makes published figures incomparable."""
    assert questions(place(), "test", 0)[1] == PanelRecord("tools/test", "eedc1ddd479d", 300)


def test_the_hash_notices_words_that_the_tasks_do_not_hold() -> None:
    panel, one = questions(place(f"env={FILE}:Drawer"), "dev", 5)
    assert questions(place(f"env={FILE}:Drawer"), "dev", 5)[1] == one and len(panel) == one.tasks == 5
    other, two = questions(place(f"env={FILE}:Cupboard"), "dev", 5)
    assert panel.hash == other.hash and one.hash != two.hash


def test_a_player_is_measured_as_a_model_is() -> None:
    env = Drawer("test")
    shut = env.tasks("test")[1]
    found = answered(played(env, "expert", shut, 0))
    assert (found.correct, found.calls, found.cost, found.fewest, found.latency) == (True, 1, 2.0, 1, 0.25)
    assert not answered(played(env, "never", env.tasks("test")[3], 0)).calls


def test_what_an_environment_raises_ends_the_players_episode() -> None:
    class Broken(Drawer):
        """It breaks."""

        def open(self) -> str:  # type: ignore[override]
            raise OSError("the drawer is stuck")

    env = Broken("test")
    episode = played(env, "expert", env.tasks("test")[1], 0)
    assert not episode.scorable and not episode.success


def test_weights_have_a_digest(tmp_path: Path) -> None:
    assert weights_of("tiny") == weights_of("some/hub-id") == ""
    (tmp_path / "model.safetensors").write_bytes(b"one")
    one = weights_of(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"two")
    assert one and weights_of(str(tmp_path)) not in ("", one)
