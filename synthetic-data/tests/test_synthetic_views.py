import json
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from physai.infrastructure.contracts import Clip, DistractorRanges, PatternRanges, TurnRanges, Variations, digest_file
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.video import count_frames, decode, encode
from physai.synthetic_data.cosmos.inputs import transfer_inputs
from physai.synthetic_data.cosmos.multiview import robot_multiview_inputs
from physai.synthetic_data.cosmos.runners import COMMAND, ENDPOINT, MULTIVIEW
from physai.synthetic_data.cosmos.schema import ROBOT_VIEWS, RobotMultiviewSpec, TransferSpec
from physai.synthetic_data.cosmos.transfer import open_transfer
from physai.synthetic_data.errors import CosmosSetupError, ThreeCamerasError, UnknownCameraError
from physai.synthetic_data.generate import generate, video_path
from physai.synthetic_data.local import LocalBackend
from physai.synthetic_data.plan import make_plan
from physai.synthetic_data.tests import arm
from physai.synthetic_data.verify.picture import tint
from physai.synthetic_data.verify.run import verify
from physai.synthetic_data.write import write

TWO = (arm.CAMERA, arm.SIDE)
VARIED = Variations(
    texture=PatternRanges(share=0.5),
    camera=TurnRanges(share=0.5),
    objects=DistractorRanges(count=(1, 2)),
    scene=arm.TWO_VIEWS,
)
PROMPTED = Variations(
    backend="cosmos", prompts=("a kitchen",), controls={"edge": 1.0, "depth": 0.5}, scene=arm.TWO_VIEWS
)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return arm.write(tmp_path_factory.mktemp("views") / "ds", [24, 22], cameras=TWO)


