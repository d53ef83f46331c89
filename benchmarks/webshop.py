"""How fast the shop is: `PYTHONPATH=.:envs python benchmarks/webshop.py [seconds]`.

Steps are whole `TextEnv.step` calls, info, admissible actions and state key included, on one core.
"""

import random
import sys
import time
from statistics import mean, median

from agentrl_envs.webshop import WebShop, ambiguity

QUERIES = 500


def steps_per_second(env: WebShop, seconds: float) -> float:
    """Return non-search steps a second of a customer who clicks at random."""
    dice = random.Random(0)
    spent, count = 0.0, 0
    _, info = env.reset(seed=0)
    while spent < seconds:
        actions = [action for action in info["admissible"] or () if action != "click[back to search]"]
        if not actions:
            *_, info = env.step(f"search[{env.goal()}]")
            continue
        action = dice.choice(actions)
        start = time.perf_counter()
        _, _, terminated, truncated, info = env.step(action)
        spent += time.perf_counter() - start
        count += 1
        if terminated or truncated:
            _, info = env.reset(seed=count)
    return count / spent


def resets_per_second(env: WebShop, seconds: float) -> float:
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        env.reset(seed=count)
        count += 1
    return count / (time.perf_counter() - start)


def search_milliseconds(env: WebShop) -> list[float]:
    """Return the sorted times of searches not asked before."""
    texts = [goal.text for goals in env.world.goals.values() for goal in goals][:QUERIES]
    times = []
    for text in texts:
        start = time.perf_counter()
        env.world.index.search(text)
        times.append((time.perf_counter() - start) * 1000)
    return sorted(times)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    start = time.perf_counter()
    env = WebShop()
    built = time.perf_counter() - start
    start = time.perf_counter()
    goals = sum(len(goals) for goals in env.world.goals.values())
    built += time.perf_counter() - start
    print(f"{len(env.world.stock)} products, {goals} goals, built in {built:.2f} s")
    others = ambiguity(env.world, env.world.goals["test"])
    print(f"{mean(others):.2f} other products also earn 1, mean over the {len(others)} test goals")
    for view in ("text", "text_rich", "handles"):
        print(f"{view:10} {steps_per_second(WebShop(view=view), seconds):10,.0f} non-search steps/s")
    print(f"{'':10} {resets_per_second(env, seconds):10,.0f} resets/s")
    times = search_milliseconds(env)
    print(
        f"search     {median(times):10.3f} ms median, {times[int(0.99 * len(times))]:.3f} ms p99 (uncached)"
    )


if __name__ == "__main__":
    main()
