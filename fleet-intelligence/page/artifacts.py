"""Where the artifacts of one lap lie."""

from dataclasses import dataclass
from pathlib import Path

from physai.infrastructure.jobs.state import RunFolder

from ..errors import NothingToTellError


@dataclass(frozen=True)
class LapArtifacts:
    """Paths of what one lap left. Nothing needs to exist: what does not is named on the page."""

    episodes: Path
    """Folder of `episode-*.json` beside `episode-*.mcap`."""
    dataset: Path
    """The dataset that was trained on."""
    training: Path
    """`training.json`."""
    package: Path
    evaluation: Path
    """Folder of `report.json` and `rollout.mp4`."""
    verdicts: tuple[Path, ...]
    release: Path
    operations: tuple[Path, ...]
    """For each robot the folder of `events.jsonl` and `rollout.mp4`."""
    drift: Path
    request: Path
    """There only if drift was called."""
    run: Path | None = None
    """Run folder of the workflow, whose `state.json` tells when each task ran."""

    @classmethod
    def of_run(cls, run: Path) -> "LapArtifacts":
        """The artifacts of a run of `flywheel.yaml`.

        Raises:
            NothingToTellError: If the folder holds no run.
        """
        folder = RunFolder(run)
        if not folder.state_file.is_file():
            raise NothingToTellError(run, "no run of a workflow in this folder")
        out = folder.output
        return cls(
            episodes=out("record") / "episodes",
            dataset=out("curate") / "dataset",
            training=out("train") / "run" / "training.json",
            package=out("package") / "package",
            evaluation=out("evaluate") / "evaluation",
            verdicts=_each(run, "gate*", "verdict.json") or (out("gate") / "verdict.json",),
            release=out("release") / "release.json",
            operations=_each(run, "operate-*", "telemetry") or (out("operate-robot-1") / "telemetry",),
            drift=out("detect") / "drift.json",
            request=out("retrain") / "retrain-request.json",
            run=run,
        )


def _each(run: Path, tasks: str, name: str) -> tuple[Path, ...]:
    return tuple(path / name for path in sorted((run / "outputs").glob(tasks)) if (path / name).exists())
