import numpy as np
import pytest

from physai.infrastructure.contracts import Variations
from physai.infrastructure.datasets import Dataset
from physai.synthetic_data.benchmark import faults
from physai.synthetic_data.benchmark.recall import reasons, subjects
from physai.synthetic_data.generate import generate
from physai.synthetic_data.local import LocalBackend
from physai.synthetic_data.plan import make_plan
from physai.synthetic_data.scene import EMPTY
from physai.synthetic_data.tests import arm
from physai.synthetic_data.verify.motion import Motion, best_lag, separation, still_rows
from physai.synthetic_data.verify.picture import Picture, picture
from physai.synthetic_data.verify.run import Seen, Threshold, judged, scores

ROWS = 30


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    root = arm.write(tmp_path_factory.mktemp("source") / "ds", [ROWS, ROWS])
    clips = root.parent / "clips"
    plan = make_plan(root, Variations())
    generate(plan, root, clips, LocalBackend())
    return next(subjects(plan, Dataset(root), clips, seed=1))


def test_separation_counts_pairs_in_order():
    off = np.array([[[9.0, 1, 5, 0] + [0] * 24]], np.float32)
    robot = np.zeros((1, 1, 28), bool)
    robot[..., [0, 2]] = True
    few = separation(off, robot, np.ones_like(robot))
    assert np.isnan(few).all()  # two robot pixels are too few to judge
    off = np.concatenate([np.full(12, 5.0), np.full(9, 1.0), np.full(3, 8.0)]).astype(np.float32)[None, None]
    robot = (np.arange(24) < 12)[None, None]
    # 12 robot pixels at 5 beat 9 of 12 free ones: 9 / 12
    assert separation(off, robot, np.ones_like(robot)) == pytest.approx(0.75)


@pytest.mark.parametrize("late", [-3, -2, 0, 2, 3])
def test_the_lag_is_the_rows_by_which_the_video_is_late(late):
    pictures, robot = arm.frames(ROWS), arm.shown(ROWS) >= 0
    if late > 0:
        pictures, robot = pictures[: ROWS - late], robot[late:]
    elif late < 0:
        pictures, robot = pictures[-late:], robot[: ROWS + late]
    assert best_lag(pictures, robot) == pytest.approx(late, abs=0.4)


def test_a_repeated_frame_is_a_still_row():
    pictures, robot = arm.frames(ROWS), arm.shown(ROWS) >= 0
    assert still_rows(pictures, robot) == 0
    moved = (robot[1:] ^ robot[:-1]).sum(axis=(1, 2))
    fastest = int(moved.argmax())
    pictures[fastest + 1] = pictures[fastest]
    assert still_rows(pictures, robot) == 1


def test_black_and_flickering_pictures_are_measured():
    pictures, robot = arm.frames(6), arm.shown(6) != EMPTY
    good = picture(pictures, pictures, robot)
    assert (good.black_frames, good.sharpness) == (0, 1.0)
    dark = pictures.copy()
    dark[2] = 5
    assert picture(dark, pictures, robot).black_frames == 1
    blinking = pictures.astype(int)
    blinking[::2] -= 20
    # every frame is 20 levels from both neighbours: the second difference is 40
    flicker = picture(blinking.clip(0, 255).astype(np.uint8), pictures, robot).flicker_levels
    assert flicker == pytest.approx(40, abs=1)


def test_cameras_of_different_times_do_not_agree():
    sound = Picture(black_frames=0, flicker_levels=0.1, sharpness=1.0, drift_levels=0.2)

    def seen(lag_rows, moved_px=20.0):
        return Seen(Motion(fit=1.0, tool_fit=1.0, lag_rows=lag_rows, moved_px=moved_px, still_rows=0), sound)

    assert scores([seen(0.6), seen(-0.6)])["views_lag_rows"] == pytest.approx(1.2)
    assert scores([seen(0.6), seen(0.5)])["views_lag_rows"] == pytest.approx(0.1)
    assert scores([seen(0.6), seen(6.0, moved_px=1.0)])["lag_rows"] == 0.6  # a camera that sees no motion has no say


def test_a_clean_clip_passes(subject):
    assert reasons(faults.clean(subject), subject.request.model.tool()) == ()


@pytest.mark.parametrize(
    ("kind", "by"),
    [
        ("time-shift", "lag_rows"),
        ("mirror", "fit"),
        ("limb-swap", "fit"),
        ("end-effector-drift", "tool_fit"),
        ("frozen", "still_rows"),
        ("dropped", "frames"),
        ("wrong-view", "fit"),
        ("other-episode", "tool_fit"),
        ("black", "black_frames"),
        ("flicker", "flicker_levels"),
        ("blurred", "sharpness"),
    ],
)
def test_every_fault_is_found_by_the_check_that_is_there_for_it(subject, kind, by):
    found = reasons({**faults.FAULTS, **faults.MORE}[kind](subject), subject.request.model.tool())
    assert by in found


def test_reasons_say_what_was_found_and_what_is_allowed():
    verdict = judged("e0000-v00", {"fit": 0.5, "lag_rows": 0.1})
    assert verdict.reasons == ("fit: 0.5, must be at least 0.965",)
    assert not verdict.accepted
    assert Threshold(limit=1, side="at most").holds(1)
