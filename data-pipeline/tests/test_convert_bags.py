"""Recordings of real robots: other recorders, formats, rates, cameras, and what can be wrong with them."""

import itertools
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from PIL import Image
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from typer.testing import CliRunner

from physai.data_pipeline.cli import app
from physai.data_pipeline.convert.boundaries import IntervalsError, read_intervals
from physai.data_pipeline.convert.clips import Camera
from physai.data_pipeline.convert.convert import convert
from physai.data_pipeline.convert.errors import (
    ClockJumpError,
    DuplicateStampError,
    FieldError,
    FrameLossError,
    ImageError,
    MarkersError,
    NeedsConfigError,
    NoBagError,
    NotFiniteError,
    OtherDatasetError,
    SkewError,
    UndefinedTypeError,
)
from physai.data_pipeline.convert.images import units
from physai.data_pipeline.convert.rules import Options
from physai.data_pipeline.tests.convert_recordings import START_NS, TYPES, header, image, joints, write_mcap
from physai.infrastructure.contracts import Alignment, FeatureRule, RecordingConfig, TopicRule
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.video import ClipEncoder

CAMERA = "observation.images.top"
IMAGES, JOINT_TOPIC, MARKS = "/top/image", "/joint_states", "/episode"
RATE_HZ, ROWS = 10, 20
JOINT_STATE = "sensor_msgs/msg/JointState"
VIDEO_TYPE = "foxglove_msgs/msg/CompressedVideo"
STORE = get_typestore(Stores.ROS2_HUMBLE)
VIDEO = "builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\nstring format\n"
STORE.register(get_types_from_msg(VIDEO, VIDEO_TYPE))
Message = tuple[str, int, Any]


def config(type_name: str = "sensor_msgs/msg/CompressedImage", *, how: str = "hold", **rules: Any) -> RecordingConfig:
    """State and action from the joints at 50 Hz, one camera at 10 Hz."""
    both = (
        FeatureRule(feature="observation.state", fields=("position",), keys=("wrist", "shoulder"), unit="rad"),
        FeatureRule(feature="action", fields=("position[1]", "velocity[0]"), names=("elbow", "shoulder_speed")),
    )
    facts: dict[str, Any] = {
        "robots": ("left", "right"),
        "task": "pick the red cube",
        "rate_hz": RATE_HZ,
        "output": "x",
        "topics": (
            TopicRule(topic=JOINT_TOPIC, type=JOINT_STATE, rate_hz=50, align=Alignment(how=how), features=both),
            TopicRule(topic=IMAGES, type=type_name, rate_hz=10, features=(FeatureRule(feature=CAMERA, dtype="video"),)),
        ),
    }
    return RecordingConfig(**{**facts, **rules})


def stamp(seconds: float) -> int:
    return START_NS + round(seconds * 1e9)


def joint_messages(seconds: float = (ROWS - 1) / RATE_HZ) -> list[Message]:
    """At 50 Hz; shoulder is 10 t, elbow 20 t, wrist 30 t."""
    times = [i / 50 for i in range(round(seconds * 50) + 1)]
    return [(JOINT_TOPIC, stamp(t), joints(stamp(t), [10 * t, 20 * t, 30 * t])) for t in times]


def picture(row: int) -> NDArray[np.uint8]:
    """A bright square that moves by 3 pixels a row on a grey slope."""
    found = np.repeat(np.linspace(40, 120, 96)[None, :, None], 64, axis=0).repeat(3, axis=2).astype(np.uint8)
    found[20:40, 3 * row : 3 * row + 20] = (220, 180, 60)
    return found


def images(make: Callable[[int, int], Any], rows: int = ROWS) -> list[Message]:
    return [(IMAGES, stamp(row / RATE_HZ), make(stamp(row / RATE_HZ), row)) for row in range(rows)]


def compressed(kind: str) -> Callable[[int, int], Any]:
    def make(stamp_ns: int, row: int) -> Any:
        buffer = BytesIO()
        Image.fromarray(picture(row)).save(buffer, kind)
        data = np.frombuffer(buffer.getvalue(), np.uint8)
        return TYPES["sensor_msgs/msg/CompressedImage"](header=header(stamp_ns), format=kind.lower(), data=data)

    return make


