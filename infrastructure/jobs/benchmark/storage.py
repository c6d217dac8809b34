"""Sync through our store beside the same transfer with the SDK alone, against an emulator of Azure Blob Storage."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ...benchmark import Result
from ...errors import PhysaiError
from ...storage import open_store
from ...storage.credentials import CONNECTION_STRING

LARGE_FILES, LARGE_BYTES = 4, 128 * 2**20
SMALL_FILES, SMALL_BYTES = 10_000, 4096
CONCURRENCY = 8  # as our store has blocks in flight
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's, public. Source: https://learn.microsoft.com/azure/storage/common/storage-connect-azurite."""


class NoEmulatorError(PhysaiError):
    """There is nothing to measure against."""

    def __init__(self) -> None:
        super().__init__(
            f"storage: nothing to measure against. Put azurite-blob on PATH (`npm install azurite`), or set "
            f"{CONNECTION_STRING}."
        )


def measure_large() -> list[Result]:
    """Large files up and down, beside `upload_blob` and `download_blob` with as many connections."""
    with _service() as (client, account), tempfile.TemporaryDirectory() as name:
        source = _files(Path(name) / "source", LARGE_FILES, LARGE_BYTES)
        ours, peer = _container(client), _container(client)
        store = open_store(f"azure://{account}/{ours.container_name}")
        up_s = _timed(lambda: store.sync_up(source))
        peer_up_s = _timed(lambda: _each(source, partial(_upload, peer)))
        down_s = _timed(lambda: store.sync_down("", Path(name) / "ours"))
        peer_down_s = _timed(lambda: _each(source, partial(_download, peer, Path(name))))
    mib = LARGE_FILES * LARGE_BYTES / 2**20
    note = "both flush to disk; ours also hashes every byte with SHA-256 and can go on after a kill"
    return [
        _result(f"upload {LARGE_FILES} files of {LARGE_BYTES >> 20} MiB", mib / up_s, mib / peer_up_s, 0.95, note),
        _result("download them, verified", mib / down_s, mib / peer_down_s, 0.95, note),
    ]


def measure_small() -> list[Result]:
    """Many small files up, then up again unchanged, beside one `upload_blob` after another."""
    with _service() as (client, account), tempfile.TemporaryDirectory() as name:
        source = _files(Path(name) / "source", SMALL_FILES, SMALL_BYTES)
        ours, peer = _container(client), _container(client)
        store = open_store(f"azure://{account}/{ours.container_name}")
        up_s = _timed(lambda: store.sync_up(source))
        again_s = _timed(lambda: store.sync_up(source))
        peer_s = _timed(lambda: _each(source, partial(_upload, peer)))
    rate, peer_rate = SMALL_FILES / up_s, SMALL_FILES / peer_s
    note = "Azurite is one process that takes a few hundred requests a second, whoever sends them"
    return [
        _result(f"upload {SMALL_FILES:,} files of {SMALL_BYTES >> 10} KiB", rate, peer_rate, 3.0, note, "files/s"),
        _result("the same folder again, unchanged", SMALL_FILES / again_s, peer_rate, 3.0, "", "files/s"),
    ]


def _result(what: str, ours: float, peer: float, goal: float, note: str, unit: str = "MiB/s") -> Result:
    name = f"the SDK alone, {peer:.0f} {unit}"
    told = f"{ours:.0f} {unit}" + (f"; {note}" if note else "")
    return Result(
        what=what, ours=ours / peer, unit="times the SDK alone", goal=goal, peer=1.0, peer_name=name, note=told
    )


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _each(folder: Path, transfer: Callable[[Path], None]) -> None:
    for file in sorted(folder.iterdir()):
        transfer(file)


def _files(folder: Path, count: int, size: int) -> Path:
    folder.mkdir()
    block = secrets.token_bytes(size)
    for number in range(count):
        (folder / f"{number:05d}.bin").write_bytes(number.to_bytes(8) + block[8:])
    return folder


def _container(client: Any) -> Any:
    return client.create_container(f"measured-{secrets.token_hex(6)}")


def _upload(container: Any, file: Path) -> None:
    with file.open("rb") as content:
        container.upload_blob(file.name, content, max_concurrency=CONCURRENCY)


def _download(container: Any, folder: Path, file: Path) -> None:
    with (folder / file.name).open("wb") as target:
        container.download_blob(file.name, max_concurrency=CONCURRENCY).readinto(target)
        target.flush()
        os.fsync(target.fileno())  # as ours does: what is there after a power cut is whole


@contextmanager
def _service() -> Iterator[tuple[Any, str]]:
    """(client, account) of the service in the environment, else of an Azurite of our own."""
    from azure.storage.blob import BlobServiceClient

    given = os.environ.get(CONNECTION_STRING)
    if given:
        with BlobServiceClient.from_connection_string(given) as client:
            yield client, str(client.account_name)
        return
    program = shutil.which(
        "azurite-blob", path=os.pathsep.join((os.environ["PATH"], ".physai-tools/node_modules/.bin"))
    )
    if program is None:
        raise NoEmulatorError
    with tempfile.TemporaryDirectory() as folder, _azurite(str(Path(program).absolute()), Path(folder)) as text:
        os.environ[CONNECTION_STRING] = text  # where our store looks for it
        try:
            with BlobServiceClient.from_connection_string(text) as client:
                yield client, ACCOUNT
        finally:
            del os.environ[CONNECTION_STRING]


@contextmanager
def _azurite(program: str, folder: Path) -> Iterator[str]:
    """Connection string of an Azurite that keeps its data in memory."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = ["--skipApiVersionCheck", "--disableTelemetry", "--loose", "--inMemoryPersistence", "--silent"]
    command = [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), *flags]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > end:
                raise NoEmulatorError
            time.sleep(0.1)
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        yield f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={endpoint};"
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
