"""A report to every sink that lacks it. The report on disk is the queue: what was not taken is sent next time."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

from physai.infrastructure.contracts import Contract, Digest, Document, EvaluationEvent, EvaluationReport
from physai.infrastructure.errors import PhysaiError

from ..report import check_report
from .events import events


class Sink(Protocol):
    """Something that takes reports."""

    @property
    def name(self) -> str:
        """What it is and where, without secrets."""

    def send(self, events: Sequence[EvaluationEvent], report: Path) -> None:
        """Return when all was taken, and raise a `PhysaiError` that says why if not."""


class Delivery(Contract):
    """What became of a report at one sink."""

    sink: str
    status: Literal["published", "already", "failed"]
    reason: str = ""
    """Of a failure."""


class Publication(Document):
    """What became of a report everywhere."""

    kind: Literal["publication"] = "publication"
    version: Literal[1] = 1
    report: Digest
    deliveries: tuple[Delivery, ...]

    @property
    def failures(self) -> list[str]:
        """Reasons, one a sink."""
        return [each.reason for each in self.deliveries if each.status == "failed"]


class Receipt(Document):
    """Sinks that have answered that they took a report."""

    kind: Literal["publication-receipt"] = "publication-receipt"
    version: Literal[1] = 1
    report: Digest
    sinks: tuple[str, ...] = ()


def receipt_path(report: Path) -> Path:
    """Beside the report: `report.published.json`."""
    return report.with_suffix(".published.json")


def publish(path: Path, sinks: Sequence[Sink], noted: Path | None = None) -> Publication:
    """Send a report to each sink that has not taken it yet; one that fails keeps no other from it.

    Args:
        path: `report.json` of an evaluation; it is only read.
        sinks: Where to.
        noted: The receipt, written after each sink; default: beside the report.

    Raises:
        ReportError: If the report contradicts itself; then nothing is sent.
    """
    report = EvaluationReport.read(path)
    check_report(report, path)
    told = events(report, datetime.fromtimestamp(path.stat().st_mtime, UTC))
    noted = noted or receipt_path(path)
    deliveries: list[Delivery] = []
    for sink in sinks:
        receipt = _receipt(noted, report.digest)
        if sink.name in receipt.sinks:
            deliveries.append(Delivery(sink=sink.name, status="already"))
            continue
        try:
            sink.send(told, path)
        except PhysaiError as error:
            deliveries.append(Delivery(sink=sink.name, status="failed", reason=str(error)))
            continue
        receipt.model_copy(update={"sinks": (*receipt.sinks, sink.name)}).write(noted)
        deliveries.append(Delivery(sink=sink.name, status="published"))
    return Publication(report=report.digest, deliveries=tuple(deliveries))


def _receipt(path: Path, digest: Digest) -> Receipt:
    """What is known to be taken of this very report."""
    if path.exists() and (found := Receipt.read(path)).report == digest:
        return found
    return Receipt(report=digest)
