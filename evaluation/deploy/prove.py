"""Whether a host serves a package: its digest, its tensors, and its golden vectors through the network."""

from collections.abc import Mapping
from pathlib import Path

from physai.infrastructure.contracts import Contract, Digest
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.verify import GOLDEN_FILE, read_golden, verify_package

from ..sil.client import PolicyClient


class Proof(Contract):
    """A host that gave the golden answers."""

    server: str
    model: str
    package: Digest
    golden_rows: int
    round_trip_ms: float
    """Of all golden rows in one request."""


def prove(
    folder: Path, server: str, model: str | None = None, wait_s: float = 60.0, headers: Mapping[str, str] | None = None
) -> Proof:
    """Ask a host, and compare.

    Args:
        folder: Of the package, which is verified first.
        server: URL as `physai evaluation sil run --server` takes it.
        model: Name there; default: the package's.
        wait_s: How long the model may take to be ready.
        headers: Of every request over HTTP.

    Raises:
        RegistryError: If the package is damaged.
        HostError: If the host is not ready in time, or does not answer.
        WrongPolicyError: If it serves something else.
    """
    package = verify_package(folder)
    digest, golden = manifest_digest(folder), read_golden(folder / GOLDEN_FILE, package)
    with PolicyClient(server, model or package.name, package, digest, headers=headers) as client:
        client.wait(wait_s)
        client.check_identity()
        took_ms = client.check_golden(golden)
    rows = len(golden[package.outputs[0].name])
    return Proof(server=server, model=client.model, package=digest, golden_rows=rows, round_trip_ms=took_ms)
