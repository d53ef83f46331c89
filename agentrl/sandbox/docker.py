"""Sandboxes in containers: any image with Python 3.10 or newer, one container a run."""

import marshal
import os
import select
import socket
from contextlib import suppress
from typing import Any

from agentrl.errors import ConfigError, RunError, nearest
from agentrl.sandbox.base import MIB, Limits
from agentrl.sandbox.local import BOOT, ENVIRONMENT, SHM, framed, guest_source

IMAGE = "agentrl-sandbox"
"""built from the Dockerfile beside this file"""
LABEL = "agentrl.sandbox"
"""on every container, with the process it belongs to"""
NOBODY = "65534:65534"
STDOUT = 1
CONFLICT = 409


class DockerBox:
    """A container whose standard input and output are the line."""

    isolation = "docker"

    def __init__(self, client: Any, container: Any, guest: bytes) -> None:
        self._client, self._container = client, container
        self._raw, self._said, self._complaints = bytearray(), bytearray(), bytearray()
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        self._stream = client.api.attach_socket(container.id, params=wanted)
        self._line: socket.socket = getattr(self._stream, "_sock", self._stream)
        container.start()
        self._line.sendall(guest)

    def fileno(self) -> int:
        """Return the attached socket."""
        return self._line.fileno()

    def settle(self) -> None:
        """Do nothing: the container was limited when it was made."""

    def send(self, data: bytes, seconds: float) -> None:
        """Write to the guest."""
        self._line.settimeout(max(seconds, 0.001))
        self._line.sendall(data)

    def receive(self) -> bytes:
        """Return what there is: the daemon wraps both outputs in frames of its own."""
        while True:
            self._line.settimeout(None)
            try:
                data = self._line.recv(1 << 17)
            except ConnectionResetError:
                data = b""
            self._raw += data
            while len(self._raw) >= 8:
                kind, length = self._raw[0], int.from_bytes(self._raw[4:8], "big")
                if len(self._raw) < 8 + length:
                    break
                (self._said if kind == STDOUT else self._complaints).extend(self._raw[8 : 8 + length])
                del self._raw[: 8 + length]
            if self._said or not data:
                found = bytes(self._said)
                self._said.clear()
                return found

    def starved(self) -> bool:
        """Return False: the supervisor inside sees the container's own count, and reports it."""
        return False

    def complaint(self) -> str:
        """Return what came on standard error."""
        while select.select([self._line], (), (), 0.2)[0] and (more := self.receive()):
            self._said += more
        return self._complaints.decode(errors="replace")

    def discard(self) -> None:
        """Remove the container by force."""
        import docker.errors

        # An open stream makes the daemon's kill wait for it.
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._stream.close()
        with suppress(docker.errors.NotFound):
            try:
                self._container.remove(force=True)
            except docker.errors.APIError as why:
                if why.status_code != CONFLICT:
                    raise
                self._container.wait(condition="removed")  # it ended by itself and is being removed


class Docker:
    """Containers without network, rights or a writable root, for machines where a daemon runs."""

    name = "docker"

    def __init__(self, image: str = "") -> None:
        try:
            import docker
            import docker.errors
        except ImportError:
            raise ConfigError("the docker SDK is not installed (pip install 'agentrl[sandbox]')") from None
        self.image = image or IMAGE
        try:
            self._client: Any = docker.from_env(timeout=60)
            self._client.ping()
        except docker.errors.DockerException as why:
            raise ConfigError(f"no docker daemon answers: {' '.join(str(why).split())}") from None
        try:
            self._client.images.get(self.image)
        except docker.errors.ImageNotFound:
            known = [tag for found in self._client.images.list() for tag in found.tags]
            how = "" if image else "; build it: docker build -t agentrl-sandbox agentrl/sandbox"
            raise ConfigError(
                f"docker has no image '{self.image}'{nearest(self.image, known)}{how}"
            ) from None
        self._guest = framed(marshal.dumps(guest_source(), 2))
        self._sweep()

    def _sweep(self) -> None:
        """Remove containers of processes that are no more, left where the daemon was gone when they died."""
        import docker.errors

        wanted = {"label": f"{LABEL}={_here()}"}
        for container in self._client.containers.list(all=True, filters=wanted):
            pid = container.labels.get(f"{LABEL}.pid", "")
            if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
                with suppress(docker.errors.APIError):
                    container.remove(force=True)

    def start(self, limits: Limits) -> DockerBox:
        """Return a new container.

        Errors: RunError with what the daemon said.
        """
        import docker.errors

        memory = max(limits.memory + limits.disk, 8 * MIB)
        try:
            container = self._client.containers.create(
                self.image,
                ["python3", "-I", "-c", BOOT],
                entrypoint=[],
                stdin_open=True,
                tty=False,
                network_mode="none",
                mem_limit=memory,
                memswap_limit=memory,
                pids_limit=limits.processes + 2,
                nano_cpus=10**9,
                read_only=True,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                user=NOBODY,
                tmpfs={"/tmp": f"size={limits.disk},mode=1777,nosuid,nodev"},
                shm_size=SHM,
                working_dir="/tmp",
                environment=ENVIRONMENT,
                hostname="sandbox",
                log_config={"Type": "none"},
                auto_remove=True,
                labels={LABEL: _here(), f"{LABEL}.pid": str(os.getpid())},
            )
            try:
                return DockerBox(self._client, container, self._guest)
            except BaseException:
                with suppress(docker.errors.APIError):
                    container.remove(force=True)
                raise
        except (docker.errors.DockerException, OSError) as why:
            raise RunError(f"docker could not start a sandbox: {' '.join(str(why).split())}") from None


def _here() -> str:
    """Return a name of this machine since it was started: process numbers mean nothing elsewhere."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()
