import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from physai.infrastructure.contracts import Clip, DistractorRanges, Light, Pattern
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.video import count_frames
from physai.synthetic_data.distractors import CLEAR_M, Reach, place
from physai.synthetic_data.errors import MimicError
from physai.synthetic_data.lamp import tint, travels
from physai.synthetic_data.mimic import paced
from physai.synthetic_data.mimic_dataset import make
from physai.synthetic_data.scene import simulated_scene
from physai.synthetic_data.solid import solid
from physai.synthetic_data.tests import arm

FRONT, SIDE = "observation.images.front", "observation.images.side"


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    script = Path(__file__).parent / "simulation_session.py"
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, json.loads(done.stdout)


def test_recorded_actions_are_seen_anew_and_every_clip_passes_the_checks(session):
    _, facts = session
    accepted = [name for name, reasons in facts["reasons"].items() if not reasons]
    assert accepted == ["e0000-v00", "e0001-v00", "e0002-v00"], facts["reasons"]
    for scores in facts["scores"][:3]:
        assert scores["replay_rad"] <= 1e-5  # rad; the same physics gives the recorded angles
        assert scores["links_m"] <= 1e-5
        assert scores["views_tint"] <= 0.01  # both cameras see it by the same lamp


def test_a_recording_that_its_actions_do_not_lead_to_is_rejected_by_name(session):
    _, facts = session
    # the start is moved by 0.05 rad with all that follows; the actions pull the elbow back to where it really was
    assert list(facts["failed"]) == ["e0003-v00"]
    assert facts["failed"]["e0003-v00"].startswith("replay: elbow_joint is 0.0")
    assert facts["failed"]["e0003-v00"].endswith("tolerance 0.001")
    assert facts["reasons"]["e0003-v00"] == [facts["failed"]["e0003-v00"]]
    assert facts["states_failed"] == {}
    assert facts["worn"] > 0.05  # rad; the world's drives count


def test_controls_lie_beside_the_video_frame_by_frame(session):
    folder, facts = session
    clip = Clip.read(folder / "clips/e0000-v00/clip.json")
    assert sorted(clip.controls) == [FRONT, SIDE]
    assert sorted(clip.controls[FRONT]) == ["depth", "edge", "normals", "seg", "truth", "vis"]
    rows = facts["rows"][0]
    for camera in (FRONT, SIDE):
        for control in ("depth", "edge", "normals", "seg", "vis"):
            assert count_frames(folder / f"clips/e0000-v00/{camera}.{control}.mp4") == rows
        truth = np.load(folder / f"clips/e0000-v00/{camera}.truth.npz")
        assert truth["depth_mm"].shape == truth["instance"].shape == (rows, 96, 96)
        assert truth["normal_127"].shape == (rows, 96, 96, 3)
        names = list(truth["instance_names"])
        seen = {names[index] for index in np.unique(truth["instance"]) if index >= 0}
        assert {"Table", "ground", "Robot/upper_arm_link", "Robot/forearm_link"} <= seen
    assert min(facts["objects"]) >= 1


def test_the_stage_shows_what_the_simulators_own_camera_shows(session):
    _, facts = session
    assert facts["differing_levels"] < 1e-3  # rays along an edge
    assert facts["silhouette_differs"] < 2e-3  # against the projected model: the same robot at the same angles
    assert 0.5 < facts["depth_m"][0] < facts["depth_m"][1] < 3  # the camera stands 1.9 m from what it looks at
    assert facts["unit_normals"] < 1e-3


def test_the_same_plan_gives_the_same_bytes_also_when_it_was_stopped(session):
    _, facts = session
    assert facts["made_after_stop"] == 1  # two clips were there; the fourth fails each time
    assert facts["kept"]
    assert facts["content"][0] == facts["content"][1]
    assert set(facts["same_files"].values()) == {True}
    assert len(facts["same_files"]) == 2 * 7  # two cameras: video, five controls, truth


def test_cosmos_starts_from_simulated_clips_with_controls_of_the_whole_picture(session):
    _, facts = session
    assert list(facts["cosmos_failed"]) == ["e0003-v00"]
    assert facts["cosmos_failed"]["e0003-v00"].startswith("replay: elbow_joint")
    assert [bool(reasons) for reasons in facts["cosmos_reasons"]] == [False, True], facts["cosmos_reasons"]
    assert facts["cosmos_replay_rad"] <= 1e-5
    assert len(facts["cosmos_specs"]) == 2  # one per camera
    for told in facts["cosmos_specs"]:
        assert told["frames"] == dict.fromkeys(("depth", "input", "mask", "seg"), facts["rows"][2])
        assert told["spec"]["depth"] == {"control_path": "depth.mp4", "control_weight": 1.0}  # no mask
        assert told["spec"]["prompt"] == "a kitchen"


