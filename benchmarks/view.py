"""Time of the page: from opening it to its first list, frames while it is scrolled, opening, searching.

    python benchmarks/view.py [--episodes 1000 10000]

Needs playwright and a Chromium. Episodes are made up: five turns of about a thousand characters and 24
tokens, prompts of 200 tokens, five columns of credit. Times are wall times of one machine; what carries over
is how they grow with the episodes.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agentrl.types import Trajectory, Turn, floats32, ids32
from agentrl.view.command import view_runs
from tests.agentrl.view.examples import episode, write_run

WORDS = ("red", "blue", "shoe", "price", "under", "dollars", "cotton", "large", "search", "click", "size")
SIZE, TURNS, TOKENS, PROMPT, ITERATIONS = 8, 5, 24, 200, 10
SCROLL = """
async () => {
  const list = document.getElementById("list");
  const gaps = [];
  let last = performance.now();
  for (let step = 0; step <= 120; step++) {
    list.scrollTop = (list.scrollHeight * step) / 120;
    await new Promise((next) => requestAnimationFrame(next));
    gaps.push(performance.now() - last);
    last = performance.now();
  }
  gaps.sort((a, b) => a - b);
  return [gaps[60], gaps.at(-1)];
}
"""


def turn(dice: random.Random) -> Turn:
    said = " ".join(dice.choices(WORDS, k=4))
    return Turn(
        " ".join(dice.choices(WORDS, k=180)), ids32(dice.choices(range(260), k=PROMPT)),
        ids32(dice.choices(range(260), k=TOKENS)), floats32([-dice.random() for _ in range(TOKENS)]),
        said, said, {"task": float(dice.random() < 0.2)}, f"state {dice.randrange(40)}",
    )  # fmt: skip


def made(folder: Path, episodes: int) -> Path:
    """Return a run folder with so many episodes."""
    dice = random.Random(0)
    groups = max(1, episodes // (SIZE * ITERATIONS))
    played: dict[int, list[Trajectory]] = {}
    for number in range(1, ITERATIONS + 1):
        played[10 * number] = [
            episode(f"task {number} {task}", n, [turn(dice) for _ in range(TURNS)], success=n % 2 == 0)
            for task in range(groups)
            for n in range(SIZE)
        ]
    return write_run(folder, played)


def timed(browser: Any, page: Path) -> dict[str, float]:
    """Return what the browser needs for a page, in seconds."""
    tab = browser.new_page(viewport={"width": 1200, "height": 800})
    tab.set_default_timeout(120_000)
    tab.goto(page.as_uri())
    tab.wait_for_selector("body[data-ready]")
    found = {"open": tab.evaluate("performance.getEntriesByName('ready')[0].startTime") / 1000}
    middle, longest = tab.evaluate(SCROLL)
    found |= {"frame": middle / 1000, "longest frame": longest / 1000}
    begun = time.perf_counter()
    tab.evaluate("() => { location.hash = 'e/0/77'; }")
    tab.wait_for_selector("main .turn")
    found["episode"] = time.perf_counter() - begun
    begun = time.perf_counter()
    tab.fill("#query", "nothing is like this")
    tab.wait_for_function("() => document.getElementById('count').textContent.startsWith('0 of')")
    found["search"] = time.perf_counter() - begun
    tab.close()
    return found


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--episodes", type=int, nargs="+", default=[1000, 10_000])
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    print("| episodes | page, MB | written, s | open, s | frame while scrolling, ms | longest, ms |"
          " open an episode, s | search all, s |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for episodes in parser.parse_args().episodes:
            run = made(Path(folder) / str(episodes), episodes)
            begun = time.perf_counter()
            page = view_runs([run])
            written = time.perf_counter() - begun
            t = timed(browser, page)
            print(f"| {episodes:,} | {page.stat().st_size / 1e6:.1f} | {written:.1f} | {t['open']:.2f} |"
                  f" {1e3 * t['frame']:.0f} | {1e3 * t['longest frame']:.0f} | {t['episode']:.2f} |"
                  f" {t['search']:.1f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
