"""The page in a real Chromium: what is seen, by mouse and keys, in light and dark, and what is not run."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentrl.view.command import view_runs
from agentrl.view.serve import server
from agentrl.view.shelf import packed
from tests.agentrl.view.examples import HOSTILE, hostile_run, plain_run, tree_run

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (pip install playwright)")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


class Seen:
    """A page that is open, and what went wrong on it."""

    def __init__(self, browser: Any, address: str, scheme: str) -> None:
        self.page = browser.new_page(color_scheme=scheme, viewport={"width": 1200, "height": 800})
        self.page.set_default_timeout(60_000)
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda line: self.wrong.append(line.text) if line.type == "error" else None)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)
        self.page.wait_for_selector("body[data-ready]")

    def go(self, place: str) -> None:
        """Go to an episode, group or tree, and wait until it is shown."""
        before = self.page.query_selector("main > *")
        self.page.evaluate("place => { location.hash = place; }", place)
        self.page.wait_for_function("old => document.querySelector('main > *') !== old", arg=before)

    def text(self, selector: str) -> str:
        """Return the text of what a selector finds."""
        return str(self.page.inner_text(selector))

    def count(self, selector: str) -> int:
        """Return how many elements a selector finds."""
        return int(self.page.locator(selector).count())


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def see(browser: Any) -> Iterator[Any]:
    opened: list[Seen] = []

    def open_page(address: Path | str, scheme: str = "light") -> Seen:
        opened.append(Seen(browser, str(address) if isinstance(address, str) else address.as_uri(), scheme))
        return opened[-1]

    yield open_page
    for one in opened:
        one.page.close()
        assert not one.wrong


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return view_runs([plain_run(tmp_path_factory.mktemp("plain") / "run")])


def test_a_page_needs_nothing_beside_itself_and_says_what_it_holds(see: Any, plain: Path) -> None:
    seen = see(plain)
    assert seen.asked == [plain.as_uri()]
    assert seen.text("#count") == "24 of 24 episodes"
    assert "iteration 10" in seen.text("main") and "iteration 20" in seen.text("main")


def test_tokens_are_coloured_by_credit_and_tell_its_terms_when_pointed_at(see: Any, plain: Path) -> None:
    seen = see(plain)
    seen.go("e/0/0")
    assert seen.count(".t.plus") == 6 and seen.count(".t.minus") == 0
    seen.go("e/0/1")
    assert seen.count(".t.minus") == 6
    seen.page.hover(".turn:first-child .t >> nth=1")
    told = seen.text("#tip")
    assert "token 2 of 3 in turn 1" in told
    for line in ("credit\t-1", "trajectory term\t-1", "turn term\t0", "the algorithm's step term\t-0.5",
                 "log-prob of the sampler\t-1 (36.8 %)", "log-prob of the trainer\t-0.875",
                 "trainer − sampler\t+0.125"):  # fmt: skip
        assert line in told
    seen.page.mouse.move(5, 5)
    assert not seen.page.is_visible("#tip")


def test_another_colouring_can_be_chosen(see: Any, plain: Path) -> None:
    seen = see(plain)
    seen.go("e/0/0")
    seen.page.select_option("#lens", "part/step")
    assert seen.count(".t.plus") == 3, "the step term is that of the first turn alone"
    seen.page.select_option("#lens", "behaviour")
    assert seen.count(".t.size") == 6


def test_an_episode_shows_rewards_by_component_actions_and_prompts(see: Any, plain: Path) -> None:
    seen = see(plain)
    seen.go("e/0/0")
    assert "task\t1\t2\t2" in seen.text("main table >> nth=0"), "sum, weight, share of the return"
    assert "Guess a number for task-0-0." in seen.text("main")
    seen.page.click("text=prompt, 3 tokens >> nth=0")
    seen.page.wait_for_selector(".turn details pre", state="visible")


def test_the_list_is_walked_by_keys(see: Any, plain: Path) -> None:
    seen = see(plain)
    seen.page.keyboard.press("j")
    seen.page.wait_for_selector("main .turn")
    assert seen.page.evaluate("location.hash") == "#e/0/0"
    seen.page.focus("#list")
    for key, place in (("ArrowDown", 1), ("End", 23), ("ArrowUp", 22), ("Home", 0)):
        seen.page.keyboard.press(key)
        assert seen.page.evaluate("location.hash") == f"#e/0/{place}"
        assert seen.page.get_attribute("#list", "aria-activedescendant") == f"row-{place}"
    seen.page.keyboard.press("]")
    assert seen.page.evaluate("location.hash") == "#e/0/1", "the next of the group"
    seen.page.keyboard.press("Enter")
    assert seen.page.evaluate("document.activeElement.id") == "main"


def test_a_reply_is_read_token_by_token_by_keys(see: Any, plain: Path) -> None:
    seen = see(plain)
    seen.go("e/0/0")
    seen.page.focus(".tokens >> nth=1")
    for key, place in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2)):
        seen.page.keyboard.press(key)
        assert f"token {place} of 3 in turn 2" in seen.text("#tip")
    seen.page.keyboard.press("Escape")
    assert not seen.page.is_visible("#tip")


def test_help_is_one_key_away_and_colours_another(see: Any, plain: Path) -> None:
    seen = see(plain)
    seen.page.keyboard.press("?")
    assert seen.page.is_visible("#help")
    seen.page.keyboard.press("Escape")
    assert not seen.page.is_visible("#help")
    seen.page.keyboard.press("c")
    assert seen.page.input_value("#lens") == "push"


def test_every_text_is_searched_and_what_was_found_is_marked(see: Any, plain: Path) -> None:
    seen = see(plain)
    seen.page.keyboard.press("/")
    seen.page.keyboard.type("NUMBER FOR task-1-2")
    seen.page.wait_for_function("() => document.getElementById('count').textContent === '4 of 24 episodes'")
    seen.page.keyboard.press("Escape")
    seen.page.keyboard.press("j")
    seen.page.wait_for_selector("main mark")
    assert seen.text("main mark >> nth=0") == "number for task-1-2"
    seen.page.fill("#query", "nowhere to be found")
    seen.page.wait_for_function("() => document.getElementById('count').textContent === '0 of 24 episodes'")
    assert seen.count(".row") == 0


def test_episodes_are_filtered_and_put_in_order(see: Any, plain: Path) -> None:
    seen = see(plain)
    seen.page.select_option("[aria-label=Iteration]", "20")
    assert seen.text("#count") == "12 of 24 episodes"
    seen.page.select_option("[aria-label='Which episodes']", "failed")
    assert seen.text("#count") == "6 of 24 episodes"
    seen.page.select_option("[aria-label=Iteration]", "")
    seen.page.select_option("[aria-label='Which episodes']", "")
    seen.page.select_option("[aria-label=Order]", "low")
    assert "turn_limit" in seen.text(".row >> nth=0")


def test_a_group_shows_its_members_and_the_states_they_share(see: Any, plain: Path) -> None:
    seen = see(plain)
    seen.page.keyboard.press("g")
    assert seen.text("#count") == "6 groups"
    seen.page.click(".row >> nth=0")
    seen.page.wait_for_selector("[data-state]")
    text = seen.text("main")
    assert "2 of 4" in seen.text(".row >> nth=0") and "1 ± 1.155" in text
    assert seen.count("[data-state]") == 1 and "State met by 4 turns" in text
    seen.page.click("text=#1, turn 1")
    seen.page.wait_for_selector(".turn.here")
    assert seen.page.evaluate("location.hash") == "#e/0/1/t0"
    seen.page.go_back()
    seen.page.wait_for_selector("[data-state]")


def test_a_tree_shows_worth_and_preference_of_its_nodes(see: Any, tmp_path: Path) -> None:
    seen = see(view_runs([tree_run(tmp_path / "run")]))
    seen.page.keyboard.press("t")
    seen.page.click(".row")
    seen.page.wait_for_selector(".node")
    nodes = seen.page.locator(".node").all_inner_texts()
    assert [("✓" in node, "✗" in node) for node in nodes] == [
        (False, False), (False, True), (True, False), (False, True),
    ]  # fmt: skip
    for text in ("guess 12", "chosen ×2", "success, score 1", "Q\n1", "mean push\n+0.75", "way"):
        assert text in nodes[2]
    assert "N\n2" in nodes[0] and "prior\n0.25" in nodes[0]
    assert "guess 15" in nodes[3] and "in no episode" in nodes[3] and "mean push\n-0.5" in nodes[3]
    for query, trees in (("guess 15", "1 of 1 trees"), ("guess 16", "0 of 1 trees"), ("", "1 of 1 trees")):
        seen.page.fill("#query", query)
        seen.page.wait_for_function(
            "text => document.getElementById('count').textContent === text", arg=trees
        )
    seen.page.click(".node >> nth=1 >> text=turn 2")
    seen.page.wait_for_selector(".turn.here .t.minus")


def test_two_runs_stand_side_by_side(see: Any, tmp_path: Path) -> None:
    runs = [plain_run(tmp_path / name, seed=seed) for name, seed in (("one", 0), ("two", 1))]
    config = (runs[1] / "config.toml").read_text()
    (runs[1] / "config.toml").write_text(config.replace("omega = 1.0", "omega = 0.5"))
    page = view_runs(runs)
    assert page == runs[0] / "view-two.html"
    seen = see(page)
    assert seen.text("#count") == "48 of 48 episodes"
    assert "algo.omega\t1.0\t0.5" in seen.text("main")
    seen.go("e/0/5")
    titles = seen.page.locator(".pane h2").all_inner_texts()
    assert titles == ["A task-0-1", "B task-0-1"]
    assert seen.page.get_attribute("[role=tab] >> nth=0", "aria-selected") == "true"
    seen.page.select_option("[aria-label='Episode to compare with']", index=2)
    seen.page.wait_for_function("() => location.hash === '#e/0/5/b6'")
    seen.page.select_option("[aria-label=Run]", "1")
    assert seen.text("#count") == "24 of 48 episodes"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hostile_text_stays_text(see: Any, tmp_path: Path, scheme: str) -> None:
    seen = see(view_runs([hostile_run(tmp_path / "run")]), scheme)
    for place in ("e/0/0", "g/0/0", "overview"):
        seen.go(place)
        seen.page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true; })")
        assert seen.page.evaluate("window.broken") is None
        assert seen.count("main script, main img, nav img, header img") == 0
    seen.go("e/0/0")
    seen.page.hover(".t >> nth=0")
    beginning = HOSTILE[: HOSTILE.index("\u2028")]
    assert beginning in seen.page.text_content("main") and beginning in seen.page.text_content("#list")
    seen.page.fill("#query", "</script>")
    seen.page.wait_for_selector("main mark")
    assert seen.page.evaluate("window.broken") is None


CONTRAST = """
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const light = (...layers) => {
    for (const layer of layers) { canvas.fillStyle = layer; canvas.fillRect(0, 0, 1, 1); }
    const rgb = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((c) => c / 255);
    const [r, g, b] = rgb.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = getComputedStyle(document.body).backgroundColor;
  return [...document.querySelectorAll("main *, nav *, header *")].filter((one) => one.checkVisibility()
    && [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())).map((one) => {
    const layers = [paper];
    for (let up = one; up; up = up.parentElement) layers.splice(1, 0, getComputedStyle(up).backgroundColor);
    const [a, b] = [light(...layers), light(getComputedStyle(one).color)];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.className, one.textContent.slice(0, 30)];
  }).sort((one, two) => one[0] - two[0])[0];
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read_on_every_ground(see: Any, plain: Path, scheme: str) -> None:
    seen = see(plain, scheme)
    for place in ("e/0/0", "e/0/1", "g/0/0", "overview"):
        seen.go(place)
        ratio, *where = seen.page.evaluate(CONTRAST)
        assert ratio >= 4.5, where
    paper = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    seen.page.click("#theme")
    seen.page.click("#theme")
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"


