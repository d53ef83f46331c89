"""The host that the settings name."""

from agentrl.cluster.base import Host
from agentrl.cluster.local import LocalHost
from agentrl.settings import Settings


def host_of(settings: Settings) -> Host:
    """Return where the run's processes are started."""
    return LocalHost()