def raw_image(encoding: str = "bgr8") -> Callable[[int, int], Any]:
    def make(stamp_ns: int, row: int) -> Any:
        pixels = np.ascontiguousarray(picture(row)[..., ::-1])
        height, width = pixels.shape[:2]
        return TYPES["sensor_msgs/msg/Image"](
            header=header(stamp_ns),
            height=height,
            width=width,
            encoding=encoding,
            is_bigendian=0,
            step=3 * width,
            data=pixels.ravel(),
        )

    return make


def video(codec: str, rows: int = ROWS, gop: int = 5) -> list[Message]:
    """Annex B packets, one per message, without B frames."""
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 96, 64, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, RATE_HZ), Fraction(RATE_HZ)
    encoder.options = {"g": str(gop), "bf": "0", "preset": "ultrafast", "tune": "zerolatency"}
    if codec == "libx265":
        encoder.options = {**encoder.options, "x265-params": f"log-level=none:repeat-headers=1:keyint={gop}:bframes=0"}
    packets = []
    for row in range(rows):
        frame = av.VideoFrame.from_ndarray(picture(row), format="rgb24")
        frame.pts, frame.time_base = row, Fraction(1, RATE_HZ)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    assert len(packets) == rows
    name = "h264" if codec == "libx264" else "h265"

    def make(stamp_ns: int, row: int) -> Any:
        time = TYPES["builtin_interfaces/msg/Time"](sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        data = np.frombuffer(bytes(packets[row]), np.uint8)
        return STORE.types[VIDEO_TYPE](timestamp=time, frame_id="top", data=data, format=name)

    return images(make, rows)


def in_order(*parts: list[Message]) -> list[Message]:
    return sorted(itertools.chain(*parts), key=lambda message: message[1])


def write_bag(path: Path, messages: list[Message], version: int, plugin: StoragePlugin) -> None:
    """A rosbag2 folder as Humble (5) or Jazzy (9) write it."""
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        connections: dict[str, Any] = {}
        for topic, stamp_ns, message in messages:
            name = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, name, typestore=STORE)
            writer.write(connections[topic], stamp_ns, bytes(STORE.serialize_cdr(message, name)))
    if version == 5:
        as_humble(path)


def as_humble(path: Path) -> None:
    """Take away what Humble does not write: definitions of types. Source: rosbag2 0.15, `sqlite_storage.cpp`."""
    with closing(sqlite3.connect(next(path.glob("*.db3")))) as database, database:
        database.execute("DROP TABLE message_definitions")
        database.execute("UPDATE schema SET schema_version = 3, ros_distro = 'humble'")
    metadata = yaml.safe_load((path / "metadata.yaml").read_text())
    facts = metadata["rosbag2_bagfile_information"]
    facts["version"] = 5
    for topic in facts["topics_with_message_count"]:
        topic["topic_metadata"].pop("type_description_hash")
        topic["topic_metadata"]["offered_qos_profiles"] = ""
    facts.pop("ros_distro", None)
    (path / "metadata.yaml").write_text(yaml.safe_dump(metadata))


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "dataset"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[list[Message]], Path]:
    def write(messages: list[Message], name: str = "drive") -> Path:
        folder = tmp_path / "recordings"
        folder.mkdir(exist_ok=True)
        write_mcap(folder / f"{name}.mcap", messages, store=STORE)
        return folder

    return write


def centre(frame: NDArray[np.uint8]) -> float:
    """Column of the bright square's middle."""
    return float(np.flatnonzero(frame[30].astype(int).sum(axis=1) > 400).mean())