def test_a_served_page_fetches_what_is_looked_at(see: Any, tmp_path: Path) -> None:
    shelf = packed(plain_run(tmp_path / "run", tasks=20, iterations=2), None, 0)
    with server([shelf]) as answering:
        threading.Thread(target=answering.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{answering.server_address[1]}/"
        seen = see(address)
        assert not [url for url in seen.asked if "chunk" in url]
        seen.go("e/0/70")
        assert [url for url in seen.asked if "chunk" in url] == [f"{address}chunk/0/1"]
        assert seen.count(".t") == 6
        answering.shutdown()


def test_ten_thousand_episodes_are_listed_searched_and_opened(see: Any, tmp_path: Path) -> None:
    seen = see(view_runs([plain_run(tmp_path / "run", tasks=125, size=8, iterations=10)]))
    assert seen.text("#count") == "10,000 of 10,000 episodes"
    assert seen.count(".row") < 60, "only what is in sight is drawn"
    seen.page.focus("#list")
    seen.page.keyboard.press("End")
    seen.page.wait_for_selector("main .turn")
    assert seen.page.evaluate("location.hash") == "#e/0/9999" and seen.count(".row") < 60
    seen.page.fill("#query", "number for task-3-77.")
    seen.page.wait_for_function(
        "() => document.getElementById('count').textContent === '8 of 10,000 episodes'"
    )
    seen.page.fill("#query", "")
    seen.page.keyboard.press("Escape")
    seen.page.keyboard.press("g")
    seen.page.wait_for_function("() => document.getElementById('count').textContent === '1,250 groups'")
