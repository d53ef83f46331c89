"""The host that the settings name."""

import importlib.util
from functools import partial

from agentrl.cluster.base import Host
from agentrl.cluster.local import LocalHost
from agentrl.cluster.roles import roles
from agentrl.errors import ConfigError
from agentrl.settings import Settings


def check_ray(settings: Settings) -> None:
    """Raise ConfigError where Ray is asked for and not installed."""
    if settings.cluster.kind == "ray" and importlib.util.find_spec("ray") is None:
        raise ConfigError(
            "cluster=ray: the package ray is not installed: pip install 'agentrl[ray]', in a clone"
            " ./install.sh and .venv/bin/pip install -e '.[ray]'"
        )


def host_of(settings: Settings) -> Host:
    """Return where the run's processes are started.

    Errors: ConfigError where Ray is missing, cannot be reached or has no room.
    """
    if settings.cluster.kind == "local":
        return LocalHost()
    check_ray(settings)
    from agentrl.cluster.ray import RayHost

    return RayHost(settings.cluster.address, partial(roles, settings))