@pytest.mark.parametrize(
    ("version", "plugin"),
    [(5, StoragePlugin.SQLITE3), (9, StoragePlugin.SQLITE3), (9, StoragePlugin.MCAP)],
    ids=["humble-sqlite", "jazzy-sqlite", "jazzy-mcap"],
)
def test_rosbag2_folders_become_rows_with_the_time_of_what_they_show(
    tmp_path: Path, output: Path, version: int, plugin: StoragePlugin
) -> None:
    write_bag(tmp_path / "bag", in_order(joint_messages(), images(compressed("JPEG"))), version, plugin)
    report = convert(tmp_path / "bag", output, Options(config=config()))
    dataset = Dataset(output)
    assert (report.verdict, report.rows, report.frames) == ("PASS", ROWS, {CAMERA: ROWS})
    assert dataset.info.robot_type == "left+right"
    assert dataset.tasks == ["pick the red cube"]
    rows = dataset.episode(0)
    t = np.arange(ROWS) / RATE_HZ
    assert rows["observation.state"] == pytest.approx(np.stack([30 * t, 10 * t], axis=1), abs=1e-5)
    assert rows["action"] == pytest.approx(np.stack([20 * t, 100 * t], axis=1), abs=1e-5)
    assert dataset.info.features["timing.stamp_ns"].element_names == [JOINT_TOPIC, IMAGES]
    assert rows["timing.stamp_ns"][:, 1].tolist() == [stamp(row / RATE_HZ) for row in range(ROWS)]
    assert rows["timing.skew_s"].max() == 0
    centres = [centre(frame) for frame in dataset.frames(0, CAMERA)]
    assert centres == pytest.approx([3 * row + 9.5 for row in range(ROWS)], abs=1)  # columns 3 r to 3 r + 19


def test_elements_come_in_the_order_of_the_config_whoever_speaks_first(write: Any, output: Path) -> None:
    camera_first = in_order(images(compressed("JPEG")), joint_messages())
    assert camera_first[0][0] == IMAGES
    convert(write(camera_first), output, Options(config=config()))
    assert Dataset(output).info.features["timing.skew_s"].element_names == [JOINT_TOPIC, IMAGES]


@pytest.mark.parametrize(
    ("make", "type_name"),
    [(compressed("PNG"), "sensor_msgs/msg/CompressedImage"), (raw_image(), "sensor_msgs/msg/Image")],
    ids=["png", "raw"],
)
def test_png_and_raw_images_are_the_pictures_they_were(write: Any, output: Path, make: Any, type_name: str) -> None:
    convert(write(in_order(joint_messages(), images(make))), output, Options(config=config(type_name)))
    frames = Dataset(output).frames(0, CAMERA)
    assert np.abs(frames[7].astype(int) - picture(7)).mean() < 4


