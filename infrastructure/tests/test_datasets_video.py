import os
import threading
from contextlib import suppress
from io import BytesIO

import av
import numpy as np
import pytest

from physai.infrastructure.datasets.errors import FeatureError, FrameError, TornFileError
from physai.infrastructure.datasets.info import camera, check_features
from physai.infrastructure.datasets.video import (
    ClipEncoder,
    VideoFile,
    count_frames,
    decode,
    encode,
    frame_rows,
    misplaced,
)
from physai.infrastructure.scheduling import TASKS
from physai.infrastructure.tests.datasets_samples import frames

FPS = 20


@pytest.fixture
def clips(tmp_path):
    """One file of three episodes of 5, 4 and 1 frames."""
    episodes = [frames(5, 0), frames(4, 1), frames(1, 2)]
    path = tmp_path / "clips.mp4"
    with VideoFile(path, FPS) as file:
        for episode in episodes:
            file.append(encode(episode, FPS), 0, len(episode))
    return path, episodes


def test_each_frame_is_found_at_its_row(clips):
    path, episodes = clips
    assert count_frames(path) == 10
    for start, episode in zip((0, 5, 9), episodes, strict=True):
        decoded = decode(path, start, len(episode), FPS)
        assert np.abs(decoded.astype(int) - episode).mean() < 3  # lossy, but the same picture
        for row in range(len(episode)):  # and of all rows, its own is the nearest
            distances = [np.abs(decoded[row].astype(int) - other).mean() for other in episode]
            assert int(np.argmin(distances)) == row


def test_an_encoder_leaves_every_thread_its_priority():
    """As root SVT-AV1 makes its threads, and the one that opens it, real-time ones."""

    def policies() -> dict[str, int]:
        found = {}
        for task in TASKS.iterdir():
            with suppress(ProcessLookupError):  # another test's has ended
                found[task.name] = os.sched_getscheduler(int(task.name))
        return found

    before = policies()
    with ClipEncoder(BytesIO(), FPS, 64, 64) as encoder:
        encoder.add(av.VideoFrame.from_ndarray(frames(1, 0)[0], format="rgb24"))
        after = policies()
    assert after.keys() - before.keys()
    ours = before[str(threading.get_native_id())]
    assert {policy for thread, policy in after.items() if policy != before.get(thread)} <= {ours}


def test_copied_frames_are_the_same_bit_by_bit(clips, tmp_path):
    path, _ = clips
    copy = tmp_path / "copy.mp4"
    with VideoFile(copy, FPS) as file:
        file.append(path, 5, 4)
        file.append(path, 0, 5)
    assert np.array_equal(decode(copy, 0, 4, FPS), decode(path, 5, 4, FPS))
    assert np.array_equal(decode(copy, 4, 5, FPS), decode(path, 0, 5, FPS))


def test_a_cut_in_the_middle_of_a_group_of_pictures_is_refused(clips, tmp_path):
    path, _ = clips
    with VideoFile(tmp_path / "cut.mp4", FPS) as file:
        file.append(path, 0, 5)
        with pytest.raises(TornFileError, match="frames 1 to 4"):
            file.append(path, 1, 3)


def test_frames_beyond_the_end_are_an_error(clips):
    path, _ = clips
    with pytest.raises(FrameError, match="2 frames for 3 rows"):
        decode(path, 8, 3, FPS)


def test_frames_at_another_rate_are_an_error(clips):
    path, _ = clips
    with pytest.raises(FrameError):
        decode(path, 0, 5, 25)


def test_the_same_frames_give_the_same_bytes():
    assert encode(frames(7), FPS).getvalue() == encode(frames(7), FPS).getvalue()


def test_a_torn_file_is_named(clips):
    path, _ = clips
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(TornFileError, match=r"clips\.mp4"):
        count_frames(path)


def test_frames_too_small_for_the_encoder_are_refused_before_it_dies_of_them():
    with pytest.raises(FeatureError, match="too small"):
        check_features({"observation.images.top": camera(24, 24)})


def test_a_frame_that_was_a_keyframe_elsewhere_need_not_be_one_here(tmp_path):
    path = tmp_path / "clip.mp4"
    with ClipEncoder(path, FPS, 64, 64) as encoder:
        for picture in frames(6, 0):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pict_type = av.video.frame.PictureType.I  # as every frame out of a JPEG says
            encoder.add(frame)
    with av.open(str(path)) as container:
        assert [packet.is_keyframe for packet in container.demux(video=0) if packet.size] == [True, False] * 3
    assert frame_rows(path, FPS) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("at", "wrong"),
    [
        ([0, 1, 2, 3], None),
        ([0, 1, 2], (3, "it has no frame, 4 are expected")),
        ([], (0, "it has no frame, 4 are expected")),
        ([0, 1, 2, 3, 4], (4, "there is a frame, but no such row")),
        ([0, 1, 2.01, 3], (2, "its frame is shown at row 2.010")),  # LeRobot forgives 1e-4 s, 0.002 rows at 20 Hz
        ([0, 1, 2.001, 3], None),
        ([0, 1, 1, 2], (2, "its frame is shown at row 1.000")),
    ],
)
def test_a_frame_out_of_place_is_named(at, wrong):
    assert misplaced(at, 4, FPS) == wrong
