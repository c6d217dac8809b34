"""LeRobot's own loader on what we made of recordings. One module, since importing it takes long."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from physai.data_pipeline import examples
from physai.data_pipeline.capture.folder import episodes
from physai.data_pipeline.capture.live import LiveRecorder
from physai.data_pipeline.capture.playback import Playback
from physai.data_pipeline.convert.convert import convert
from physai.data_pipeline.convert.rules import Options
from physai.data_pipeline.tests.convert_recordings import START_NS, write_mcap
from physai.data_pipeline.tests.mobile_manipulator import HEIGHT, WIDTH, distances_mm, talk
from physai.data_pipeline.tests.test_convert_bags import (
    CAMERA,
    ROWS,
    STORE,
    VIDEO_TYPE,
    config,
    in_order,
    joint_messages,
    video,
)
from physai.infrastructure.contracts import RecordingConfig
from physai.infrastructure.datasets.depth import LEROBOT
from physai.infrastructure.ros2.definitions import Definitions

pytestmark = pytest.mark.filterwarnings("ignore")  # LeRobot, datasets and torchvision warn when imported


@pytest.fixture(scope="module")
def lerobot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """LeRobot's dataset class, offline, with its caches in a scratch folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf")))
        patch.setenv("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
        from lerobot.datasets.lerobot_dataset import LeRobotDataset

        yield LeRobotDataset


@pytest.mark.parametrize(("codec", "name"), [("libx264", "h264"), ("libx265", "hevc")])
def test_lerobot_decodes_copied_video_to_the_frames_that_were_recorded(
    lerobot: Any, tmp_path: Path, codec: str, name: str
) -> None:
    packets = video(codec)
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number in range(2):  # the second episode begins in the middle of the file
        write_mcap(folder / f"{number}.mcap", in_order(joint_messages(), packets), store=STORE)
    convert(folder, tmp_path / "ds", Options(config=config(VIDEO_TYPE)))
    decoder = av.CodecContext.create(name, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    source = [f for _, _, m in packets for f in decoder.decode(av.Packet(m.data.tobytes()))] + decoder.decode(None)
    dataset = lerobot("local/ds", root=tmp_path / "ds", video_backend="pyav")
    assert len(dataset) == 2 * ROWS
    for row in range(2 * ROWS):
        expected = source[row % ROWS].to_ndarray(format="rgb24").transpose(2, 0, 1)
        found = np.round(dataset[row][CAMERA].numpy() * 255)
        assert np.array_equal(found, expected), f"row {row}"


def test_the_mobile_manipulator_is_recorded_converted_and_loaded(lerobot: Any, tmp_path: Path) -> None:
    config = RecordingConfig.read(Path(examples.__path__[0]) / "mobile-manipulator.yaml")
    pedals = tuple(trigger for trigger in config.start if trigger.kind == "topic")  # there is no GPIO here
    config = config.model_copy(update={"start": pedals, "min_free_gb": 0.0})
    source = Playback(talk(tmp_path / "said.mcap"), Definitions(), {r.topic: r.type for r in config.topics}, speed=0)
    LiveRecorder(config, source, tmp_path / "episodes", Definitions()).run()
    (sidecar,) = episodes(tmp_path / "episodes")
    assert sidecar.messages.keys() == {rule.topic for rule in config.topics}
    assert (sidecar.outcome, sidecar.findings) == ("success", ())

    report = convert(tmp_path / "episodes", tmp_path / "ds", Options(config=config))
    assert report.verdict == "PASS"
    assert report.frames == {"observation.images.head": report.rows, "observation.images.head_depth": report.rows}
    dataset = lerobot("local/ds", root=tmp_path / "ds", video_backend="pyav", depth_output_unit="m")
    assert len(dataset) == report.rows >= 30  # 1.6 s at 20 Hz, less what it takes until every topic has spoken
    assert dataset.meta.depth_keys == ["observation.images.head_depth"]
    topics = dataset.meta.features["timing.stamp_ns"]["names"]
    at = topics.index("/head_camera/depth/image_raw")
    for row in (0, 7, report.rows - 1):
        item = dataset[row]
        assert [len(item[name]) for name in ("observation.state", "observation.imu", "action")] == [13, 6, 9]
        assert item["observation.images.head"].shape == (3, HEIGHT, WIDTH)
        wanted = LEROBOT.within(distances_mm((int(item["timing.stamp_ns"][at]) - START_NS) / 1e9))
        found = item["observation.images.head_depth"][0].numpy()
        assert (np.abs(found - wanted) <= 0.51 * LEROBOT.step_m(wanted)).all()
