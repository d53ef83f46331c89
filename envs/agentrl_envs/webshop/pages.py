"""The shop as a state machine: which page is open, what an action does to it.

start --search--> results --click a product--> item --click description, ...--> sub page; `< prev` goes one
page back, `back to search` to the start, `buy now` ends. `render.py` writes the pages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agentrl_envs.webshop.product import Goal, Product

View = Literal["text", "text_rich", "handles"]
PER_PAGE = 10
"""products on a results page"""
SUB_PAGES = ("description", "features", "reviews")
ATTRIBUTES = "attributes"
"""the sub page that is offered only on request"""
_BUTTONS = frozenset({"back to search", "< prev", "next >", "buy now", *SUB_PAGES, ATTRIBUTES})


@dataclass(frozen=True, slots=True)
class State:
    """Where the customer is, and what is in hand."""

    kind: Literal["start", "results", "item", "sub", "done"] = "start"
    query: str = ""
    """as searched, lower case"""
    page: int = 1
    """of the results"""
    asin: str = ""
    """of the open product"""
    options: tuple[tuple[str, str], ...] = ()
    """chosen (name, value) pairs, by name"""
    visited: frozenset[str] = frozenset()
    """asins opened since the last visit to the start page"""
    sub: str = ""
    """name of the open sub page"""


START = State()


def parsed(action: str) -> tuple[str, str] | None:
    """Return the verb and the lower-case argument of `verb[argument]`, or None.

    Source: what the pattern `(.+)\\[(.+)\\]`, greedy, matches from the start of the text.
    Edge:   found from the right in linear time; text after the last bracket is ignored, and so is everything
            from the first line break on.

    >>> parsed("search[Red Shirt]"), parsed("click[a] then click[b]"), parsed("search[]")
    (('search', 'red shirt'), ('click[a] then click', 'b'), None)
    """
    line = action.partition("\n")[0]
    close = line.rfind("]")
    start = line.rfind("[", 1, max(close - 1, 1))
    if start < 1:
        return None
    return line[:start], line[start + 1 : close].lower()


class Shop:
    """One customer in a shop: the page that is open, and what can be done there."""

    def __init__(
        self,
        stock: Mapping[str, Product],
        hits: Callable[[str], Sequence[str]],
        goal: Goal,
        *,
        view: View = "text",
        show_attributes: bool = False,
    ) -> None:
        """Take the products by asin and a function from a query to the asins found, best first."""
        self.stock = stock
        self.hits = hits
        self.goal = goal
        """what the customer is to buy"""
        self.view: View = view
        self.sub_pages = (*SUB_PAGES, ATTRIBUTES) if show_attributes else SUB_PAGES
        """offered on an item page"""
        self.state = START

    def product(self, asin: str) -> Product:
        """Return the product with this asin."""
        return self.stock[asin]

    @property
    def found(self) -> Sequence[str]:
        """Asins of all hits of the last search, best first."""
        return self.hits(self.state.query) if self.state.query else ()

    @property
    def results(self) -> Sequence[str]:
        """Asins listed on the open results page, in order; empty on other pages."""
        if self.state.kind != "results":
            return ()
        first = (self.state.page - 1) * PER_PAGE
        return self.found[first : first + PER_PAGE]

    def handle(self, asin: str) -> str:
        """Return what `click[...]` takes for a product of the open results page: its asin, or n0 to n9."""
        if self.view == "handles" and asin in self.results:
            return f"n{self.results.index(asin)}"
        return asin.lower()

    def buttons(self) -> tuple[str, ...]:
        """Return the buttons of the open page, lower case, in order of appearance."""
        match self.state.kind:
            case "start":
                return ("search",)
            case "results":
                return ("back to search", *(("< prev",) if self.state.page > 1 else ()), "next >")
            case "item":
                return ("back to search", "< prev", *self.sub_pages, "buy now")
            case "sub":
                return ("back to search", "< prev")
            case "done":
                return ()

    def clickables(self) -> list[str]:
        """Return what can be clicked: buttons, products, option values; all lower case, each once."""
        links = [self.handle(asin) for asin in self.results]
        return list(dict.fromkeys([*self.buttons(), *links, *self._groups()]))

    def _groups(self) -> dict[str, str]:
        """Return the option values on the open page, and the group each one belongs to.

        Edge: a value in two groups belongs to the last one, as in the original.
        """
        if self.state.kind != "item":
            return {}
        options = self.stock[self.state.asin].options
        return {value: name for name, values in options.items() for value in values if value}

    def do(self, action: str) -> bool:
        """Carry out an action; return whether it was of use. One of no use changes nothing."""
        words = parsed(action)
        if words is None or self.state.kind == "done":
            return False
        verb, argument = words
        if verb == "search":
            self.state = State("results", query=argument, visited=self.state.visited)
            return True
        if verb != "click" or argument == "search":
            return False
        after = self._clicked(argument)
        if after is not None:
            self.state = after
        return after is not None

    def _clicked(self, name: str) -> State | None:
        """Return the state after a click on `name`; None where there is nothing of that name."""
        state, groups = self.state, self._groups()
        # An option's value that reads like a button acts as that button: the original goes by words alone.
        button = name in self.buttons() or (name in _BUTTONS and name in groups)
        pressed = self._pressed(name) if button else None
        if pressed is not None:
            return pressed
        if name in groups:
            chosen = {**dict(state.options), groups[name]: name}
            return replace(state, options=tuple(sorted(chosen.items())))
        asin = self._linked(name)
        return replace(state, kind="item", asin=asin, visited=state.visited | {asin}) if asin else None

    def _pressed(self, name: str) -> State | None:
        state = self.state
        if name == "back to search":
            return START
        if name == "buy now":
            return replace(state, kind="done")
        if name in SUB_PAGES or name == ATTRIBUTES:
            return replace(state, kind="sub", sub=name)
        if state.kind == "results":
            return replace(state, page=state.page + (1 if name == "next >" else -1))
        if name != "< prev":
            return None
        if state.kind == "sub":
            return replace(state, kind="item", sub="")
        return State("results", query=state.query, page=state.page, visited=state.visited)

    def _linked(self, name: str) -> str:
        """Return the asin that `name` opens here, or an empty string."""
        results = self.results
        if self.view == "handles" and len(name) == 2 and name[0] == "n" and name[1] in "0123456789":
            number = int(name[1])
            return results[number] if number < len(results) else ""
        return next((asin for asin in results if asin.lower() == name), "")
