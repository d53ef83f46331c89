"""The pages in words: WebShop's `text` and `text_rich` observations, and a short form for small models.

A page is a list of strings, each with a role. `text` joins them, `text_rich` writes one a line with its role
marked; `handles` has pages of its own.
"""

import json
from collections.abc import Iterator
from typing import Literal

from agentrl_envs.webshop.pages import Shop, State
from agentrl_envs.webshop.product import Product

SEPARATOR = " [SEP] "
SHORT_SEPARATOR = " ; "
CHOSEN = "(chosen)"
Role = Literal["words", "button", "option", "link"]
Node = tuple[Role, str]
_THANKS = "Thank you for shopping with us!"
_SCORE = "Your score (min 0.0, max 1.0)"


def page(shop: Shop, reward: float = 0.0) -> str:
    """Return the open page in the shop's view; `reward` is printed on the last page."""
    if shop.view == "handles":
        return SHORT_SEPARATOR.join(_short(shop, reward))
    nodes = [node for node in _nodes(shop, reward) if node[1] not in ("", "\n")]
    if shop.view == "text":
        return SEPARATOR.join(text.strip() for _, text in nodes)
    return _rich(nodes, shop.state)


def _nodes(shop: Shop, reward: float) -> Iterator[Node]:
    state = shop.state
    if state.kind == "done":
        yield from _done(state, reward)
        return
    if state.kind == "start":
        yield "words", "WebShop"
    yield "words", "Instruction: " if state.kind == "start" else "Instruction:"
    yield "words", shop.goal.text
    match state.kind:
        case "start":
            yield "button", "Search"
        case "results":
            yield from _results(shop)
        case "item":
            yield from _item(shop.product(state.asin), shop.sub_pages)
        case "sub":
            yield from _sub_page(shop.product(state.asin), state.sub)


def _results(shop: Shop) -> Iterator[Node]:
    yield "button", "Back to Search"
    yield "words", f"Page {shop.state.page} (Total results: {len(shop.found)})"
    if shop.state.page > 1:
        yield "button", "< Prev"
    yield "button", "Next >"
    for asin in shop.results:
        product = shop.product(asin)
        yield "link", asin
        yield "words", product.title
        yield "words", product.price_tag


def _item(product: Product, sub_pages: tuple[str, ...]) -> Iterator[Node]:
    yield "button", "Back to Search"
    yield "button", "< Prev"
    for name, values in product.options.items():
        yield "words", name
        for value in values:
            yield "option", value
    yield "words", product.title
    yield "words", f"Price: {product.price_tag}"
    yield "words", "Rating: N.A."
    for name in sub_pages:
        yield "button", name.capitalize()
    yield "button", "Buy Now"


def _sub_page(product: Product, name: str) -> Iterator[Node]:
    yield "button", "Back to Search"
    yield "button", "< Prev"
    match name:
        case "description":
            yield "words", product.description
        case "features":
            for bullet in product.bullets:
                yield "words", f" {bullet}"
        case "attributes":
            for attribute in product.attributes:
                yield "words", f" {attribute}"
            for text in (product.category, product.query, product.product_category):
                yield "words", text


_PURCHASED = (_THANKS, "Your code: ", "None", " (Paste it in your MTurk interface.)", "Purchased", "asin")
_UNSET = (
    *("attrs", "None", "category", "None", "query", "None", "product category", "None", "Target", "asin"),
    *("options", "attrs", "price upper", "instuction text", "category", "product category", "query"),
    *("Goal ", "None", "Reward"),
)
_DETAILS = ("Reward Details ", "None")


def _done(state: State, reward: float) -> Iterator[Node]:
    """The original fills in the product, the options and the score; the rest stays unset."""
    bought = json.dumps(dict(state.options), sort_keys=True)
    for plain, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("'", "\\u0027")):
        bought = bought.replace(plain, escaped)
    for text in (*_PURCHASED, state.asin, "options", bought, *_UNSET, _SCORE, str(reward), *_DETAILS):
        yield "words", text


def _rich(nodes: list[Node], state: State) -> str:
    # The original asks whether the quoted value occurs in the page's address: in query or options.
    chosen = json.dumps(dict(state.options))
    address = f"{state.query.replace(' ', '+')}/{state.page}/{chosen}"
    clicked: list[str] = []
    lines: list[str] = []
    for role, text in nodes:
        was = f'"{text}"' in address if role == "option" else role == "link" and text in state.visited
        left, right = ("[clicked button]", "[clicked button_]") if was else ("[button]", "[button_]")
        match role:
            case "words":
                lines.append(text)
            case "button":
                lines.append(f"[button] {text} [button_]")
            case "option":
                lines.append(f"  {left} {text} {right}")
                if was:
                    clicked.append(f"You have clicked {text}.")
            case "link":
                lines.append(f"\n{left} {text} {right}")
    return "\n".join([*reversed(clicked), *lines]) + "\n"


def _short(shop: Shop, reward: float) -> Iterator[str]:
    """The same pages without instruction, totals, rating and asins, in lower case, as actions name things."""
    state = shop.state
    match state.kind:
        case "start":
            yield from ("webshop", "search")
        case "results":
            back, *turns = shop.buttons()
            yield from (back, f"page {state.page}", *turns)
            for number, asin in enumerate(shop.results):
                product = shop.product(asin)
                yield f"{product.title} {_round(product)} n{number}".lower()
        case "item":
            yield from _short_item(shop.product(state.asin), dict(state.options), shop.sub_pages)
        case "sub":
            nodes = _sub_page(shop.product(state.asin), state.sub)
            yield from filter(None, (text.strip().lower() for _, text in nodes))
        case "done":
            yield from (_THANKS.lower(), _SCORE.lower(), str(reward))


def _short_item(product: Product, chosen: dict[str, str], sub_pages: tuple[str, ...]) -> Iterator[str]:
    yield from ("back to search", "< prev")
    for name, values in product.options.items():
        yield name
        for value in values:
            yield f"{value} {CHOSEN}" if chosen.get(name) == value else value
    yield from (product.title.lower(), f"price {_round(product)}", *sub_pages, "buy now")


def _round(product: Product) -> str:
    """Return the price tag without the ".0" that a small model would have to read each time."""
    return product.price_tag.removesuffix(".0").replace(".0 to", " to")
