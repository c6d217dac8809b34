"""A mosquitto of our own for as long as a measurement takes."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from physai.infrastructure.errors import PhysaiError


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    """Its port, on the loopback.

    Raises:
        PhysaiError: If mosquitto is not installed, or does not start.
    """
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        raise PhysaiError("mosquitto: not installed. Install it (`apt install mosquitto`), then run this again.")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n")
    running = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            raise PhysaiError(f"{program}: does not listen on port {port}. Start it by hand to see why.")
        yield port
    finally:
        running.terminate()
        running.wait(20)
