"""The words of the generated shop: a few hundred, each with one spelling and one class.

All lower case, so that a word-level tokenizer of a tiny model needs one entry a word. No attribute phrase is
contained in another of the same type, no word of one type's phrase is in another's, and no filler text
contains an attribute: what a page says about a product is what the reward counts.
"""

from dataclasses import dataclass

BRANDS = ("norvel", "kestin", "ombra", "tavano", "velmor", "quilby", "zarento", "pelika", "drumlo", "hestra")
ADJECTIVES = ("classic", "modern", "simple", "premium", "original", "everyday", "deluxe", "basic", "trusty")
USES = ("daily use", "home", "work", "school", "parties", "weekends")

COLORS = ("black", "white", "blue", "red", "pink", "grey", "brown", "purple")
SCENTS = ("lavender", "rose", "vanilla", "coconut", "mint", "citrus")
FLAVORS = ("vanilla", "coconut", "mint", "citrus", "honey", "cocoa", "berry", "ginger")
FITS = ("small", "medium", "large", "petite", "tall", "wide")
SHOES = ("7", "8", "9", "10", "11")
AMOUNTS = ("travel", "regular", "family", "bulk", "trial")
PACKS = ("one", "two", "four", "six", "twelve")

LOOKS = frozenset({"color", "scent", "flavor"})
"""Option groups about looks, smell or taste; all others say how much, how long or which form."""

