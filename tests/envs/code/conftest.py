"""What tests of programming share."""

import pytest

from agentrl.errors import AgentRLError
from agentrl.sandbox import choose


@pytest.fixture(scope="session")
def sandbox() -> None:
    """Skip where no sandbox works."""
    try:
        choose("auto")
    except AgentRLError as why:
        pytest.skip(str(why))
