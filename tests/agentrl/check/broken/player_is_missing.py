"""A reference player is declared that is not there."""

from tests.agentrl.check.whole import Steps


class NobodyThere(Steps):
    """Promises one who always calls tools."""

    references = ("random", "expert", "always")