DESCRIPTIONS = (
    "{rest}. made for {use}.",
    "made for {use}: {rest}.",
    "good for {use}, {rest}.",
    "{rest}, with {use} in mind.",
)
"""Texts of about one length: a longer one would always rank lower."""
FIRST_BULLETS = ("{one}", "{one}, as promised", "always {one}")
BULLETS = (
    "ships in a plain box",
    "one year of support",
    "full money back",
    "made in small batches",
    "packed with care",
    "a best seller",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of product."""

    category: str
    phrase: str
    """search phrase, part of every title; no two types share a word of it"""
    nouns: tuple[str, ...]
    """those words of the phrase that are nouns"""
    path: str
    """product_category, elements separated by " › " """
    attributes: tuple[str, ...]
    options: tuple[tuple[str, tuple[str, ...]], ...]
    """group name and pool of values; first what it looks like, then how much of it"""
    low: int
    """lowest price, dollars, a multiple of 5"""
    high: int
    """highest price, dollars, a multiple of 5"""


_SHARED = {
    "fashion": "machine wash|quick dry|pure cotton|soft lining|"
    "slim fit|recycled yarn|breathable mesh|hidden pockets",
    "beauty": "cruelty free|paraben free|long lasting|sensitive skin|"
    "vegan|natural oils|dermatologist tested|alcohol free",
    "electronics": "fast delivery|water proof|shock proof|carrying pouch|"
    "easy grip|carbon neutral|dust proof|long lasting",
    "garden": "weather resistant|fade resistant|easy clean|hand made|"
    "non slip|pet safe|water proof|light weight",
    "grocery": "sugar free|gluten free|organic|fair trade|low sodium|kosher|low carb|whole grain",
}

_ROOTS = {
    "fashion": "clothing › wear",
    "beauty": "beauty › care",
    "electronics": "electronics › devices",
    "garden": "home › outdoor",
    "grocery": "food › pantry",
}

_C, _F = ("color", COLORS), ("size", FITS)
_A, _P = ("size", AMOUNTS), ("pack", PACKS)

# category, phrase, nouns, own attributes, option groups, price range
_ROWS: tuple[tuple[str, str, str, str, tuple[tuple[str, tuple[str, ...]], ...], int, int], ...] = (
    ("fashion", "dress shirt", "dress shirt", "button closure|wrinkle resistant", (_C, _F), 15, 60),
    ("fashion", "running shoes", "shoes", "arch support|rubber sole", (_C, ("size", SHOES)), 30, 90),
    ("fashion", "hooded jacket", "jacket", "zipper closure|wind proof", (_C, _F), 30, 95),
    ("fashion", "skinny jeans", "jeans", "high waist|stretch denim", (_C, _F), 20, 70),
    ("fashion", "crew socks", "crew socks", "cushioned sole|odor control", (_C, _P), 10, 35),
    ("beauty", "face cream", "face cream", "anti aging|dry skin", (("scent", SCENTS), _A), 10, 60),
    ("beauty", "lip balm", "lip balm", "sun protection|high shine", (("flavor", FLAVORS), _P), 5, 30),
    ("beauty", "hair mask", "hair mask", "damaged ends|sulfate free", (("scent", SCENTS), _A), 10, 45),
    ("beauty", "body lotion", "body lotion", "quick absorbing|dry skin", (("scent", SCENTS), _A), 10, 40),
    (
        "beauty",
        "nail polish",
        "nail polish",
        "chip resistant|quick dry",
        (_C, ("finish", ("matte", "glossy", "shimmer", "glitter", "satin"))),
        5,
        30,
    ),
    (
        "electronics",
        "phone case",
        "phone case",
        "wireless charging|raised edges",
        (_C, ("model", ("mini", "plus", "pro", "max", "ultra"))),
        10,
        40,
    ),
    (
        "electronics",
        "charging cable",
        "cable",
        "gold plated|braided cord",
        (_C, ("length", ("3ft", "6ft", "9ft", "12ft", "15ft"))),
        5,
        30,
    ),
    ("electronics", "gaming mouse", "mouse", "silent click|backlit wheel", (_C, _F), 20, 80),
    (
        "electronics",
        "stereo speaker",
        "stereo speaker",
        "heavy bass|noise cancelling",
        (_C, ("power", ("10w", "20w", "40w", "60w", "80w"))),
        30,
        120,
    ),
    ("electronics", "tablet stand", "tablet stand", "height adjustable|solid steel", (_C, _A), 15, 50),
    ("garden", "plant pot", "plant pot", "drain hole|self watering", (_C, _F), 10, 50),
    (
        "garden",
        "garden hose",
        "garden hose",
        "kink free|brass fittings",
        (_C, ("length", ("25ft", "50ft", "75ft", "90ft", "120ft"))),
        20,
        75,
    ),
    ("garden", "patio chair", "patio chair", "solid wood|steel frame", (_C, _P), 40, 150),
    ("garden", "throw pillow", "throw pillow", "memory foam|machine wash", (_C, _F), 10, 45),
    (
        "garden",
        "area rug",
        "area rug",
        "stain resistant|thick pile",
        (_C, ("shape", ("round", "square", "oval", "runner", "hexagon"))),
        35,
        140,
    ),
    ("grocery", "herbal tea", "tea", "caffeine free|loose leaf", (("flavor", FLAVORS), _P), 5, 35),
    ("grocery", "trail mix", "trail mix", "high fiber|roasted nuts", (("flavor", FLAVORS), _A), 5, 40),
    ("grocery", "snack bars", "snack bars", "high protein|dairy free", (("flavor", FLAVORS), _P), 10, 45),
    (
        "grocery",
        "coffee beans",
        "coffee beans",
        "dark roast|single origin",
        (("flavor", FLAVORS), _A),
        10,
        50,
    ),
)

KINDS: tuple[Kind, ...] = tuple(
    Kind(
        category,
        phrase,
        tuple(nouns.split()),
        f"{_ROOTS[category]} › {phrase}",
        (*_SHARED[category].split("|"), *own.split("|")),
        options,
        low,
        high,
    )
    for category, phrase, nouns, own, options, low, high in _ROWS
)

_NOUNS = frozenset(noun for kind in KINDS for noun in kind.nouns)


def title_nouns(title: str) -> list[str]:
    """Return the nouns of a generated title, in order, with repeats.

    Exact, not a guess: titles are made from these tables, and only words of type phrases are nouns (a brand
    or an attribute says nothing about the type).

    >>> title_nouns("norvel classic dress shirt")
    ['dress', 'shirt']
    """
    return [word for word in title.lower().split() if word in _NOUNS]
