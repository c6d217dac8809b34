"""Azurite, Microsoft's emulator of Azure Storage, as a process of the test."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # Azurite's, public
ROOT = Path(__file__).resolve().parents[2]


def find_azurite() -> str | None:
    places = [str(ROOT / ".physai-tools" / "node_modules" / ".bin")]
    return shutil.which("azurite-blob", path=os.pathsep.join([*places, os.environ["PATH"]]))


def connection_string(endpoint: str) -> str:
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={endpoint};"


@contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """Blob endpoint of a running Azurite, whose state goes with it."""
    program = find_azurite()
    if program is None:
        pytest.skip("azurite-blob is not installed: npm install --prefix .physai-tools azurite@3.35.0")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "log"
    with log.open("wb") as file:
        flags = ["--skipApiVersionCheck", "--disableTelemetry", "--loose", "--inMemoryPersistence", "--silent"]
        process = subprocess.Popen(
            [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), *flags],
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
        )
    try:
        until = time.monotonic() + 60
        while not answers(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, f"Azurite does not answer: {log.read_text()}"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/{ACCOUNT}"
    finally:
        process.terminate()
        process.wait(20)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
