"""Docker's own registry on this machine, and an independent reader of what it holds."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

SERVER = shutil.which("docker-registry")
SKOPEO = shutil.which("skopeo")


@contextmanager
def serving(folder: Path, extra: str = "") -> Iterator[str]:
    """Docker's registry on a free port of this machine; yields `host:port`."""
    assert SERVER is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    config = folder / "registry.yml"
    config.write_text(
        f"version: 0.1\nhttp: {{addr: '{host}'}}\nstorage: {{filesystem: {{rootdirectory: '{folder / 'data'}'}}}}\n"
        f"log: {{accesslog: {{disabled: true}}}}\n{extra}"
    )
    with (folder / "registry.log").open("wb") as log:
        server = subprocess.Popen([SERVER, "serve", str(config)], stdout=log, stderr=log)
    try:
        while server.poll() is None:
            try:
                httpx.get(f"http://{host}/v2/")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        assert server.poll() is None, (folder / "registry.log").read_text()
        yield host
    finally:
        server.terminate()
        server.wait()
