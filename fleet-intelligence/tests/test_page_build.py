import io
import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from physai.fleet_intelligence.cli import app
from physai.fleet_intelligence.errors import NothingToTellError
from physai.fleet_intelligence.page import LapArtifacts, summary_table, write_page
from physai.fleet_intelligence.page.build import read_laps, summarize
from physai.fleet_intelligence.page.lineage import trace
from physai.fleet_intelligence.page.story import headline
from physai.infrastructure.console import Console
from physai.infrastructure.contracts import (
    DriftReport,
    EvaluationReport,
    FlywheelSummary,
    Release,
    RetrainRequest,
    digest_bytes,
)
from physai.infrastructure.errors import MissingFileError
from physai.infrastructure.jobs.state import RunFolder
from physai.infrastructure.registry import manifest_digest

from .make_laps import SECONDS, make_lap


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("laps")
    one = make_lap(root / "lap-1", 1, episodes=6)
    two = make_lap(
        root / "lap-2", 2, parent=one, episodes=4, evaluated=(60, 64), production=(89, 96), world="moved-target"
    )
    return one, two


@pytest.fixture
def laps(made: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """Copies to damage."""
    return shutil.copytree(made[0], tmp_path / "lap-1"), shutil.copytree(made[1], tmp_path / "lap-2")


def summary_of(*runs: Path) -> FlywheelSummary:
    return summarize(read_laps([LapArtifacts.of_run(run) for run in runs]))


def films(problems: tuple[str, ...]) -> list[str]:
    return [problem for problem in problems if "no film here" not in problem]


def test_every_number_is_that_of_its_artifact(made: tuple[Path, Path]) -> None:
    summary = summary_of(*made)
    for run, lap in zip(made, summary.laps, strict=True):
        out = RunFolder(run).output
        report = EvaluationReport.read(out("evaluate") / "evaluation" / "report.json")
        drift = DriftReport.read(out("detect") / "drift.json")
        assert lap.package == manifest_digest(out("package") / "package")
        assert (lap.report, lap.drift) == (report.digest, drift.digest)
        assert lap.policy == report.result("candidate").success
        assert lap.expert == report.result("expert").success
        assert lap.untrained == report.result("untrained").success
        assert (lap.production, lap.detected_at) == (drift.production, drift.detected_at)
        assert lap.release_digest == Release.read(out("release") / "release.json").digest
        assert [(each.role, each.verdict) for each in lap.verdicts] == [("candidate", "PASS"), ("untrained", "FAIL")]
        assert {each.task: each.seconds for each in lap.tasks} == SECONDS
        assert films(lap.problems) == []
    one, two = summary.laps
    assert one.drop == pytest.approx(58 / 64 - 40 / 96)
    assert (one.episodes_recorded, one.dataset_episodes) == (6, 6)
    assert (two.episodes_recorded, two.dataset_episodes) == (4, 10)
    assert one.champion is None
    assert one.comparison is None
    assert two.comparison is not None
    assert two.comparison.difference == 0.5
    request = RetrainRequest.read(RunFolder(made[0]).output("retrain") / "retrain-request.json")
    assert (one.request, one.requested_episodes) == (request.digest, 150)
    assert two.request is None
    assert (summary.episodes_recorded, summary.production_episodes) == (10, 192)
    assert summary.training_s == pytest.approx(2 * 112.7)
    assert summary.tasks_s == pytest.approx(2 * sum(SECONDS.values()))


def test_lineage_reaches_the_recordings_of_both_laps(made: tuple[Path, Path]) -> None:
    laps = read_laps([LapArtifacts.of_run(run) for run in made])
    lineage = trace(laps[1], laps)
    assert lineage is not None
    assert lineage.unknown == ()
    assert lineage.batches == [((1, "nominal", "expert"), 6), ((2, "moved-target", "expert"), 4)]
    assert {recording.episode.content for recording in lineage.recordings if recording.lap == 1} == {
        digest_bytes(f"lap 1 episode {index}".encode()) for index in range(6)
    }


def test_a_recording_that_is_gone_is_missed(laps: tuple[Path, Path]) -> None:
    (RunFolder(laps[0]).output("record") / "episodes" / "episode-000003.json").unlink()
    one, two = summary_of(*laps).laps
    assert films(one.problems) == ["lap 1: no recording is found for 1 episodes of the dataset."]
    assert films(two.problems) == ["lap 2: no recording is found for 1 episodes of the dataset."]


def test_the_page_and_the_summary_are_written_together(made: tuple[Path, Path], tmp_path: Path) -> None:
    summary = write_page([LapArtifacts.of_run(run) for run in made], tmp_path / "out" / "index.html")
    assert FlywheelSummary.read(tmp_path / "out" / "summary.json") == summary
    page = (tmp_path / "out" / "index.html").read_text()
    assert "It learned, met a changed world, noticed, and learned again." in page
    for lap in summary.laps:
        for digest in (lap.package, lap.dataset, lap.release_digest):
            assert digest is not None
            assert digest in page


def test_the_page_needs_nothing_but_itself(made: tuple[Path, Path], tmp_path: Path) -> None:
    write_page([LapArtifacts.of_run(run) for run in made], tmp_path / "index.html")
    page = (tmp_path / "index.html").read_text()
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?!data:)[^"]*"', page) == []
    assert re.findall(r"url\((?!#)[^)]*\)", page) == []


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


MISSING = {
    "detect/drift.json": "no drift-report here",
    "retrain/retrain-request.json": "no retrain-request here",
    "evaluate/evaluation/report.json": "no evaluation-report here",
    "gate": None,
    "release/release.json": "no release here",
    "package/package": "no policy package here",
    "train/run/training.json": "no training-summary here",
    "curate/dataset/meta/provenance.json": "no dataset-provenance here",
    "record/episodes": "no recorded episodes here",
    "operate-robot-1/telemetry/events.jsonl": "No such file",
}


@pytest.mark.parametrize("artifact", MISSING)
def test_what_is_missing_is_named_and_not_invented(laps: tuple[Path, Path], tmp_path: Path, artifact: str) -> None:
    remove(laps[0] / "outputs" / artifact)
    summary = write_page([LapArtifacts.of_run(laps[0])], tmp_path / "out" / "index.html")
    said = films(summary.laps[0].problems)
    message = MISSING[artifact]
    page = (tmp_path / "out" / "index.html").read_text()
    if message is not None:
        assert any(artifact in problem and message in problem for problem in said), said
        assert message in page
    else:
        assert [verdict.role for verdict in summary.laps[0].verdicts] == ["untrained"]


def test_damage_is_named(laps: tuple[Path, Path], tmp_path: Path) -> None:
    out = RunFolder(laps[0]).output
    (out("detect") / "drift.json").write_text('{"kind": "drift-report", "version": 1}')
    (out("train") / "run" / "training.json").write_bytes(b"\xff")
    (out("evaluate") / "evaluation" / "report.json").write_text("{")
    summary = write_page([LapArtifacts.of_run(laps[0])], tmp_path / "out" / "index.html")
    lap = summary.laps[0]
    assert (lap.drift, lap.detected_at, lap.policy, lap.training_s) == (None, None, None, None)
    assert lap.production is not None  # the robots' own files still say it
    assert lap.production.episodes == 96
    for word in ("drift.json", "training.json", "report.json"):
        assert any(word in problem for problem in lap.problems)
    assert "A lap that did not come to its end." in (tmp_path / "out" / "index.html").read_text()


def test_a_package_that_was_tampered_with_is_not_the_one_that_was_released(laps: tuple[Path, Path]) -> None:
    (RunFolder(laps[0]).output("package") / "package" / "policy.onnx").write_bytes(b"tampered")
    said = "\n".join(summary_of(laps[0]).laps[0].problems)
    for what in ("evaluation report's candidate", "release's package", "drift report's policy"):
        assert f"the {what} is sha256:" in said


def test_artifacts_that_contradict_each_other_are_named(laps: tuple[Path, Path]) -> None:
    out = RunFolder(laps[0]).output
    release = Release.read(out("release") / "release.json")
    release.model_copy(update={"package": digest_bytes(b"another")}).write(out("release") / "release.json")
    shutil.copy(RunFolder(laps[1]).output("detect") / "drift.json", out("detect") / "drift.json")
    said = "\n".join(summary_of(laps[0]).laps[0].problems)
    assert f"the release's package is {digest_bytes(b'another')}, and the package is sha256:" in said
    assert "the drift report's policy is" in said
    assert "there is a retrain request, and no drift was called" in said


def test_a_single_lap_without_drift_is_told_as_such(tmp_path: Path) -> None:
    run = make_lap(tmp_path / "lap-1", production=(88, 96))
    summary = write_page([LapArtifacts.of_run(run)], tmp_path / "out" / "index.html")
    assert summary.laps[0].request is None
    assert films(summary.laps[0].problems) == []
    page = (tmp_path / "out" / "index.html").read_text()
    assert "It learned, went to work, and works as its evaluation promised." in page
    assert "a retrain request would start a lap" in page


def test_the_headline_says_no_more_than_the_numbers(tmp_path: Path) -> None:
    one = make_lap(tmp_path / "lap-1", 1)
    two = make_lap(tmp_path / "lap-2", 2, parent=one, evaluated=(60, 64), production=(89, 96))
    summary = summary_of(one, two)
    assert headline(summary) == "It learned, did worse at work than promised, noticed, and learned again."
    second = summary.laps[1]
    assert second.comparison is not None
    unsure = second.model_copy(update={"comparison": second.comparison.model_copy(update={"lower": -0.02})})
    assert "the gain is not certain" in headline(summary.model_copy(update={"laps": (summary.laps[0], unsure)}))
    assert headline(summary_of(one)) == "It learned, did worse at work than its evaluation promised, and noticed."


def test_text_from_artifacts_is_escaped(tmp_path: Path) -> None:
    run = make_lap(tmp_path / "lap-1", world="<script>alert(1)</script>")
    write_page([LapArtifacts.of_run(run)], tmp_path / "out" / "index.html")
    page = (tmp_path / "out" / "index.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_no_lap_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NothingToTellError):
        write_page([], tmp_path / "index.html")
    with pytest.raises(NothingToTellError, match="no run of a workflow in this folder"):
        LapArtifacts.of_run(tmp_path)


def test_the_table_says_the_same(made: tuple[Path, Path]) -> None:
    console = Console(width=140, file=io.StringIO(), record=True)
    console.print(summary_table(summary_of(*made)))
    table = console.export_text()
    assert "58 of 64" in table
    assert "+50 points (+36 to +62)" in table
    assert "candidate PASS, untrained FAIL" in table


def test_the_command_writes_the_page(made: tuple[Path, Path], tmp_path: Path) -> None:
    output = tmp_path / "site" / "laps.html"
    outcome = CliRunner().invoke(app, ["page", "build", *map(str, made), "--output", str(output), "--json"])
    assert outcome.exit_code == 0, outcome.output
    assert json.loads(outcome.stdout)["kind"] == "flywheel-summary"
    assert output.exists()
    assert (output.parent / "summary.json").exists()


def test_a_lap_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(app, ["page", "build", str(tmp_path / "nowhere")])
    assert isinstance(outcome.exception, MissingFileError)
