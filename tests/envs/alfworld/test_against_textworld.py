"""The engine beside TextWorld itself, where the original's packages are installed (extra `alfworld-ref`)."""

from importlib.util import find_spec

import pytest

from agentrl_envs.alfworld.sources import opened
from benchmarks.alfworld_reference import POLICIES, Comparison

MISSING = not (find_spec("textworld") and find_spec("alfworld"))


@pytest.mark.skipif(MISSING, reason="TextWorld is not installed: pip install agentrl[alfworld-ref]")
@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
def test_episodes_read_alike_offer_alike_and_are_won_alike(real: str, policy: str) -> None:
    source, found = opened(real), Comparison()
    split = "train" if "train" in source.splits else source.splits[0]
    entries = source.entries(split)
    for number, entry in enumerate(entries[:: max(1, len(entries) // 50)][:50]):
        found.episode(source, entry, policy, seed=number, steps=50)
    assert found.steps > 300
    assert found.differences == 0
