"""LeRobot's own loader on what we made of recordings. One module, since importing it takes long."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from physai.data_pipeline.convert.convert import convert
from physai.data_pipeline.convert.rules import Options
from physai.data_pipeline.tests.convert_recordings import write_mcap
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
