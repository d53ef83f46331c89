"""The sandboxes that tests run in; a docker daemon of our own where one can be started."""

import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentrl.errors import AgentRLError
from agentrl.sandbox import Backend, choose, close_all
from agentrl.sandbox.docker import IMAGE, Docker

BASE = "agentrl-test-base"
PYTHON = Path("/usr/bin/python3")


@pytest.fixture(scope="session")
def daemon() -> Iterator[Any]:
    """A client of the daemon that is there, else of one started for the tests alone."""
    docker = pytest.importorskip("docker")
    try:
        client = docker.from_env()
        client.ping()
        yield client
        return
    except docker.errors.DockerException as why:
        if os.geteuid() != 0 or shutil.which("dockerd") is None:
            pytest.skip(f"no docker daemon answers and none can be started: {why}")
    with tempfile.TemporaryDirectory(prefix="agentrl-dockerd-") as folder:
        yield from private(docker, Path(folder))


def private(docker: Any, folder: Path) -> Iterator[Any]:
    """Start a daemon without network or rules of its own, and end it again."""
    host = f"unix://{folder}/socket"
    words = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=overlay2"]
    places = ["--data-root", f"{folder}/root", "--exec-root", f"{folder}/run", "-p", f"{folder}/pid"]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(["dockerd", *words, *places, "-H", host], stdout=log, stderr=log)
    before = os.environ.get("DOCKER_HOST")
    os.environ["DOCKER_HOST"] = host
    try:
        client = answering(docker, process)
        if client is None:
            said = (folder / "log").read_text(errors="replace").strip().splitlines() or ["nothing"]
            pytest.skip(f"dockerd did not start: {said[-1]}")
        yield client
    finally:
        close_all()
        os.environ.pop("DOCKER_HOST")
        if before is not None:
            os.environ["DOCKER_HOST"] = before
        process.send_signal(signal.SIGTERM)
        process.wait()


def answering(docker: Any, process: "subprocess.Popen[bytes]") -> Any:
    for _ in range(300):
        try:
            client = docker.from_env()
            client.ping()
            return client
        except docker.errors.DockerException:
            if process.poll() is not None:
                return None
            time.sleep(0.1)
    return None


def system_python() -> bytes:
    """Return this machine's own interpreter, with the libraries it loads, as the files of an image."""
    library = PYTHON.resolve()
    standard = Path("/usr/lib") / library.name
    dynamic = list((standard / "lib-dynload").glob("*.so"))
    said = subprocess.run(["ldd", PYTHON, *dynamic], capture_output=True, text=True, check=True).stdout
    words = {word for word in said.split() if word.startswith("/") and not word.endswith(":")}
    with io.BytesIO() as data:
        with tarfile.open(fileobj=data, mode="w") as tar:
            for path in {PYTHON, library, *map(Path, words)}:
                tar.add(path.resolve(), str(path), recursive=False)
            tar.add(standard, str(standard), filter=lambda f: None if "/test" in f.name else f)
            for name in ("tmp", "proc", "sys", "dev", "etc"):
                made = tarfile.TarInfo(name)
                made.type, made.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
                tar.addfile(made)
        return data.getvalue()


@pytest.fixture(scope="session")
def image(daemon: Any) -> str:
    """The image of the repository's Dockerfile: the one there, else built on this machine's interpreter."""
    if not daemon.images.list(IMAGE):
        if not PYTHON.exists():
            pytest.skip(f"no image {IMAGE}, and no {PYTHON} to make one of")
        daemon.api.import_image_from_data(system_python(), repository=BASE, tag="latest")
        folder = Path(__file__).parents[3] / "agentrl" / "sandbox"
        daemon.images.build(path=str(folder), tag=IMAGE, buildargs={"BASE": f"{BASE}:latest"}, rm=True)
    return IMAGE


@pytest.fixture(scope="session")
def docker_backend(image: str) -> Backend:
    return Docker(image)


@pytest.fixture(scope="session")
def bubblewrap() -> Backend:
    try:
        return choose("bubblewrap")
    except AgentRLError as why:
        pytest.skip(str(why))


@pytest.fixture(params=["bubblewrap", "docker_backend"])
def strong(request: pytest.FixtureRequest) -> Backend:
    """Each of the sandboxes that a model's programs may run in."""
    found: Backend = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["bubblewrap", "docker_backend", "weak"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each of the sandboxes."""
    if request.param == "weak":
        return choose("weak")
    found: Backend = request.getfixturevalue(request.param)
    return found
