"""What can be set about a WebShop environment."""

from dataclasses import dataclass
from typing import Literal

from agentrl.errors import ConfigError
from agentrl.values import check_choices
from agentrl_envs.webshop.pages import View


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `env=webshop`, each a key `env.<name>=`."""

    view: View = "text"
    """text and text_rich as WebShop writes them; handles: short pages for small models, choices visible"""
    reward: Literal["webshop", "strict"] = "webshop"
    """strict: every option must be equal in its own group"""
    data: str | None = None
    """folder of WebShop's own files; none: a generated catalogue"""
    goals: Literal["auto", "human", "synthetic"] = "auto"
    """of `data`: auto is human where items_human_ins.json is there, else synthetic"""
    products: int = 1000
    """number of products; of `data` the first so many"""
    catalogue_seed: int = 0
    """names the catalogue, its prices, price limits and splits; never the run's seed"""
    instructions: Literal["templates", "plain"] = "templates"
    """of a generated catalogue: varied wordings, or one fixed form"""
    nouns: Literal["builtin", "spacy"] = "builtin"
    """who finds the nouns of titles for the reward's type term"""
    show_attributes: bool = False
    """offer the page of a product's attributes"""

    def __post_init__(self) -> None:
        check_choices(self, "env")
        if self.products < 1:
            raise ConfigError(f"env.products={self.products}: must be at least 1")
        if self.data is None and self.goals != "auto":
            raise ConfigError(f"env.goals={self.goals} needs WebShop's own files: env.data=FOLDER")
