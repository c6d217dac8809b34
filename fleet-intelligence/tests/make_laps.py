"""Laps as a flywheel leaves them, small: every file through its own contract."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from physai.fleet_intelligence.drift.check import check_drift, find_baseline
from physai.fleet_intelligence.drift.cusum import Level
from physai.fleet_intelligence.retrain.decide import decide
from physai.fleet_intelligence.retrain.rules import RetrainRules
from physai.infrastructure.contracts import (
    Approval,
    DatasetProvenance,
    Digest,
    EpisodeData,
    EpisodeEvent,
    EpisodeOutcome,
    EpisodeSource,
    EvaluationReport,
    GateVerdict,
    PairedComparison,
    PolicyResult,
    RawEpisode,
    Release,
    Role,
    RuleVerdict,
    TrainingSummary,
    digest_bytes,
)
from physai.infrastructure.jobs.state import RunFolder, RunState, Status, TaskRecord
from physai.infrastructure.rates import rate_of
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.tests.registry_packages import make_package
from physai.infrastructure.video import write_video

START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
TASK = "Isaac-Reach-UR10"
SECONDS = {
    "record": 62.0, "convert": 14.2, "curate": 6.1, "train": 118.4, "package": 11.0, "package-untrained": 9.8,
    "conditions": 21.5, "evaluate": 74.9, "gate": 1.2, "gate-untrained": 1.1, "release": 2.6,
    "operate-robot-1": 55.0, "operate-robot-2": 57.3, "ingest": 1.4, "detect": 2.2,
}  # fmt: skip


def outcomes(successes: int, episodes: int, seed: int = 0) -> list[bool]:
    """So many successes among so many episodes, shuffled."""
    mixed = np.random.default_rng(seed).permutation([index < successes for index in range(episodes)])
    return [bool(success) for success in mixed]


def result(role: Role, package: Digest | None, successes: int, episodes: int) -> PolicyResult:
    return PolicyResult(
        role=role,
        package=package,
        success=rate_of(successes, episodes),
        episodes=tuple(
            EpisodeOutcome(condition=index, success=success, steps=40 if success else 120)
            for index, success in enumerate(outcomes(successes, episodes))
        ),
    )


def event(episode: int, success: bool, policy: Digest, robot: str = "robot-1", **fields: Any) -> EpisodeEvent:
    return EpisodeEvent(
        id=f"reach-1/{robot}/{episode:06d}",
        source=f"/plant-1/{robot}",
        time=START + timedelta(minutes=5, seconds=episode + (0.5 if robot == "robot-2" else 0)),
        data=EpisodeData(
            **{
                "policy": policy,
                "release": "reach-1",
                "robot": robot,
                "site": "plant-1",
                "task": TASK,
                "episode": episode,
                "started_at": START + timedelta(minutes=5, seconds=episode),
                "success": success,
                "steps": 40 if success else 120,
                "duration_s": 2.0,
                "command": (0.5, 0.1, 0.01 * episode, 0.0, 0.0, 0.0, 1.0),
                "kpis": {"final_error_m": 0.004 if success else 0.05 + 0.001 * (episode % 17)},
                **fields,
            }
        ),
    )


def write_events(folder: Path, events: Sequence[EpisodeEvent]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "events.jsonl"
    path.write_text("".join(f"{event.model_dump_json()}\n" for event in events))
    return path


def make_lap(
    run: Path,
    number: int = 1,
    *,
    parent: Path | None = None,
    episodes: int = 6,
    evaluated: tuple[int, int] = (58, 64),
    production: tuple[int, int] = (40, 96),
    world: str = "nominal",
    video: bool = False,
) -> Path:
    """One lap's run folder.

    Args:
        run: Where to.
        number: Of the lap; from 2 on there is a champion.
        parent: Run folder of the lap whose dataset was merged.
        episodes: Recorded in this lap.
        evaluated: Successes and episodes of the candidate.
        production: The same of both robots together.
        world: Where it was recorded and evaluated.
        video: Whether there are films.
    """
    out = RunFolder(run).output
    dataset = make_dataset(out("record") / "episodes", out("curate") / "dataset", number, parent, episodes, world)
    package = make_package(
        out("package") / "package",
        shift_rad=0.01 * number,
        dataset=dataset.content,
        training_steps=2500,
        run_id=f"run-{number}",
    )
    digest = manifest_digest(package)
    make_training(out("train") / "run" / "training.json", number, dataset.content)
    untrained = digest_bytes(f"untrained {number}".encode())
    report = make_report(out("evaluate") / "evaluation" / "report.json", number, digest, untrained, evaluated, world)
    for task, role, judged, verdict in (
        ("gate", "candidate", digest, "PASS"),
        ("gate-untrained", "untrained", untrained, "FAIL"),
    ):
        GateVerdict(
            report=report.digest,
            package=judged,
            role=role,  # type: ignore[arg-type]
            verdict=verdict,  # type: ignore[arg-type]
            rules=(
                RuleVerdict(
                    rule=f"{role} success lower bound >= 0.7",
                    value=0.81 if verdict == "PASS" else 0.0,
                    bound=0.7,
                    verdict=verdict,  # type: ignore[arg-type]
                ),
            ),
        ).write(out(task) / "verdict.json")
    release = Release(
        name=f"reach-{number}",
        package=digest,
        report=report.digest,
        verdict=digest_bytes(b"verdict"),
        cohort="plant-1",
        robots=("robot-1", "robot-2"),
        created_at=START,
        approval=Approval(by="gate", at=START, reason="PASS"),
    )
    release.write(out("release") / "release.json")
    make_production(out, digest, report, dataset.content, production, number)
    if video:
        for folder, shade in ((out("evaluate") / "evaluation", 40), (out("operate-robot-1") / "telemetry", 120)):
            frames = np.full((30, 96, 160, 3), shade, dtype=np.uint8)
            for index in range(30):
                frames[index, 30:60, 4 * index : 4 * index + 24] = (240, 180, 60)
            write_video(folder / "rollout.mp4", frames, 15)
    make_state(run, number)
    return run


def make_dataset(
    recorded: Path, folder: Path, number: int, parent: Path | None, episodes: int, world: str
) -> DatasetProvenance:
    raw = [digest_bytes(f"lap {number} episode {index}".encode()) for index in range(episodes)]
    for index, content in enumerate(raw):
        RawEpisode(
            file=f"episode-{index:06d}.mcap",
            content=content,
            task=TASK,
            robot="ur10",
            world=world,
            generator="expert",
            seed=number,
            outcome="success",
            started_at=START,
            duration_s=2.0,
            rate_hz=30.0,
            messages={"/joint_states": 60},
        ).write(recorded / f"episode-{index:06d}.json")
    sources = [
        EpisodeSource(episode=index, source=content, generator="expert", world=world, seed=number, outcome="success")
        for index, content in enumerate(raw)
    ]
    parents: tuple[Digest, ...] = ()
    if parent is not None:
        old = DatasetProvenance.read(RunFolder(parent).output("curate") / "dataset" / "meta" / "provenance.json")
        old.write(folder / "meta" / "ancestors" / f"{old.content.removeprefix('sha256:')}.json")
        parents = (old.content,)
        sources += [
            EpisodeSource(
                episode=episodes + source.episode,
                source=old.content,
                source_episode=source.episode,
                generator=source.generator,
                world=source.world,
                seed=source.seed,
                outcome=source.outcome,
            )
            for source in old.episodes
        ]
    provenance = DatasetProvenance(
        content=digest_bytes(f"dataset {number}".encode()),
        task=TASK,
        robot="ur10",
        created_at=START,
        parents=parents,
        episodes=tuple(sources),
    )
    provenance.write(folder / "meta" / "provenance.json")
    return provenance


def make_training(path: Path, number: int, dataset: Digest) -> None:
    rng = np.random.default_rng(number)
    steps = tuple(range(50, 2501, 50))
    loss = tuple(float(4.0 * np.exp(-step / 400) + 0.06 + 0.01 * rng.random()) for step in steps)
    heldout_steps = tuple(range(250, 2501, 250))
    heldout = tuple(float(4.4 * np.exp(-step / 420) + 0.09 + 0.01 * rng.random()) for step in heldout_steps)
    TrainingSummary(
        run_id=f"run-{number}",
        policy="act",
        dataset=dataset,
        parameters=671_238,
        steps=steps,
        loss=loss,
        heldout_steps=heldout_steps,
        heldout_loss=heldout,
        seconds=112.7,
    ).write(path)


def make_report(
    path: Path, number: int, candidate: Digest, untrained: Digest, evaluated: tuple[int, int], world: str
) -> EvaluationReport:
    successes, episodes = evaluated
    policies = [
        result("candidate", candidate, successes, episodes),
        result("untrained", untrained, 0, episodes),
        result("expert", None, episodes, episodes),
    ]
    comparisons: tuple[PairedComparison, ...] = ()
    if number > 1:
        policies.append(result("champion", digest_bytes(b"champion"), 28, episodes))
        comparisons = (
            PairedComparison(
                candidate="candidate",
                reference="champion",
                wins=34,
                losses=2,
                ties=episodes - 36,
                difference=32 / episodes,
                lower=0.36,
                upper=0.62,
                confidence=0.95,
                method="Tango 1998",
                p_value=1.9e-8,
            ),
        )
    report = EvaluationReport(
        task=TASK,
        world=world,
        conditions=digest_bytes(world.encode()),
        policies=tuple(policies),
        comparisons=comparisons,
    )
    report.write(path)
    return report


def make_production(
    out: Any, policy: Digest, report: EvaluationReport, dataset: Digest, production: tuple[int, int], number: int
) -> None:
    happened = outcomes(*production, seed=number)
    release = f"reach-{number}"
    events = []
    for robot, mine in (("robot-1", happened[::2]), ("robot-2", happened[1::2])):
        told = [event(index, success, policy, robot, release=release) for index, success in enumerate(mine)]
        told = [each.model_copy(update={"id": f"{release}/{robot}/{each.data.episode:06d}"}) for each in told]
        write_events(out(f"operate-{robot}") / "telemetry", told)
        events += told
    events.sort(key=lambda each: each.time)
    drift = check_drift(report, find_baseline(report, policy, "report"), events, Level(0.05, 100))
    drift.write(out("detect") / "drift.json")
    if drift.detected_at is not None:
        asked = decide(drift, events, dataset, RetrainRules.load("simulation"), [], START).request
        assert asked is not None
        asked.write(out("retrain") / "retrain-request.json")


def make_state(run: Path, number: int) -> None:
    begin = START + timedelta(minutes=10 * (number - 1))
    tasks: dict[str, TaskRecord] = {}
    at = 0.0
    for task, seconds in SECONDS.items():
        tasks[task] = TaskRecord(
            status=Status.COMPLETED, started_at=begin + timedelta(seconds=at), seconds=seconds, exit_code=0, attempt=1
        )
        if task not in ("package", "conditions", "operate-robot-1"):
            at += seconds
    state = RunState(workflow="flywheel", file="flywheel.yaml", uuid="0" * 8, status=Status.COMPLETED, tasks=tasks)
    (run / "state.json").write_text(json.dumps(state.model_dump(mode="json")))
