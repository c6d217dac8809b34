"""A folder of recordings is continued under its own plan, and under no other."""

import fcntl
from pathlib import Path

import pytest

from physai.data_pipeline.capture.episode import write_episode
from physai.data_pipeline.capture.errors import (
    BusyError,
    DamagedPlanError,
    ForeignFolderError,
    OtherPlanError,
    SurplusError,
)
from physai.data_pipeline.capture.folder import LOCK
from physai.data_pipeline.capture.session import PLAN, CapturePlan, session
from physai.data_pipeline.tests.capture_rollouts import rollout, source
from physai.infrastructure.contracts import World

PLANNED = CapturePlan(
    task="Reach",
    world=World(name="nominal"),
    generator="expert",
    seed=7,
    horizon_s=4.0,
    tail_s=0.5,
    image_size=64,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three episodes of the plan."""
    with session(tmp_path, PLANNED, 3):
        for index in range(3):
            write_episode(tmp_path, index, rollout(), source())
    return tmp_path


def missing(folder: Path, plan: CapturePlan = PLANNED, episodes: int = 4) -> list[int]:
    with session(folder, plan, episodes) as found:
        return found


def test_a_new_folder_lacks_everything(tmp_path: Path) -> None:
    assert missing(tmp_path / "a" / "b") == [0, 1, 2, 3]


def test_only_what_is_missing_is_missing(folder: Path) -> None:
    assert missing(folder) == [3]
    assert missing(folder, episodes=3) == []


def test_a_recording_without_its_sidecar_is_recorded_again(folder: Path) -> None:
    (folder / "episode-000001.json").unlink()
    assert missing(folder) == [1, 3]


def test_a_recording_that_lost_bytes_is_recorded_again(folder: Path) -> None:
    path = folder / "episode-000000.mcap"
    path.write_bytes(path.read_bytes()[:-1])
    assert missing(folder) == [0, 3]


def test_a_sidecar_that_cannot_be_read_is_written_again(folder: Path) -> None:
    (folder / "episode-000002.json").write_text('{"kind": "raw-ep')
    (folder / "episode-000001.mcap").unlink()
    assert missing(folder) == [1, 2, 3]


def test_what_a_killed_recorder_left_is_swept(folder: Path) -> None:
    left = folder / ".episode-000003.mcap.part"
    left.write_bytes(b"\x89MCAP")
    assert missing(folder) == [3]
    assert not left.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 8}, "seed 7, now 8 is asked for"),
        ({"world": World(name="worn", stiffness_scale=0.5)}, "world nominal, now worn"),
        ({"image_size": None}, "image size 64, now None"),
        ({"tail_s": 0.0}, "tail s 0.5, now 0.0"),
    ],
)
def test_other_arguments_are_refused_by_name(folder: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(OtherPlanError, match=message):
        missing(folder, PLANNED.model_copy(update=change))


def test_a_plan_that_led_to_no_episode_gives_way(tmp_path: Path) -> None:
    missing(tmp_path)
    changed = PLANNED.model_copy(update={"seed": 8})
    assert missing(tmp_path, changed) == [0, 1, 2, 3]
    with session(tmp_path, changed, 1):
        write_episode(tmp_path, 0, rollout(), source())
    with pytest.raises(OtherPlanError):
        missing(tmp_path)


def test_fewer_episodes_than_there_are_are_refused(folder: Path) -> None:
    with pytest.raises(SurplusError, match="holds 3 episodes, 2 are asked for"):
        missing(folder, episodes=2)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ForeignFolderError, match=r"holds thesis\.tex"):
        missing(tmp_path)
    assert not (tmp_path / PLAN).exists()


def test_a_damaged_plan_is_told(folder: Path) -> None:
    (folder / PLAN).write_text("{}")
    with pytest.raises(DamagedPlanError, match=r"capture\.json"):
        missing(folder)


def test_two_recorders_do_not_share_a_folder(folder: Path) -> None:
    with (folder / LOCK).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="another process is recording here"):
            missing(folder)