@pytest.fixture(scope="module")
def made(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("views-made")
    plan = make_plan(source, VARIED)
    generate(plan, source, folder / "clips", LocalBackend())
    return plan, folder / "clips"


def test_all_views_of_an_episode_get_the_same_variation_and_pass(made, source, tmp_path):
    plan, clips = made
    assert plan.cameras == TWO
    report = verify(plan, source, clips)
    assert [clip.reasons for clip in report.clips if not clip.accepted] == []
    assert all(clip.scores["views_tint"] <= 0.015 for clip in report.clips)
    clip = next(c for c in (Clip.read(p) for p in sorted(clips.glob("*/clip.json"))) if c.generation.variation.camera)
    for camera in TWO:
        assert clip.views[camera].pan_deg == arm.VIEWS[camera].pan_deg + clip.generation.variation.camera.pan_deg
    written = write(plan, source, clips, report, tmp_path / "out", publish_it=False)
    assert written.frames == dict.fromkeys(TWO, sum(Dataset(tmp_path / "out").lengths))


def test_a_view_of_another_time_or_in_another_light_is_rejected(made, source, tmp_path):
    plan, clips = made
    first = plan.model_copy(update={"generations": plan.generations[:1]})

    def reasons(name, change):
        target = tmp_path / name
        copied(clips, target, plan, change)
        (verdict,) = verify(first, source, target).clips
        return {reason.partition(":")[0] for reason in verdict.reasons}

    assert reasons("as-it-is", lambda frames: frames) == set()
    late = reasons("late", lambda frames: np.concatenate([frames[:1]] * 3 + [frames[:-3]]))
    assert "views_lag_rows" in late
    warm = np.array([1.15, 1.0, 0.75])
    assert "views_tint" in reasons("warm", lambda frames: np.clip(frames * warm, 0, 255).astype(np.uint8))


def copied(clips, target, plan, change):
    """Write the first clip with its side view changed."""
    generation = plan.generations[0]
    (target / generation.id).mkdir(parents=True)
    for path in clips.glob(f"{generation.id}/*"):
        (target / generation.id / path.name).write_bytes(path.read_bytes())
    video = video_path(target, generation.id, arm.SIDE)
    video.write_bytes(encode(change(decode(video, 0, generation.rows, plan.fps, 0)), plan.fps).getvalue())
    record = target / generation.id / "clip.json"
    clip = Clip.read(record)
    clip.model_copy(update={"videos": clip.videos | {arm.SIDE: digest_file(video)}}).write(record)


def test_a_tint_is_the_shares_of_three_colours():
    frames = np.full((2, 4, 4, 3), (100, 50, 50), np.uint8)
    assert tint(frames, np.ones((2, 4, 4), bool)) == pytest.approx([0.5, 0.25, 0.25])
    assert tint(frames, np.zeros((2, 4, 4), bool)) == pytest.approx([1 / 3] * 3)


def test_transfer_gets_one_specification_per_camera_with_the_same_prompt_and_seed(source, tmp_path):
    plan = make_plan(source, PROMPTED)
    made = transfer_inputs(plan, source, tmp_path / "inputs")
    specs = [TransferSpec.model_validate_json((tmp_path / "inputs" / path).read_text()) for path in made.specs[:2]]
    assert {spec.name for spec in specs} == {"e0000-v00_front", "e0000-v00_side"}
    assert {(spec.prompt, spec.seed, spec.max_frames) for spec in specs} == {("a kitchen", 0, 24)}


@pytest.fixture
def three(tmp_path, monkeypatch):
    """A dataset of three cameras, and what is asked of Cosmos for all of them together."""
    top = "observation.images.top"
    views = arm.VIEWS | {top: arm.VIEWS[arm.SIDE].model_copy(update={"eye_m": (0.6, -0.9, 1.6)})}
    monkeypatch.setitem(arm.VIEWS, top, views[top])
    source = arm.write(tmp_path / "ds", [20], cameras=(*TWO, top))
    together = {"scene": arm.SCENE.model_copy(update={"views": views}), "controls": {"depth": 0.5}, "views": "together"}
    return source, PROMPTED.model_copy(update=together)


def test_robot_multiview_has_all_cameras_in_one_specification(three, tmp_path):
    source, together = three
    plan = make_plan(source, together.model_copy(update={"views": "apart", "controls": {"edge": 1.0, "depth": 0.5}}))
    inputs = tmp_path / "inputs"
    made = robot_multiview_inputs(plan, source, inputs)
    assert made.specs == ("e0000-v00_edge.json", "e0000-v00_depth.json")
    depth = RobotMultiviewSpec.model_validate_json((inputs / "e0000-v00_depth.json").read_text())
    assert (depth.prompt, depth.control_weight, depth.num_chunks, depth.enable_autoregressive) == (
        "a kitchen",
        0.5,
        2,
        False,
    )
    for view in (depth.head_color, depth.hand_left, depth.hand_right):
        assert count_frames(inputs / view.input_path) == 20  # paths count from the file, as the program reads them
        assert count_frames(inputs / view.control_path) == 20
    edge = json.loads((inputs / "e0000-v00_edge.json").read_text())
    assert "control_path" not in edge["head_color"]  # computed by the program
    with pytest.raises(ValidationError, match="input_path is required for hand_left, hand_right"):
        RobotMultiviewSpec.model_validate(edge | {"hand_left": {}, "hand_right": {}})


MULTIVIEW_PROGRAM = """
# Stands in for examples/robot_multiview_agibot_control.py: same arguments, paths from the parameter file on, a whole
# chunk of 93 frames whose end repeats the last one, a video per view and one of all. Its output is its input.
import argparse, json
from pathlib import Path
import av, numpy as np
parser = argparse.ArgumentParser()
for name in ("-i", "-o", "--input-root"):
    parser.add_argument(name, type=Path, required=True)
parser.add_argument("--control-type", choices=("edge", "vis", "depth", "seg"), required=True)
asked = parser.parse_args()
spec = json.loads(asked.i.read_text())
assert asked.input_root == asked.i.parent
assert not spec["save_combined_views"]
asked.o.mkdir()
for view in VIEWS:
    assert (asked.i.parent / spec[view]["control_path"]).exists()
    with av.open(str(asked.i.parent / spec[view]["input_path"])) as source:
        frames = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    frames += [frames[-1]] * (93 - len(frames))
    with av.open(str(asked.o / f"{spec['name']}_{view}.mp4"), "w") as sink:
        stream = sink.add_stream("libsvtav1", spec["fps"], width=64, height=64, pix_fmt="yuv420p")
        stream.options = {"crf": "20"}
        for frame in frames:
            sink.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        sink.mux(stream.encode())
"""


def multiview(tmp_path, views, variations):
    program = tmp_path / "multiview.py"
    program.write_text(MULTIVIEW_PROGRAM.replace("VIEWS", repr(views)))
    return open_transfer(variations, {MULTIVIEW: f"{sys.executable} {program}"})


def test_all_cameras_of_a_clip_are_made_in_one_generation_and_agree(three, tmp_path):
    source, together = three
    plan = make_plan(source, together)
    assert plan.cost.source.endswith("as if each camera were made alone")
    backend = multiview(tmp_path, ROBOT_VIEWS, together)
    assert backend.model == "nvidia/Cosmos-Transfer2.5-2B/robot/multiview-agibot-depth"
    report = generate(plan, source, tmp_path / "clips", backend)
    assert (report.made, report.failed) == (1, {})
    clip = Clip.read(tmp_path / "clips/e0000-v00/clip.json")
    assert sorted(clip.videos) == sorted(plan.cameras)
    for camera in plan.cameras:
        assert count_frames(video_path(tmp_path / "clips", "e0000-v00", camera)) == 20  # of 93 that came
    (verdict,) = verify(plan, source, tmp_path / "clips").clips
    assert verdict.scores["views_lag_rows"] <= 1
    assert verdict.scores["views_tint"] <= 0.015
    assert {reason.partition(":")[0] for reason in verdict.reasons} <= {"nearest_levels"}  # it is its own source


def test_a_view_that_robot_multiview_leaves_out_is_a_failure_by_name(three, tmp_path):
    source, together = three
    backend = multiview(tmp_path, ROBOT_VIEWS[:2], together)
    failed = generate(make_plan(source, together), source, tmp_path / "clips", backend).failed
    assert failed["e0000-v00"].startswith("nothing: the program wrote no e0000-v00_depth_hand_right.mp4")


def test_together_needs_its_own_program(three):
    _, together = three
    with pytest.raises(CosmosSetupError, match="COSMOS_MULTIVIEW_COMMAND is not set, and `views: together` needs it"):
        open_transfer(together, {COMMAND: "python inference.py", ENDPOINT: "http://127.0.0.1:1"})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"backend": "local", "prompts": ()}, "is for backend 'cosmos'"),
        ({"controls": {"edge": 1.0, "depth": 0.5}}, "takes one of `controls`, not 2"),
        ({"keep_robot": True}, "cannot keep the robot's pixels"),
    ],
)
def test_what_robot_multiview_cannot_do_is_refused_in_the_file(three, change, why):
    _, together = three
    with pytest.raises(ValidationError, match=why):
        Variations.model_validate(together.model_dump(exclude_defaults=True) | change)


def test_two_cameras_are_no_robot_multiview(source, tmp_path):
    with pytest.raises(ThreeCamerasError, match=r"there are 2 cameras .* Use `views: apart`, or --format transfer"):
        robot_multiview_inputs(make_plan(source, PROMPTED), source, tmp_path / "inputs")
    with pytest.raises(ThreeCamerasError, match="there are 2 cameras"):
        make_plan(source, PROMPTED.model_copy(update={"controls": {"edge": 1.0}, "views": "together"}))


def test_a_camera_that_the_scene_does_not_place_is_refused(source):
    with pytest.raises(UnknownCameraError, match=r"observation\.images\.side"):
        make_plan(source, Variations())