def test_mimic_reaches_new_targets_from_recorded_episodes(session):
    _, facts = session
    first, again = facts["mimic_episodes"]
    assert first == again >= 4  # of six
    assert len(set(facts["mimic_content"])) == 1
    assert set(facts["mimic_sources"]) <= {0, 1, 2, 3}
    assert max(facts["mimic_end_m"]) <= 0.05  # the task's own threshold
    assert facts["mimic_step_rad"] <= 3.15 / 30 * 1.1  # rad; the wrist's rated 180 degrees a second, at 30 Hz
    assert facts["mimic_frames"][1:] == [96, 96, 3]
    assert not {tuple(t) for t in facts["mimic_targets"]} & {tuple(t) for t in facts["recorded_targets"]}


def test_a_path_is_paced_to_what_joints_can_do():
    path = paced(np.array([[0.0, 0.0], [0.6, 0.3]], np.float32), np.array([0.25, 0.25]))
    assert path[:, 0] == pytest.approx([0, 0.2, 0.4, 0.6])  # three parts, since two would be 0.3 rad each
    assert path[:, 1] == pytest.approx([0, 0.1, 0.2, 0.3])


def test_the_plan_covers_lamps_colours_places_and_objects(session):
    _, facts = session
    for dimension in ("light.azimuth_deg", "light.temperature_k", "shift_m.x_m", "objects.radius_m"):
        assert facts["coverage"][dimension] >= 0.4, dimension  # four generations reach four tenths, and the real set's
    assert facts["coverage"]["colors.Table"] > 0
    assert facts["coverage"]["objects.count"] > 0.5


def test_a_lamp_above_shines_down_and_a_warm_one_is_red():
    assert travels(Light(azimuth_deg=0, elevation_deg=90, intensity=1, temperature_k=6500)) == pytest.approx((0, 0, -1))
    assert travels(Light(azimuth_deg=90, elevation_deg=0, intensity=1, temperature_k=6500)) == pytest.approx((0, -1, 0))
    assert tint(6500) == pytest.approx([1, 1, 1])
    red, green, blue = tint(2700)
    assert red > green > blue
    assert tint(12000)[2] > tint(12000)[0]


def test_a_solid_checker_has_fields_of_its_scale_in_space():
    pattern = Pattern(look="checker", scale_px=8, first=(0, 0, 0), second=(1, 1, 1))
    along = np.zeros((100, 3), np.float32)
    along[:, 0] = np.arange(100) / 100  # 1 m in steps of 1 cm
    colors = solid(pattern, along, 0.1, seed=0)[:, 0]
    assert (np.diff(colors) != 0).sum() == 10  # a border every 10 cm


def test_objects_stand_where_the_robot_never_comes(tmp_path):
    dataset = Dataset(arm.write(tmp_path / "ds", [24]))
    reach = Reach.of(dataset, 0, simulated_scene())
    ranges = DistractorRanges(count=(3, 3))
    placed = [thing for seed in range(10) for thing in place(ranges, reach, seed)]
    assert len(placed) >= 25
    for thing in placed:
        gap = np.linalg.norm(reach.centers_m - thing.center_m, axis=1) - reach.radii_m - thing.radius_m
        assert gap.min() >= CLEAR_M - 1e-9
        assert thing.center_m[2] == pytest.approx(thing.radius_m)  # on the table
    assert place(ranges, reach, 3) == place(ranges, reach, 3)
    nowhere = DistractorRanges(count=(2, 2), x_m=(0.0, 0.01), y_m=(0.0, 0.01))  # inside the base
    assert place(nowhere, reach, 0) == ()


def test_mimic_refuses_recordings_without_training_episodes_or_of_another_rate(tmp_path, monkeypatch):
    held = arm.write(tmp_path / "held", [6], heldout=1)
    with pytest.raises(MimicError, match="has no training episode"):
        make(held, tmp_path / "out", episodes=1, seed=0)
    recorded = arm.write(tmp_path / "recorded", [6])
    started = SimpleNamespace(env=SimpleNamespace(rate_hz=50.0))  # a start of the simulator takes 20 s
    monkeypatch.setattr("physai.synthetic_data.mimic_dataset.open_stage", lambda _: started)
    with pytest.raises(MimicError, match="recorded at 30 Hz, simulated at 50 Hz"):
        make(recorded, tmp_path / "out", episodes=1, seed=0)
