"""What a shop holds: products as the pages show them, goals as the reward reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Product:
    """One product after normalisation."""

    asin: str
    """upper case; the link's name"""
    title: str
    description: str
    bullets: tuple[str, ...]
    category: str
    """short: fashion, beauty, electronics, garden, grocery"""
    query: str
    """short search phrase, lower case"""
    product_category: str
    """path of elements separated by " › " (U+203A)"""
    options: Mapping[str, tuple[str, ...]]
    """option name to values, all lower case, " | " for a slash"""
    price_tag: str
    """as printed, "$23.5" or "$10.0 to $15.5" """
    price: float
    """the one the reward compares, in dollars"""
    attributes: tuple[str, ...] = ()
    image: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """What to buy."""

    asin: str
    """the product the goal was made from"""
    category: str
    query: str
    name: str
    """its title"""
    product_category: str
    text: str
    """the instruction, price clause included"""
    attributes: tuple[str, ...]
    price_upper: float
    """in dollars; 1000000 where the instruction names no limit"""
    options: Mapping[str, str] | tuple[str, ...] = field(default_factory=dict[str, str])
    """name to value (synthetic and generated goals) or values alone (human goals)"""
    weight: float = 1.0


def document(product: Product) -> str:
    """Return what is indexed of a product: title, description, first bullet and options, lower case."""
    options = ", and ".join(f"{name}: {', '.join(values)}" for name, values in product.options.items())
    first = product.bullets[0] if product.bullets else ""
    return " ".join([product.title, product.description, first, options]).lower()
