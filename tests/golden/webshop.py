"""Cases of the WebShop files: reward, search, and whole episodes through the environment."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from agentrl.env import TextEnv
from agentrl.types import Task
from agentrl_envs import analysis
from agentrl_envs.bm25 import Index
from agentrl_envs.webshop import WebShop, goals, normalise, nouns, records, reward
from agentrl_envs.webshop.product import Goal, Product
from agentrl_envs.webshop.world import World, stocked
from tests.golden.case import Case
from tests.golden.public import Public

REWARDS = Path(__file__).parent / "data" / "webshop_reward.json"
EXACT = {"atol": 1e-9, "rtol": 0.0}
SCORES = {"atol": 1e-4, "rtol": 0.0}


def search_hits(index: Index, query: str) -> list[tuple[str, float]]:
    """Return what a search finds."""
    return index.search(query)


def reset(env: TextEnv, task: Task) -> tuple[str, dict[str, Any]]:
    """Return the first page of an episode."""
    return env.reset(options={"task": task})


def step(env: TextEnv, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
    """Return what an action leads to."""
    return env.step(action)


def clickables(env: WebShop) -> list[str]:
    """Return what can be clicked on the open page."""
    return env.shop.clickables()


FUNCTIONS: list[Callable[..., Any]] = [
    reward.score,
    reward.token_set_ratio,
    normalise.normalize_color,
    goals.refusal,
    analysis.terms,
    search_hits,
    reset,
    step,
    clickables,
]


def reward_cases(content: dict[str, Any]) -> list[Case]:
    """Return the purchases, colours and fuzzy ratios. A case that raises is one that must be refused."""
    found = []
    for case in content["cases"]:
        expected = {"refused": True} if "raises" in case["expected"] else case["expected"]
        found.append(Case(case["name"], expected, EXACT, partial(_purchase, case)))
    for text, colour in content["normalize_color"]:
        found.append(Case(f"colour of {text!r}", colour, EXACT, lambda p, text=text: p.normalize_color(text)))
    for one, two, ratio in content["token_set_ratio"]:
        run = partial(_ratio, one, two)
        found.append(Case(f"ratio of {one!r} and {two!r}", ratio, EXACT, run))
    return found


def _ratio(one: str, two: str, public: Public) -> Any:
    return public.token_set_ratio(one, two)


def _purchase(case: dict[str, Any], public: Public) -> dict[str, Any]:
    goal, bought = _goal(case["goal"]), case["purchased"]
    product = Product(
        asin="",
        title=bought["Title"],
        description=bought["Description"],
        bullets=tuple(bought["BulletPoints"]),
        category="",
        query=bought["query"],
        product_category=bought["product_category"],
        options={},
        price_tag="",
        price=case["price"],
        attributes=tuple(bought["Attributes"]),
    )
    tagged = {bought["Title"]: case["purchased_nouns"], goal.name: case["goal_nouns"]}
    if case["price"] is None or public.refusal(goal):  # a price that is no number cannot be read from a file
        return {"refused": True}
    return _parts(public.score(product, goal, case["options"], tagged.__getitem__), goal)


def _goal(given: dict[str, Any]) -> Goal:
    options = given["goal_options"]
    return Goal(
        asin=given.get("asin", ""),
        category=given.get("category", ""),
        query=given["query"],
        name=given["name"],
        product_category=given["product_category"],
        text=given.get("instruction_text", ""),
        attributes=tuple(given["attributes"]),
        price_upper=given["price_upper"],
        options=options if isinstance(options, dict) else tuple(options),
    )


def _parts(score: reward.Score, goal: Goal) -> dict[str, Any]:
    """Return a score under the original's names; its w_ parts repeat the goal, as shares of the whole."""
    asked = len(goal.attributes) + len(goal.options) + 1
    optional = {"r_option": score.r_option, "w_option": len(goal.options) / asked} if goal.options else {}
    return {
        "total": score.total,
        "num_attr_matches": score.attributes_met,
        "num_option_matches": score.options_met,
        "r_type": score.r_type,
        "r_att": score.r_att,
        "w_att": len(goal.attributes) / asked,
        "query_match": score.query_match,
        "category_match": score.category_match,
        "title_score": score.title_score,
        "r_price": score.r_price,
        "w_price": 1 / asked,
        **optional,
    }


