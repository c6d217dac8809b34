"""Depth cameras of recordings, in every form in which ROS sends them, and what can be wrong with them."""

import struct
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from physai.data_pipeline.benchmark import drive
from physai.data_pipeline.convert.convert import convert
from physai.data_pipeline.convert.errors import FrameLossError, ImageError, MixedEpisodesError, OtherDatasetError
from physai.data_pipeline.convert.film import Distances
from physai.data_pipeline.convert.rules import Options
from physai.data_pipeline.tests.convert_recordings import START_NS, TYPES, header, image, joints, write_mcap
from physai.infrastructure.contracts import FeatureRule, RecordingConfig, TopicRule
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.depth import LEROBOT

DEPTH = "observation.images.depth"
TOPIC, ROWS, RATE_HZ = "/depth/image_raw", 8, 10
RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
Form = Callable[[int, NDArray[np.uint16]], Any]


def config(type_name: str = RAW, **rule: Any) -> RecordingConfig:
    numbers = (
        FeatureRule(feature="observation.state", fields=("position",)),
        FeatureRule(feature="action", fields=("velocity",)),
    )
    depth = FeatureRule(**{"feature": DEPTH, "dtype": "depth", **rule})
    return RecordingConfig(
        robots=("arm",),
        task="pick",
        rate_hz=RATE_HZ,
        output="x",
        topics=(
            TopicRule(topic="/joints", type="sensor_msgs/msg/JointState", rate_hz=RATE_HZ, features=numbers),
            TopicRule(topic=TOPIC, type=type_name, rate_hz=RATE_HZ, features=(depth,)),
        ),
    )


def distances_mm(row: int) -> NDArray[np.uint16]:
    """A slope of 0.3 to 9 m that comes nearer, with a hole of which nothing was measured."""
    slope = np.linspace(300, 9000, 40 * 50).reshape(40, 50).round() - 10 * row
    slope[4:8, 4:8] = 0
    return slope.astype(np.uint16)


