"""The host that the settings name."""

import importlib.util
import socket
from functools import partial

from agentrl.cluster.base import Host
from agentrl.cluster.local import LocalHost
from agentrl.cluster.roles import roles
from agentrl.errors import ConfigError
from agentrl.settings import Settings

KNOCK = 10.0
"""seconds in which an address has to answer; Ray itself would try for minutes"""


def check_ray(settings: Settings) -> None:
    """Raise ConfigError where Ray is asked for and is not there, or an address of it without it."""
    address = settings.cluster.address
    if settings.cluster.kind != "ray":
        if address:
            raise ConfigError(f"cluster.address={address} is Ray's: set cluster=ray, or leave it out")
        return
    if importlib.util.find_spec("ray") is None:
        raise ConfigError(
            "cluster=ray: the package ray is not installed: pip install 'agentrl[ray]', in a clone"
            " ./install.sh and .venv/bin/pip install -e '.[ray]'"
        )
    check_reached(address)


def check_reached(address: str) -> None:
    """Raise ConfigError where nobody listens at host:port; addresses of other forms are Ray's to read."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK).close()
    except (OSError, OverflowError) as why:
        raise ConfigError(
            f"cluster.address={address}: no Ray is reached there ({why}); `ray start --head` starts one, and"
            " without an address the run has its own on this machine"
        ) from why


def host_of(settings: Settings) -> Host:
    """Return where the run's processes are started.

    Errors: ConfigError where Ray is missing, cannot be reached or has no room.
    """
    if settings.cluster.kind == "local":
        return LocalHost()
    check_ray(settings)
    from agentrl.cluster.ray import RayHost

    return RayHost(settings.cluster.address, partial(roles, settings))
