"""WebShop as an environment: find the product an instruction describes, choose its options, buy it."""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from agentrl.env import SPLITS, Player, PlayerKind, Reply, Split, TextEnv
from agentrl.errors import DataError
from agentrl.rebuilt import Rebuilt
from agentrl.types import Panel, Task
from agentrl_envs.webshop.options import Options
from agentrl_envs.webshop.pages import Shop, State, parsed
from agentrl_envs.webshop.product import Goal
from agentrl_envs.webshop.render import page
from agentrl_envs.webshop.reward import score
from agentrl_envs.webshop.world import World, world

_NOTHING: Mapping[str, float] = dict.fromkeys(
    ("r_att", "r_option", "r_price", "r_type", "strict", "bought", "searches", "clicks"), 0.0
)
_CUT = frozenset("[\n")
_SEED_STEP = 10_000_000


class WebShop(Rebuilt, TextEnv):
    """Find and buy the product that an instruction describes, in a shop with a search engine.

    | what | value |
    |---|---|
    | actions | `search[words]` on any page, `click[what is shown]` |
    | observations | the open page (see `Options.view`) |
    | reward | 0 until `click[buy now]`, then the share of wishes met, times the fit of the kind of product |
    | success | reward 1 |
    | ends | terminated by buying, truncated after 15 turns |
    | random | nothing inside an episode; catalogue and goals follow from `Options.catalogue_seed` |
    | source | Yao et al. 2022, arXiv:2207.01206; pages, search and reward equal to the original's |
    """

    name = "webshop"
    Options = Options
    max_turns = 15
    restorable: ClassVar[Literal["exact", "replay", "no"]] = "exact"
    rebuilt: ClassVar[str] = "shop"
    tiny: ClassVar[Mapping[str, Any]] = {
        "env.view": "handles",
        "env.instructions": "plain",
        "algo.entropy": 0.02,
    }
    shop: Shop
    """the customer's side of the episode"""

    @property
    def world(self) -> World:
        """The products, index and goals of this environment's options."""
        return world(self.options)

    def tasks(self, split: Split) -> Panel:
        """Return one task a goal of the split; `data` holds the goal's number."""
        start = (SPLITS.index(split) + 1) * _SEED_STEP
        made = tuple(
            Task(f"webshop-{split}-{number}", split, start + number, {"goal": number})
            for number in range(len(self.world.goals[split]))
        )
        return Panel(f"webshop/{split}", made)

    def begin(self, task: Task) -> str:
        """Open the start page of the shop for the task's goal."""
        self._enter(task)
        return page(self.shop)

    def _enter(self, task: Task) -> None:
        by_split: Mapping[Any, tuple[Goal, ...]] = self.world.goals
        goals, number = by_split.get(task.split, ()), task.data.get("goal")
        if not isinstance(number, int) or not 0 <= number < len(goals):
            raise DataError(f"task {task.id}: {task.split} has goals 0 to {len(goals) - 1}, not {number!r}")
        goal = goals[number]
        self.shop = Shop(
            self.world.stock,
            self.world.index.hits,
            goal,
            view=self.options.view,
            show_attributes=self.options.show_attributes,
        )
        self._figures = dict(_NOTHING)

    def act(self, action: str) -> Reply:
        """Search, click or buy. What is of no use leaves the page as it is."""
        if not self.shop.do(action):
            return Reply(page(self.shop), valid=False)
        if self.shop.state.kind == "done":
            return self._bought()
        words = parsed(action)
        self._figures["searches" if words and words[0] == "search" else "clicks"] += 1
        return Reply(page(self.shop))

    def _bought(self) -> Reply:
        state, goal, nouns = self.shop.state, self.shop.goal, self.world.nouns
        product, chosen = self.shop.product(state.asin), dict(state.options)
        plain = score(product, goal, chosen, nouns)
        strict = score(product, goal, chosen, nouns, strict=True)
        earned = strict if self.options.reward == "strict" else plain
        self._figures["clicks"] += 1
        self._figures.update(
            r_att=earned.r_att,
            r_option=1.0 if earned.r_option is None else earned.r_option,
            r_price=float(earned.r_price),
            r_type=earned.r_type,
            strict=strict.total,
            bought=1.0,
        )
        success = earned.total == 1.0
        return Reply(
            page(self.shop, earned.total),
            reward=earned.total,
            success=success,
            score=earned.total,
            rewards={"success": float(success)},
        )

    def goal(self) -> str:
        """Return the instruction of the episode."""
        return self.shop.goal.text

    def admissible(self) -> list[str] | None:
        """Return a click for everything that can be clicked; None where a search is called for.

        Edge: an option named "search" or holding a bracket cannot be chosen, here as in the original.
        """
        if self.shop.state.kind == "start":
            return None
        names = (name for name in self.shop.clickables() if name != "search" and _CUT.isdisjoint(name))
        return [f"click[{name}]" for name in names]

    def state_key(self) -> str:
        """Return a name of what the rest of the episode depends on.

        Edge: queries that find the same products are one state; chosen options are in the key, though the
              text view does not show them.
        """
        state = self.shop.state
        rich = (state.query, sorted(state.visited)) if self.options.view == "text_rich" else ()
        facts = (state.kind, self.shop.found, state.page, state.asin, state.options, state.sub, rich)
        return hashlib.blake2b(repr(facts).encode(errors="replace"), digest_size=12).hexdigest()

    def metrics(self) -> Mapping[str, float]:
        """Return the reward's parts (0 until something is bought), searches and clicks.

        Edge: `strict` is the reward with exact options; `r_option` is 1 where the goal asks for none.
        """
        return dict(self._figures)

    def final_state(self) -> Mapping[str, Any]:
        """Return what was bought and what was asked for, so that a verifier needs no catalogue."""
        state, goal = self.shop.state, self.shop.goal
        wanted = {
            "asin": goal.asin,
            "text": goal.text,
            "attributes": list(goal.attributes),
            "options": dict(goal.options) if isinstance(goal.options, Mapping) else list(goal.options),
            "price_upper": goal.price_upper,
        }
        if state.kind != "done":
            return {"bought": None, "options": {}, "goal": wanted, "figures": dict(self._figures)}
        product = self.shop.product(state.asin)
        bought = {"asin": product.asin, "title": product.title, "price": product.price,
                  "attributes": list(product.attributes)}  # fmt: skip
        chosen = dict(state.options)
        return {"bought": bought, "options": chosen, "goal": wanted, "figures": dict(self._figures)}

    def instructions(self) -> str:
        """Return the rules of the shop and the form of actions."""
        named = "the name after its price (n0 to n9)" if self.options.view == "handles" else "its code"
        return (
            "You are shopping. Find a product that fits the instruction, choose the options it asks for, and"
            " buy it. Each turn you do one of two things: search[words] looks for products, click[name]"
            f" clicks what is shown: a product by {named}, an option's value, next >, < prev, back to search,"
            " description, features, reviews, or buy now. Buying ends the episode; you are paid by how well"
            " kind, attributes, options and price fit, at most 1."
        )

    def player(self, kind: PlayerKind, seed: int) -> Player:
        """Return a scripted shopper of the episode that has just begun."""
        from agentrl_envs.webshop import shopper

        return shopper.player(self, kind, seed)

    def save(self) -> Any:
        """Return the open page and the figures so far."""
        return self.shop.state, self._figures

    def load(self, state: tuple[State, dict[str, float]]) -> None:
        """Return to a saved page of the current task."""
        assert self.task is not None
        self._enter(self.task)
        self.shop.state, self._figures = state[0], dict(state[1])