@pytest.mark.parametrize(("codec", "name"), [("libx264", "h264"), ("libx265", "hevc")])
def test_video_on_the_grid_is_copied_to_the_bit(write: Any, output: Path, codec: str, name: str) -> None:
    packets = video(codec)
    folder = write(in_order(joint_messages(), packets))
    convert(folder, output, Options(config=config(VIDEO_TYPE)))
    dataset = Dataset(output)
    assert dataset.info.features[CAMERA].info is not None
    assert dataset.info.features[CAMERA].info["video.codec"] == name
    decoder = av.CodecContext.create(name, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    source = [f for _, _, m in packets for f in decoder.decode(av.Packet(m.data.tobytes()))] + decoder.decode(None)
    expected = np.stack([frame.to_ndarray(format="rgb24") for frame in source])
    assert np.array_equal(dataset.frames(0, CAMERA), expected)


def test_video_off_the_grid_is_encoded_again(write: Any, output: Path) -> None:
    folder = write(in_order(joint_messages(), video("libx264")))
    convert(folder, output, Options(config=config(VIDEO_TYPE), rate_hz=5))
    dataset = Dataset(output)
    assert dataset.info.features[CAMERA].info is not None
    assert dataset.info.features[CAMERA].info["video.codec"] == "av1"
    centres = [centre(frame) for frame in dataset.frames(0, CAMERA)]
    assert centres == pytest.approx([6 * row + 9.5 for row in range(ROWS // 2)], abs=1)


def test_video_that_is_joined_between_keyframes_shows_each_row_its_own_frame(write: Any, output: Path) -> None:
    packets = video("libx264", gop=5)
    first = packets[0][2].data.tobytes()
    headers = b"".join(b"\0\0\0\1" + unit for unit in units(first) if unit[0] & 0x1F in (7, 8))  # ITU-T H.264 table 7-1
    joined = packets[2:]  # the decoder is silent until row 5
    joined[0][2].data = np.frombuffer(headers + joined[0][2].data.tobytes(), np.uint8)
    convert(
        write(in_order(joint_messages(), joined)),
        output,
        Options(config=config(VIDEO_TYPE), intervals=((1.2, 1.5),)),
    )
    centres = [centre(frame) for frame in Dataset(output).frames(0, CAMERA)]
    assert centres == pytest.approx([3 * row + 9.5 for row in range(12, 16)], abs=1)


@pytest.mark.parametrize(("how", "expected"), [("hold", 0.2), ("nearest", 0.4), ("linear", 0.31)])
def test_alignment_is_what_the_config_says(write: Any, output: Path, how: str, expected: float) -> None:
    early_ns = 11_000_000
    early = [(t, s - early_ns, joints(s - early_ns, list(m.position))) for t, s, m in joint_messages()]
    folder = write(in_order(early, images(compressed("JPEG"))))
    convert(folder, output, Options(config=config(how=how), rate_hz=50))
    # Row 1 is at 20 ms. Joints said 0.2 at 9 ms and 0.4 at 29 ms: 0.2 + 0.2 * 11 / 20 = 0.31.
    assert Dataset(output).episode(0)["observation.state"][1, 1] == pytest.approx(expected, abs=1e-5)


def test_a_topic_begins_and_ends_episodes(write: Any, output: Path) -> None:
    def mark(seconds: float, *, on: bool) -> Message:
        return MARKS, stamp(seconds), TYPES["std_msgs/msg/Bool"](data=on)

    marks = [mark(0.2, on=True), mark(0.6, on=False), mark(1.0, on=True), mark(1.8, on=False)]
    folder = write(in_order(joint_messages(), images(compressed("JPEG")), marks))
    convert(folder, output, Options(config=config(), markers=MARKS))
    dataset = Dataset(output)
    assert dataset.lengths == [5, 9]  # 0.2 to 0.6 s and 1.0 to 1.8 s at 10 Hz, both ends included
    assert centre(dataset.frames(1, CAMERA)[0]) == pytest.approx(3 * 10 + 9.5, abs=1)


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ([(0.1, True), (0.2, True)], "twice in a row"),
        ([(0.1, False)], "before it begins"),
        ([(0.1, True)], "does not end"),
        ([], "says nothing"),
    ],
)
def test_markers_that_make_no_episodes_are_named(write: Any, output: Path, marks: Any, message: str) -> None:
    said = [(MARKS, stamp(t), TYPES["std_msgs/msg/Bool"](data=on)) for t, on in marks]
    folder = write(in_order(joint_messages(), images(compressed("JPEG")), said))
    with pytest.raises(MarkersError, match=message):
        convert(folder, output, Options(config=config(), markers=MARKS))
    assert not output.exists()


def test_a_list_begins_and_ends_episodes(write: Any, output: Path, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[[0.0, 0.5], [1, 1.5]]")
    folder = write(in_order(joint_messages(), images(compressed("JPEG"))))
    convert(folder, output, Options(config=config(), intervals=read_intervals(tmp_path / "list.json")))
    assert Dataset(output).lengths == [6, 6]
    (tmp_path / "list.json").write_text("[[0.0, 0.5], [0.4, 1.5]]")
    with pytest.raises(IntervalsError, match="overlap"):
        read_intervals(tmp_path / "list.json")


@pytest.mark.parametrize("text", ["[[0.0, NaN]]", "[[0.0, Infinity]]"])
def test_an_interval_that_is_not_finite_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(IntervalsError, match="no list of pairs of numbers"):
        read_intervals(tmp_path / "list.json")


def test_appending_keeps_what_was_there_to_the_bit(write: Any, output: Path, tmp_path: Path) -> None:
    first = write(in_order(joint_messages(), images(compressed("JPEG"))))
    convert(first, output, Options(config=config()))
    before = Dataset(output).frames(0, CAMERA)
    second = tmp_path / "more"
    first.rename(second)
    report = convert(second, output, Options(config=config(), append=True))
    dataset = Dataset(output)
    assert (report.episodes, dataset.lengths) == (2, [ROWS, ROWS])
    assert np.array_equal(dataset.frames(0, CAMERA), before)
    assert len(dataset.required_provenance.episodes) == 2
    dataset.verify()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset", "more"]


def test_an_append_that_fails_leaves_the_dataset_as_it_was(write: Any, output: Path) -> None:
    good = in_order(joint_messages(), images(compressed("JPEG")))
    digest = convert(write(good), output, Options(config=config())).content
    folder = write(good[:-30], "later")
    write_mcap(folder / "later.mcap", in_order(joint_messages(), images(broken_jpeg)))
    with pytest.raises(ImageError):
        convert(folder, output, Options(config=config(), append=True))
    with pytest.raises(OtherDatasetError, match="rate and robot"):
        convert(folder, output, Options(config=config(), append=True, rate_hz=5))
    assert Dataset(output).verify() == digest
    assert [path.name for path in output.parent.iterdir() if path.name.startswith(".")] == []


def broken_jpeg(stamp_ns: int, row: int) -> Any:
    message = compressed("JPEG")(stamp_ns, row)
    if row == 4:
        data = message.data.copy()
        data[len(data) // 2 :] = 0
        return type(message)(header=message.header, format="jpeg", data=data)
    return message


def larger(stamp_ns: int, row: int) -> Any:
    return image(stamp_ns, 9, size=96) if row == 5 else image(stamp_ns, 9, size=64)


def jump(messages: list[Message]) -> list[Message]:
    """From the 41st message on, header time is 5 s ahead, log time goes on."""
    return [(t, s, joints(s + (i > 40) * 5 * 10**9, list(m.position))) for i, (t, s, m) in enumerate(messages)]


def twice(messages: list[Message]) -> list[Message]:
    return [*messages[:10], messages[9], *messages[10:]]


def not_a_number(messages: list[Message]) -> list[Message]:
    topic, s, _ = messages[12]
    return [*messages[:12], (topic, s, joints(s, [0, np.nan, 0])), *messages[13:]]


GOOD = images(compressed("JPEG"))
FAULTS: list[tuple[str, list[Message], type[Exception], str]] = [
    ("missing frames", in_order(joint_messages(), GOOD[:8] + GOOD[10:]), SkewError, r"/top/image: silent for 0\.2"),
    ("a topic that dies", in_order(joint_messages(0.5), GOOD), SkewError, r"/joint_states: silent for 1\.4"),
    ("duplicated stamps", in_order(twice(joint_messages()), GOOD), DuplicateStampError, "message 10 has the stamp of"),
    ("a clock jump", in_order(jump(joint_messages()), GOOD), ClockJumpError, "jumps ahead by 5 s at message 41"),
    ("NaN in a joint", in_order(not_a_number(joint_messages()), GOOD), NotFiniteError, "/joint_states: message 12"),
    ("a new image size", in_order(joint_messages(), images(larger)), ImageError, r"image 5: size is \(96, 96\)"),
    ("a broken JPEG", in_order(joint_messages(), images(broken_jpeg)), ImageError, "image 4: cannot be decoded"),
]


@pytest.mark.parametrize(("messages", "error", "message"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_planted_fault_is_named_and_leaves_nothing(
    write: Any, output: Path, messages: list[Message], error: type[Exception], message: str
) -> None:
    folder = write(messages)
    with pytest.raises(error, match=message) as caught:
        convert(folder, output, Options(config=config()))
    assert str(caught.value).startswith(str(folder / "drive.mcap"))
    assert list(output.parent.iterdir()) == [folder]


def test_a_wrong_encoding_is_named(write: Any, output: Path) -> None:
    folder = write(in_order(joint_messages(), images(raw_image("rgb42"))))
    with pytest.raises(ImageError, match=r"encoding 'rgb42' is unknown\. Known: rgb8, bgr8"):
        convert(folder, output, Options(config=config("sensor_msgs/msg/Image")))


def test_a_type_whose_definition_is_absent_is_named(tmp_path: Path, output: Path) -> None:
    messages = in_order(joint_messages(), images(compressed("JPEG")))
    write_mcap(tmp_path / "a.mcap", messages, define=lambda _text: "")
    with pytest.raises(UndefinedTypeError, match=r"/joint_states: type sensor_msgs/msg/JointState"):
        convert(tmp_path / "a.mcap", output, Options(config=config()))


def test_a_type_unknown_to_ros_is_named(tmp_path: Path, output: Path) -> None:
    write_bag(tmp_path / "bag", in_order(joint_messages(), video("libx264")), 5, StoragePlugin.SQLITE3)
    with pytest.raises(UndefinedTypeError, match="foxglove_msgs/msg/CompressedVideo: has no definition"):
        convert(tmp_path / "bag", output, Options(config=config(VIDEO_TYPE)))


def test_rules_of_one_feature_on_one_topic_are_joined_in_their_order(write: Any, output: Path) -> None:
    rules = tuple(
        FeatureRule(feature="action", fields=(field,), names=(name,))
        for field, name in (("position[2]", "wrist"), ("position[0]", "shoulder"))
    )
    topics = (TopicRule(topic=JOINT_TOPIC, type=JOINT_STATE, rate_hz=50, features=rules),)
    convert(write(joint_messages()), output, Options(config=config(topics=topics)))
    both = (TopicRule(topic=JOINT_TOPIC, type=JOINT_STATE, rate_hz=50, features=(one_rule(),)),)
    convert(write(joint_messages()), output.with_name("one"), Options(config=config(topics=both)))
    dataset = Dataset(output)
    assert dataset.info.features["action"].element_names == ["wrist", "shoulder"]
    assert np.array_equal(dataset.episode(0)["action"], Dataset(output.with_name("one")).episode(0)["action"])


def one_rule() -> FeatureRule:
    return FeatureRule(feature="action", fields=("position[2]", "position[0]"), names=("wrist", "shoulder"))


def test_a_path_that_leads_nowhere_is_named(write: Any, output: Path) -> None:
    rule = FeatureRule(feature="action", fields=("pose.position.x",))
    topics = (TopicRule(topic=JOINT_TOPIC, type=JOINT_STATE, features=(rule,)),)
    with pytest.raises(FieldError, match=r"/joint_states: pose\.position\.x: there is no 'pose'"):
        convert(write(joint_messages()), output, Options(config=config(topics=topics)))
    knee = FeatureRule(feature="action", fields=("position",), keys=("knee",))
    topics = (TopicRule(topic=JOINT_TOPIC, type=JOINT_STATE, features=(knee,)),)
    with pytest.raises(FieldError, match="no element 'knee'; there are shoulder, elbow, wrist"):
        convert(write(joint_messages()), output, Options(config=config(topics=topics)))


def test_what_a_dataset_cannot_hold_is_named(write: Any, output: Path, tmp_path: Path) -> None:
    folder = write(in_order(joint_messages(), images(compressed("JPEG"))))
    with pytest.raises(NeedsConfigError):
        convert(folder, output)
    (tmp_path / "bag").mkdir()
    (tmp_path / "bag" / "metadata.yaml").write_text("nonsense")
    with pytest.raises(NoBagError):
        convert(tmp_path / "bag", output, Options(config=config()))


def test_a_frame_that_is_lost_on_the_way_is_found(write: Any, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ClipEncoder.add

    def forgetful(self: ClipEncoder, frame: av.VideoFrame) -> None:
        if self.frames != 12 or getattr(self, "forgot", False):
            real(self, frame)
        else:
            self.forgot = True  # type: ignore[attr-defined]

    monkeypatch.setattr(ClipEncoder, "add", forgetful)
    folder = write(in_order(joint_messages(), images(compressed("JPEG"))))
    with pytest.raises(FrameLossError, match=rf"drive\.mcap: episode 0, {CAMERA}, row 1\d:"):
        convert(folder, output, Options(config=config()))
    assert list(output.parent.iterdir()) == [folder]


def test_another_picture_in_a_row_is_found(write: Any, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ClipEncoder.add

    def blank(self: ClipEncoder, frame: av.VideoFrame) -> None:
        grey = av.VideoFrame.from_ndarray(np.full((64, 96, 3), 255, np.uint8), format="rgb24")
        real(self, grey if self.frames == 10 else frame)

    monkeypatch.setattr(ClipEncoder, "add", blank)
    folder = write(in_order(joint_messages(), images(compressed("JPEG"))))
    with pytest.raises(FrameLossError, match="row 10: PSNR to its source is"):
        convert(folder, output, Options(config=config()))


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (flipped, "row 7: copied frame differs from its source"),
        (lambda _data: b"", "row 7:"),  # MP4 takes no empty packet
    ],
    ids=["a bit flips", "a frame is lost"],
)
def test_a_copied_frame_that_is_another_is_found(
    write: Any, output: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes], message: str
) -> None:
    made = itertools.count()

    def packet(data: bytes) -> av.Packet:
        return av.Packet(change(data) if next(made) == 7 else data)

    monkeypatch.setattr("physai.data_pipeline.convert.remux.Packet", packet)
    folder = write(in_order(joint_messages(), video("libx264")))
    with pytest.raises(FrameLossError, match=message):
        convert(folder, output, Options(config=config(VIDEO_TYPE)))
    assert list(output.parent.iterdir()) == [folder]


@pytest.mark.parametrize("gop", [5, ROWS])
def test_statistics_of_copied_video_are_of_its_keyframes_or_of_all_frames(write: Any, output: Path, gop: int) -> None:
    convert(write(in_order(joint_messages(), video("libx264", gop=gop))), output, Options(config=config(VIDEO_TYPE)))
    stats = Dataset(output).episode_stats(0, CAMERA)
    assert stats is not None
    assert stats["count"].tolist() == [4 if gop == 5 else ROWS]  # 2 s of video: four keyframes, or one too few
    assert stats["mean"].ravel() == pytest.approx(
        np.stack([picture(r) for r in range(ROWS)]).mean((0, 1, 2)) / 255, abs=0.01
    )


def test_a_camera_that_is_slow_makes_the_reader_wait(write: Any, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = Camera._take

    def slow(self: Camera, number: int, raw: Any) -> None:
        sizes.append(self._waiting.qsize())
        real(self, number, raw)

    monkeypatch.setattr(Camera, "_take", slow)
    convert(write(in_order(joint_messages(), images(compressed("JPEG")))), output, Options(config=config()))
    assert len(sizes) == ROWS
    assert max(sizes) <= 8


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    done = subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("this machine lets nobody mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_named_and_leaves_nothing(write: Any, small_disk: Path) -> None:
    folder = write(in_order(joint_messages(), images(compressed("JPEG"))))
    with pytest.raises(OSError, match=r"No space left"):
        convert(folder, small_disk / "dataset", Options(config=config()))
    assert [path for path in small_disk.iterdir() if not path.name.startswith(".")] == []


def test_the_report_tells_pass_and_fail(write: Any, output: Path, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(config().model_dump_json())
    folder = write(in_order(joint_messages(), images(compressed("JPEG"))))
    words = ["convert", "run", str(folder), "--output", str(output), "--config", str(tmp_path / "c.json")]
    done = CliRunner().invoke(app, [*words, "--report", str(tmp_path / "report")], catch_exceptions=False)
    assert done.exit_code == 0
    page = (tmp_path / "report" / "report.html").read_text()
    assert '<span class="verdict PASS">PASS</span>' in page
    assert "<h1>1 episode, 20 rows at" in page
    assert "20 frames of <code>observation.images." in page
    assert page.count("<td>at their times</td>") == 2  # joints and camera: all stamps are those of the rows
    (tmp_path / "notes.txt").write_text("mine")
    refused = CliRunner().invoke(app, [*words[:4], str(tmp_path / "no"), "--report", str(tmp_path / "notes.txt")])
    assert refused.exit_code == 2
    assert not (tmp_path / "no").exists()
    write(in_order(joint_messages(), images(broken_jpeg)))
    words[4] = str(tmp_path / "other")
    assert CliRunner().invoke(app, [*words, "--report", str(tmp_path / "report")]).exit_code == 1
    assert "image 4: cannot be decoded" in (tmp_path / "report" / "report.html").read_text()