def raw(encoding: str, *, big: bool = False, padding: int = 0) -> Form:
    def message(stamp_ns: int, depth: NDArray[np.uint16]) -> Any:
        kind = ("f4" if encoding == "32FC1" else "u2") if encoding != "rgb8" else "u1"
        values = np.where(depth > 0, depth / 1000, np.nan) if encoding == "32FC1" else depth
        values = np.repeat(values[..., None] // 256, 3, axis=-1) if encoding == "rgb8" else values
        lines = values.astype((">" if big else "<") + kind).reshape(len(values), -1).view(np.uint8)
        lines = np.pad(lines, ((0, 0), (0, padding)))
        return TYPES[RAW](
            header=header(stamp_ns),
            height=depth.shape[0],
            width=depth.shape[1],
            encoding=encoding,
            is_bigendian=int(big),
            step=lines.shape[1],
            data=lines.ravel(),
        )

    return message


def png(values: NDArray[Any]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def compressed(told: str, before: bytes = b"", change: Callable[[NDArray[Any]], NDArray[Any]] = lambda d: d) -> Form:
    def message(stamp_ns: int, depth: NDArray[np.uint16]) -> Any:
        data = np.frombuffer(before + png(change(depth)), np.uint8)
        return TYPES[COMPRESSED](header=header(stamp_ns), format=told, data=data)

    return message


FACTOR, OFFSET = 100.0 * 101.0, 1.0 - 100.0 * 101.0 / 10.0  # of the transport, by its defaults: quantisation 100, 10 m


def inverse(depth: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Inverse depth as compressed_depth_image_transport makes it of 32FC1."""
    with np.errstate(divide="ignore"):
        return np.where(depth > 0, FACTOR / (depth / 1000) + OFFSET, 0).astype(np.uint16)


def messages(form: Form, rows: range = range(ROWS), size: slice = slice(None)) -> list[tuple[str, int, Any]]:
    found = []
    for row in rows:
        stamp_ns = START_NS + row * 10**9 // RATE_HZ
        found.append(("/joints", stamp_ns, joints(stamp_ns, [row, row + 0.1, row + 0.2])))
        found.append((TOPIC, stamp_ns, form(stamp_ns, distances_mm(row)[size])))
    return found


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[..., Dataset]]:
    def convert_(form: Form, asked: RecordingConfig | None = None, **options: Any) -> Dataset:
        write_mcap(tmp_path / "bag.mcap", messages(form))
        report = convert(tmp_path / "bag.mcap", tmp_path / "ds", Options(config=asked or config(), **options))
        assert report.frames == {DEPTH: ROWS}
        return Dataset(tmp_path / "ds")

    yield convert_
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def close(dataset: Dataset, within_m: float = 0.0) -> None:
    """Every pixel of every row is within half a step of its source."""
    source = np.stack([LEROBOT.within(distances_mm(row)) for row in range(ROWS)])
    found = dataset.depth(0, DEPTH)
    assert (np.abs(found - source) <= 0.51 * LEROBOT.step_m(source) + within_m).all()


@pytest.mark.parametrize(
    ("form", "unit"),
    [
        (raw("16UC1"), "mm"),
        (raw("16UC1", big=True), "mm"),
        (raw("mono16", padding=12), "mm"),
        (raw("32FC1"), "m"),
        (raw("32FC1", big=True, padding=8), "m"),
    ],
)
def test_raw_depth_comes_back_within_half_a_step(made: Callable[..., Dataset], form: Form, unit: str) -> None:
    dataset = made(form)
    close(dataset)
    feature = dataset.info.features[DEPTH]
    assert (feature.shape, feature.depth_unit, feature.is_depth) == ((40, 50, 1), unit, True)


@pytest.mark.parametrize("told", ["png", "16UC1; png compressed "])
def test_png_of_16_bits_is_depth_in_mm(made: Callable[..., Dataset], told: str) -> None:
    close(made(compressed(told), config(COMPRESSED)))


def test_compressed_depth_of_mm_is_as_it_was(made: Callable[..., Dataset]) -> None:
    close(made(compressed("16UC1; compressedDepth png", struct.pack("<iff", 0, 0, 0)), config(COMPRESSED)))


def test_compressed_depth_of_metres_is_turned_back_from_its_inverse(made: Callable[..., Dataset]) -> None:
    form = compressed("32FC1; compressedDepth", struct.pack("<iff", 0, FACTOR, OFFSET), inverse)
    dataset = made(form, config(COMPRESSED))
    assert dataset.info.features[DEPTH].depth_unit == "m"
    # One level of inverse depth at 9 m: 9**2 / 10100 = 8 mm, which is what the transport lost
    close(dataset, 0.0081)


def test_statistics_are_of_the_source_in_its_unit(made: Callable[..., Dataset]) -> None:
    stats = made(raw("16UC1")).episode_stats(0, DEPTH)
    source = np.stack([distances_mm(row) for row in range(ROWS)])
    assert stats is not None
    assert stats["max"].item() == 9000
    assert stats["min"].item() == 0
    assert stats["mean"].item() == pytest.approx(source.mean())


def test_a_row_shows_the_nearest_depth_image_as_it_does_any_other(tmp_path: Path) -> None:
    every = [m for m in messages(raw("16UC1")) if m[0] != TOPIC or (m[1] - START_NS) // 10**8 % 2 == 0]
    write_mcap(tmp_path / "bag.mcap", every)
    report = convert(tmp_path / "bag.mcap", tmp_path / "ds", Options(config=config(), max_skew_s=0.15))
    found = Dataset(tmp_path / "ds").depth(0, DEPTH)
    assert report.frames == {DEPTH: 7}
    assert np.array_equal(found[2], found[3])
    assert not np.array_equal(found[1], found[2])


@pytest.mark.parametrize(
    ("form", "type_name", "detail"),
    [
        (raw("rgb8"), RAW, "image 0: encoding 'rgb8' is no depth. Known: 16UC1, mono16, 32FC1; colours are"),
        (lambda stamp, _: image(stamp, 9), COMPRESSED, "image 0: is no PNG, though it says 'jpeg'"),
        (
            compressed("png", change=lambda d: np.zeros((*d.shape, 3), np.uint8)),
            COMPRESSED,
            "image 0: PNG holds rgb24, depth is 16 bits of grey",
        ),
        (
            lambda stamp, _: TYPES[COMPRESSED](
                header=header(stamp), format="16UC1; compressedDepth rvl", data=np.zeros(40, np.uint8)
            ),
            COMPRESSED,
            "is no PNG, though it says '16UC1; compressedDepth rvl'. Publish depth as PNG",
        ),
        (compressed("8UC1; compressedDepth", bytes(12)), COMPRESSED, "encoding '8UC1' is no depth"),
    ],
)
def test_what_is_no_depth_is_named(tmp_path: Path, form: Form, type_name: str, detail: str) -> None:
    write_mcap(tmp_path / "bag.mcap", messages(form))
    with pytest.raises(ImageError, match=f"{TOPIC}: .*{detail}"):
        convert(tmp_path / "bag.mcap", tmp_path / "ds", Options(config=config(type_name)))
    assert [path.name for path in tmp_path.iterdir()] == ["bag.mcap"]


@pytest.mark.parametrize(
    ("form", "type_name", "told"),
    [
        (raw("16UC1"), RAW, "16UC1"),
        (raw("32FC1"), RAW, "32FC1"),
        (compressed("png"), COMPRESSED, "png"),
        (compressed("16UC1; compressedDepth", bytes(12)), COMPRESSED, "16UC1; compressedDepth"),
    ],
)
def test_depth_that_the_config_calls_colour_is_refused(tmp_path: Path, form: Form, type_name: str, told: str) -> None:
    write_mcap(tmp_path / "bag.mcap", messages(form))
    with pytest.raises(ImageError, match=f"'{told}' is depth, not colour. Write `dtype: depth`"):
        convert(tmp_path / "bag.mcap", tmp_path / "ds", Options(config=config(type_name, dtype="video")))


def test_images_in_another_unit_than_declared_are_refused(tmp_path: Path) -> None:
    write_mcap(tmp_path / "bag.mcap", messages(raw("32FC1")))
    with pytest.raises(ImageError, match="is in m, expected mm"):
        convert(tmp_path / "bag.mcap", tmp_path / "ds", Options(config=config(unit="mm")))


@pytest.mark.parametrize(
    ("second", "detail"),
    [
        (messages(raw("32FC1"), range(4, ROWS)), "image 4: is in m, expected mm"),
        (
            messages(raw("16UC1"), range(4, ROWS), slice(0, 36)),
            r"image 4: size is \(36, 50\), the first was \(40, 50\)",
        ),
    ],
)
def test_a_unit_or_size_that_changes_in_the_middle_is_named(tmp_path: Path, second: Any, detail: str) -> None:
    write_mcap(tmp_path / "bag.mcap", [*messages(raw("16UC1"), range(4)), *second])
    with pytest.raises(ImageError, match=detail):
        convert(tmp_path / "bag.mcap", tmp_path / "ds", Options(config=config()))


def test_a_clip_that_holds_other_distances_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def farther(_: Distances, source: NDArray[Any]) -> av.VideoFrame:
        return av.VideoFrame.from_ndarray(LEROBOT.codes(source + np.uint16(5)), format="gray12le")

    monkeypatch.setattr(Distances, "ready", farther)
    write_mcap(tmp_path / "bag.mcap", messages(raw("16UC1")))
    with pytest.raises(FrameLossError, match=r"episode 0, .*depth, row 0: pixel \(.*more than half a step"):
        convert(tmp_path / "bag.mcap", tmp_path / "ds", Options(config=config()))
    assert not (tmp_path / "ds").exists()


def test_metres_are_not_mixed_with_millimetres(tmp_path: Path) -> None:
    folder = tmp_path / "bags"
    folder.mkdir()
    write_mcap(folder / "a.mcap", messages(raw("16UC1")))
    write_mcap(folder / "b.mcap", messages(raw("32FC1")))
    with pytest.raises(MixedEpisodesError, match=r"'m'.*'mm'"):
        convert(folder, tmp_path / "ds", Options(config=config()))
    convert(folder / "a.mcap", tmp_path / "ds", Options(config=config()))
    with pytest.raises(OtherDatasetError, match=r"'mm'.*'m'"):
        convert(folder / "b.mcap", tmp_path / "ds", Options(config=config(), append=True))
    report = convert(folder / "a.mcap", tmp_path / "ds", Options(config=config(), append=True))
    assert report.frames == {DEPTH: 2 * ROWS}


def test_what_lies_beyond_the_scale_is_told(tmp_path: Path) -> None:
    far = messages(lambda stamp, depth: raw("16UC1")(stamp, (depth + 4000).astype(np.uint16)))
    write_mcap(tmp_path / "bag.mcap", far)
    report = convert(tmp_path / "bag.mcap", tmp_path / "ds", Options(config=config()))
    assert report.verdict == "WARN"
    assert report.reasons == (f"bag.mcap: {DEPTH} saw as far as 13.0 m, LeRobot's scale ends at 10 m",)


def test_a_camera_and_a_topic_of_pictures_are_there_once() -> None:
    for topics, detail in (
        ((config().topics[1], config().topics[1].model_copy(update={"topic": "/other"})), f"camera '{DEPTH}' is there"),
        ((TopicRule(topic=TOPIC, type=RAW, features=config().topics[1].features * 2),), f"picture of topic '{TOPIC}'"),
    ):
        with pytest.raises(ValidationError, match=detail):
            RecordingConfig(robots=("arm",), task="pick", rate_hz=RATE_HZ, output="x", topics=topics)


def test_a_depth_rule_has_no_fields_and_a_unit_of_length() -> None:
    for wrong in ({"fields": ("data",)}, {"unit": "inch"}):
        with pytest.raises(ValidationError, match="depth has no `fields`, and its `unit` is m or mm"):
            config(**wrong)


def test_depth_as_the_benchmark_has_it_comes_back_within_half_a_step(tmp_path: Path) -> None:
    drive.write(tmp_path / "drive.mcap", "depth", 6)
    convert(tmp_path / "drive.mcap", tmp_path / "ds", Options(config=drive.config("depth")))
    for number, camera in enumerate(drive.CAMERAS):
        found = Dataset(tmp_path / "ds").depth(0, f"observation.images.{camera}")
        wanted = LEROBOT.within(np.stack([drive.depth(number, row) for row in range(6)]))
        assert (np.abs(found - wanted) <= 0.51 * LEROBOT.step_m(wanted)).all()
