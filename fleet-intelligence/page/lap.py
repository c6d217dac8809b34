"""Everything that is known of one lap, read from its artifacts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from physai.infrastructure.contracts import (
    DatasetProvenance,
    Digest,
    Document,
    DriftReport,
    EpisodeEvent,
    EvaluationReport,
    GateVerdict,
    PolicyPackage,
    RawEpisode,
    Release,
    RetrainRequest,
    TaskTime,
    TrainingSummary,
)
from physai.infrastructure.datasets.reader import read_ancestors
from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.jobs.state import RunFolder
from physai.infrastructure.registry import manifest_digest

from ..telemetry.reading import EVENTS, read_events
from .artifacts import LapArtifacts

FILM = "rollout.mp4"


@dataclass(frozen=True)
class Lap:
    """What the artifacts of one lap say; None where one could not be read, and then `problems` says why."""

    number: int
    recorded: tuple[RawEpisode, ...]
    dataset: DatasetProvenance | None
    ancestors: dict[Digest, DatasetProvenance]
    training: TrainingSummary | None
    package: PolicyPackage | None
    digest: Digest | None
    """Of the package."""
    report: EvaluationReport | None
    verdicts: tuple[GateVerdict, ...]
    release: Release | None
    events: tuple[EpisodeEvent, ...]
    """Production episodes of this lap's package, in order of time."""
    drift: DriftReport | None
    request: RetrainRequest | None
    films: tuple[tuple[str, Path], ...]
    """What is to be seen, and where."""
    tasks: tuple[TaskTime, ...]
    problems: tuple[str, ...]


class _Reader:
    """Reads what it can, and notes what it cannot."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def document[Kind: Document](self, kind: type[Kind], path: Path) -> Kind | None:
        try:
            return kind.read(path)
        except (PhysaiError, OSError) as error:
            self.problems.append(str(error))
            return None

    def package_digest(self, folder: Path) -> Digest | None:
        try:
            return manifest_digest(folder)
        except (PhysaiError, OSError) as error:
            self.problems.append(str(error))
            return None

    def recorded(self, folder: Path) -> tuple[RawEpisode, ...]:
        files = sorted(folder.glob("episode-*.json"))
        if not files:
            self.problems.append(f"{folder}: no recorded episodes here.")
        found = [self.document(RawEpisode, path) for path in files]
        return tuple(episode for episode in found if episode is not None)

    def ancestors(self, dataset: Path) -> dict[Digest, DatasetProvenance]:
        try:
            return read_ancestors(dataset)
        except (PhysaiError, OSError) as error:
            self.problems.append(str(error))
            return {}

    def events(self, folders: Sequence[Path]) -> list[EpisodeEvent]:
        found: dict[tuple[str, str], EpisodeEvent] = {}
        for folder in folders:
            try:
                batch = read_events(folder / EVENTS)
            except OSError as error:
                self.problems.append(f"{folder / EVENTS}: {error.strerror}.")
                continue
            self.problems += [f"{refusal.where}: {refusal.why}." for refusal in batch.refused]
            for event in batch.events:
                found.setdefault((event.source, event.id), event)
        return sorted(found.values(), key=lambda event: (event.time, event.source, event.id))

    def films(self, artifacts: LapArtifacts) -> tuple[tuple[str, Path], ...]:
        wanted = [("Evaluation", artifacts.evaluation / FILM)]
        wanted += [
            (f"Production, {folder.parent.name.removeprefix('operate-')}", folder / FILM)
            for folder in artifacts.operations
        ]
        self.problems += [f"{path}: no film here." for _, path in wanted if not path.is_file()]
        return tuple((name, path) for name, path in wanted if path.is_file())

    def tasks(self, run: Path | None) -> tuple[TaskTime, ...]:
        if run is None:
            return ()
        try:
            state = RunFolder(run).read()
        except PhysaiError as error:
            self.problems.append(str(error))
            return ()
        times = [
            TaskTime(task=name, started_at=record.started_at, seconds=record.seconds)
            for name, record in (state.tasks if state else {}).items()
            if record.started_at is not None and record.seconds is not None
        ]
        return tuple(sorted(times, key=lambda time: time.started_at))


def read_lap(number: int, artifacts: LapArtifacts) -> Lap:
    """Read the artifacts of one lap."""
    reader = _Reader()
    drift = reader.document(DriftReport, artifacts.drift)
    wants_request = artifacts.request.exists() or (drift is not None and drift.detected_at is not None)
    verdicts = [reader.document(GateVerdict, path) for path in artifacts.verdicts]
    digest = reader.package_digest(artifacts.package)
    package = reader.document(PolicyPackage, artifacts.package / "package.json") if digest else None
    events = reader.events(artifacts.operations)
    lap = Lap(
        number=number,
        recorded=reader.recorded(artifacts.episodes),
        dataset=reader.document(DatasetProvenance, artifacts.dataset / "meta" / "provenance.json"),
        ancestors=reader.ancestors(artifacts.dataset),
        training=reader.document(TrainingSummary, artifacts.training),
        package=package,
        digest=digest,
        report=reader.document(EvaluationReport, artifacts.evaluation / "report.json"),
        verdicts=tuple(verdict for verdict in verdicts if verdict is not None),
        release=reader.document(Release, artifacts.release),
        events=tuple(event for event in events if digest in (None, event.data.policy)),
        drift=drift,
        request=reader.document(RetrainRequest, artifacts.request) if wants_request else None,
        films=reader.films(artifacts),
        tasks=reader.tasks(artifacts.run),
        problems=(),
    )
    return Lap(**{**lap.__dict__, "problems": (*reader.problems, *contradictions(lap))})


def contradictions(lap: Lap) -> tuple[str, ...]:
    """Where two artifacts of a lap that must name the same thing do not."""
    package, release, drift = lap.package, lap.release, lap.drift
    candidate = lap.report.result("candidate") if lap.report else None
    report = lap.report.digest if lap.report else None
    told = drift.digest if drift else None
    content = lap.dataset.content if lap.dataset else None
    said: list[tuple[str, Digest | None, str, Digest | None]] = [
        ("evaluation report's candidate", candidate.package if candidate else None, "package", lap.digest),
        ("release's package", release.package if release else None, "package", lap.digest),
        ("drift report's policy", drift.policy if drift else None, "package", lap.digest),
        ("release's evidence", release.report if release else None, "evaluation report", report),
        ("drift report's baseline", drift.report if drift else None, "evaluation report", report),
        ("package's dataset", package.dataset if package else None, "dataset", content),
        ("retrain request's drift report", lap.request.drift if lap.request else None, "drift report", told),
    ]
    found = [
        f"lap {lap.number}: the {what} is {one}, and the {other_what} is {other}."
        for what, one, other_what, other in said
        if one is not None and other is not None and one != other
    ]
    if drift is not None and drift.detected_at is None and lap.request is not None:
        found.append(f"lap {lap.number}: there is a retrain request, and no drift was called.")
    return tuple(found)