def search_cases(content: dict[str, Any]) -> list[Case]:
    """Return each query's index terms and hits."""
    index = cache(lambda: Index((d["id"], d["contents"]) for d in content["documents"]))

    def run(query: str, public: Public) -> dict[str, Any]:
        return {"analyzed": public.terms(query), "hits": public.search_hits(index(), query)}

    return [
        Case(q["query"], {"analyzed": q["analyzed"], "hits": q["hits"]}, SCORES, partial(run, q["query"]))
        for q in content["queries"]
    ]


class _Given(WebShop):
    """A shop with the products and goals of the file."""

    given: World

    @property
    def world(self) -> World:
        return self.given


def transcript_cases(content: dict[str, Any]) -> list[Case]:
    """Return the episodes, each a case: pages, what they offer, rewards, and the parts of the last reward."""
    world = cache(partial(_world, content))
    found = []
    for number, episode in enumerate(content["transcripts"]):
        name = f"{number} {episode['goal_kind']} {episode['mode']} {episode['policy']}"
        expected = {key: episode[key] for key in ("steps", "final_reward", "verbose_info")}
        found.append(Case(name, expected, EXACT, partial(_play, world, episode)))
    return found


def _world(content: dict[str, Any], kind: str) -> World:
    human = content["items_human_ins"] if kind == "human" else None
    products = records.parse(content["items_shuffle"], content["items_ins_v2"], human).products
    prices = dict(content[f"product_prices_{kind}"])
    priced = [replace(product, price=prices[product.asin]) for product in products]
    return stocked(priced, {"test": [_goal(g) for g in content[f"goals_{kind}"]]}, _nouns())


def _nouns() -> reward.Nouns:
    """Return the original tagger's nouns where the reward file has them: episodes were scored with those."""
    cases = json.loads(REWARDS.read_text(encoding="utf-8"))["cases"]
    tagged = {case["purchased"]["Title"]: case["purchased_nouns"] for case in cases}
    tagged |= {case["goal"]["name"]: case["goal_nouns"] for case in cases}
    built_in = nouns.built_in()
    return lambda title: tagged[title] if title in tagged else built_in(title)


def _play(world: Callable[[str], World], episode: dict[str, Any], public: Public) -> dict[str, Any]:
    env = _Given("test", view=episode["mode"], max_turns=1000)
    env.given = world(episode["goal_kind"])
    task = Task("golden", "test", 0, {"goal": episode["goal_index"]})
    page, _ = public.reset(env, task)
    steps = [_state(None, page, 0, False, public, env)]
    for wanted in episode["steps"][1:]:
        page, earned, over, _, _ = public.step(env, wanted["action"])
        steps.append(_state(wanted["action"], page, earned, over, public, env))
    info, state = None, env.shop.state
    if state.kind == "done":
        product, goal = env.shop.product(state.asin), env.shop.goal
        info = _parts(public.score(product, goal, dict(state.options), env.given.nouns), goal)
    return {"steps": steps, "final_reward": steps[-1]["reward"], "verbose_info": info}


def _state(
    action: str | None, page: str, earned: float, over: bool, public: Public, env: WebShop
) -> dict[str, Any]:
    bar = env.shop.state.kind == "start"
    offered = {"has_search_bar": bar, "clickables": public.clickables(env)}
    return {"action": action, "obs": page, "available": offered, "reward": earned, "done": over}


FILES = {
    "webshop_reward": reward_cases,
    "webshop_search": search_cases,
    "webshop_transcripts": transcript_cases,
}
