"""The corpus and the panels of an environment's options, shared by all its episodes."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from agentrl.env import SPLITS, Split
from agentrl.errors import ConfigError, DataError
from agentrl.types import Panel, Task
from agentrl_envs.search_qa import files
from agentrl_envs.search_qa.generate import generated
from agentrl_envs.search_qa.options import Options
from agentrl_envs.search_qa.passages import Corpus, Question
from agentrl_envs.splits import dealt

_SEED_STEP = 10_000_000


class World:
    """A corpus, and questions about it by split."""

    def __init__(self, corpus: Corpus, asked: Mapping[Split, list[Question]], name: str) -> None:
        self.corpus = corpus
        self._panels = {split: _panel(split, asked, name) for split in SPLITS}

    def panel(self, split: Split) -> Panel:
        """Return the tasks of a split, one a question."""
        return self._panels[split]


def _panel(split: Split, asked: Mapping[Split, list[Question]], name: str) -> Panel:
    held = "" if split in asked else ", held out"
    start = (SPLITS.index(split) + 1) * _SEED_STEP
    made = (
        Task(f"search_qa-{split}-{one.id}", split, start + number, one.data)
        for number, one in enumerate(dealt(split, asked))
    )
    return Panel(f"search_qa/{name}/{split}{held}", tuple(made))


@lru_cache(maxsize=4)
def world(options: Options) -> World:
    """Return the world of these options; the same object for equal ones.

    Errors: ConfigError where there are no passages, DataError where a file is broken or an id is there twice.
    """
    if options.data is None:
        corpus, asked = generated(options)
        return World(corpus, asked, "generated")
    asked = files.questions(options.data)
    for split, some in asked.items():
        if len({one.id for one in some}) < len(some):
            raise DataError(f"env.data={options.data}: two {split} questions share an id")
    if options.corpus is not None:
        passages = files.passages(options.corpus)
    else:
        passages = files.gathered([one for some in asked.values() for one in some])
    if not passages:
        raise ConfigError(
            f"env.data={options.data}: no passages come with these questions; name a file of some: env.corpus"
        )
    return World(Corpus(passages), asked, Path(options.data).resolve().stem)
