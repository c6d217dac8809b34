import itertools
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from physai.data_pipeline.cli import app
from physai.data_pipeline.convert.bag import open_bag
from physai.data_pipeline.convert.convert import convert
from physai.data_pipeline.convert.episode import align
from physai.data_pipeline.convert.errors import (
    ChangedRecordingError,
    ClockError,
    ImageError,
    JointsError,
    MessagesError,
    MissingTopicError,
    MixedEpisodesError,
    NoEpisodesError,
    NotFiniteError,
    NoVelocitiesError,
    OutcomeError,
    RateError,
    RecordingError,
    SkewError,
    TooShortError,
    TornRecordingError,
    UndefinedTypeError,
)
from physai.data_pipeline.convert.rules import Options, simulated
from physai.data_pipeline.convert.scan import Scan
from physai.data_pipeline.tests.convert_recordings import (
    JOINTS,
    Tape,
    image,
    joints,
    outcome,
    pose,
    write_episode,
    write_mcap,
    write_sidecar,
)
from physai.infrastructure.contracts import ContractError, RawEpisode
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.errors import MissingFileError

CAMERA = "observation.images.top"
IMAGES = "/camera/top/image/compressed"


@pytest.fixture
def episodes(tmp_path):
    return tmp_path / "episodes"


@pytest.fixture
def output(tmp_path):
    return tmp_path / "dataset"


def test_recordings_become_the_rows_they_were(episodes, output):
    paths = [write_episode(episodes, 0, Tape(rows=12, seed=3)), write_episode(episodes, 1, Tape(rows=7, seed=4))]
    report = convert(episodes, output)
    dataset = Dataset(output)
    assert (report.episodes, report.rows, report.rate_hz) == (2, 19, 20)
    assert report.frames == {CAMERA: 19}
    assert max(report.worst_skew_s.values()) == 0
    assert dataset.lengths == [12, 7]
    assert dataset.tasks == ["Reach", "Reach"]
    first = dataset.episode(0)
    row = np.arange(12, dtype=np.float32)
    assert np.array_equal(first["observation.state"], row[:, None] + np.array([0, 0.1, 0.2], np.float32))
    assert np.array_equal(first["action"], np.repeat(row[:, None] + 1, 3, axis=1))
    assert np.array_equal(first["observation.environment_state"][5], np.float32([3, 0.2, 0.3, 0, 0, 0.6, 0.8]))
    levels = dataset.frames(0, CAMERA).mean(axis=(1, 2, 3))
    assert np.abs(levels - 10 * row).max() < 2  # row r shows level 10 r
    assert dataset.info.features["observation.state"].element_names == JOINTS
    names = dataset.info.features["observation.environment_state"].element_names
    assert names == ["x", "y", "z", "qx", "qy", "qz", "qw"]
    sources = dataset.required_provenance.episodes
    assert [source.source for source in sources] == [RawEpisode.read(p.with_suffix(".json")).content for p in paths]
    assert [source.seed for source in sources] == [3, 4]
    assert dataset.verify() == report.content


def test_velocities_are_added_when_asked_for(episodes, output):
    write_episode(episodes, 0, Tape())
    convert(episodes, output, Options(velocities=True))
    dataset = Dataset(output)
    assert dataset.info.features["observation.state"].element_names == [*JOINTS, *(f"{j}.velocity" for j in JOINTS)]
    assert dataset.episode(0)["observation.state"][2] == pytest.approx([2, 2.1, 2.2, 20, 21, 22])


def test_velocities_that_were_not_recorded_are_missed(episodes, output):
    still = replaced("/joint_states", 4, lambda stamp: joints(stamp, [4, 4.1, 4.2], velocity=False))
    write_episode(episodes, 0, Tape(damage=still))
    with pytest.raises(NoVelocitiesError, match="Convert without --velocities"):
        convert(episodes, output, Options(velocities=True))
    assert convert(episodes, output).rows == 12


def test_a_recording_without_a_camera_is_a_dataset_without_video(episodes, output):
    write_episode(episodes, 0, Tape(camera=None))
    assert convert(episodes, output).frames == {}
    assert Dataset(output).info.video_path is None


def test_a_lower_rate_takes_every_second_message(episodes, output):
    write_episode(episodes, 0, Tape(rows=11))
    convert(episodes, output, Options(rate_hz=10))
    assert Dataset(output).episode(0)["action"][:, 0].tolist() == [1, 3, 5, 7, 9, 11]


def slow_camera(messages):
    """Every second image is not there."""
    images = itertools.count()
    return [m for m in messages if m[0] != IMAGES or next(images) % 2 == 0]


def test_a_slower_camera_is_held(episodes, output):
    write_episode(episodes, 0, Tape(rows=9, damage=slow_camera))
    report = convert(episodes, output)
    assert report.worst_skew_s[IMAGES] == pytest.approx(0.05)  # one row of 20 Hz
    levels = Dataset(output).frames(0, CAMERA).mean(axis=(1, 2, 3))
    assert np.abs(levels - [0, 0, 20, 20, 40, 40, 60, 60, 80]).max() < 2


def replaced(topic, number, message):
    """Damage: the message `number` of a topic is another; `message` is made from the header time."""

    def damage(messages):
        counter = itertools.count()
        return [(t, s, message(s) if t == topic and next(counter) == number else m) for t, s, m in messages]

    return damage


def without(topic, numbers=None):
    """Damage: a topic, or some of its messages, are not there."""

    def damage(messages):
        counter = itertools.count()
        return [m for m in messages if m[0] != topic or (numbers is not None and next(counter) not in numbers)]

    return damage


DAMAGES = [
    (without("/joint_states"), MissingTopicError, "no message on /joint_states; topics: /camera/top"),
    (without("/joint_command"), MissingTopicError, "no message on /joint_command"),
    (without("/target_pose"), MissingTopicError, "no message on /target_pose"),
    (
        without(IMAGES, {5, 6}),
        SkewError,
        r"silent for 0\.1000 s while others speak, allowed 0\.0750 s",
    ),
    (without("/joint_states", range(8, 50)), SkewError, r"/joint_states: silent for 0\.2000 s"),  # rows 8 to 11
    (without("/joint_states", range(1, 50)), TooShortError, "1 on /joint_states"),
    (replaced("/joint_states", 4, lambda s: joints(s - 10**9, [0, 0, 0])), ClockError, "goes back by 0.95 s"),
    (replaced("/joint_states", 4, lambda s: joints(s, [0, np.nan, 0])), NotFiniteError, "message 4"),
    (replaced("/target_pose", 2, lambda s: pose(s, np.inf)), NotFiniteError, "/target_pose: message 2"),
    (replaced("/joint_states", 4, lambda s: joints(s, [0, 0, 0], JOINTS[::-1])), JointsError, "wrist, elbow, shoulder"),
    (replaced("/joint_command", 4, lambda s: joints(s, [0, 0])), JointsError, "/joint_command"),
    (replaced(IMAGES, 4, lambda s: image(s, 0, size=80)), ImageError, r"image 4: size is \(80, 80\)"),
    (
        replaced("/episode/outcome", 0, lambda _: outcome("failure")),
        OutcomeError,
        "says 'failure', its sidecar 'success'",
    ),
    (lambda messages: messages[:4], TooShortError, "1 on /camera/top"),
]


@pytest.mark.parametrize(("damage", "error", "message"), DAMAGES)
def test_an_unfit_recording_is_named_and_leaves_nothing(episodes, output, damage, error, message):
    write_episode(episodes, 0, Tape())
    path = write_episode(episodes, 1, Tape(damage=damage))
    with pytest.raises(error, match=message) as caught:
        convert(episodes, output)
    assert str(caught.value).startswith(str(path))
    assert list(output.parent.iterdir()) == [episodes]


def no_image(stamp_ns):
    message = image(stamp_ns, 0)
    return type(message)(header=message.header, format="jpeg", data=np.zeros(40, np.uint8))


def test_an_image_that_is_no_image_is_named(episodes, output):
    write_episode(episodes, 0, Tape(damage=replaced(IMAGES, 3, no_image)))
    with pytest.raises(ImageError, match="image 3: cannot be decoded"):
        convert(episodes, output)


def test_a_message_of_another_type_is_named(episodes, output):
    def wrong_type(messages):
        return [(t, s, pose(s, 0) if t == "/joint_states" else m) for t, s, m in messages]

    write_episode(episodes, 0, Tape(damage=wrong_type))
    with pytest.raises(
        UndefinedTypeError, match=r"/joint_states: type geometry_msgs/msg/PoseStamped: expected sensor_msgs"
    ):
        convert(episodes, output)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoding": "ros2idl"}, "schema encoding ros2idl"),
        ({"define": lambda text: text.partition("=" * 80)[0]}, "cannot be decoded"),  # the header's type is not defined
        ({"define": lambda text: text.replace("float64[] position", "nothing")}, "type sensor_msgs/msg/JointState"),
    ],
)
def test_a_type_that_the_file_does_not_define_is_named(episodes, output, change, message):
    path = write_episode(episodes, 0, Tape())
    write_mcap(path, Tape().messages(), **change)
    write_sidecar(path, Tape().messages(), Tape())
    with pytest.raises(UndefinedTypeError, match=message):
        convert(episodes, output)


@pytest.mark.parametrize("keep", [0, 7, 100, 5000, -1, -30])
def test_a_torn_recording_is_named(episodes, output, keep):
    path = write_episode(episodes, 0, Tape())
    path.write_bytes(path.read_bytes()[:keep])
    tape = Tape()
    write_sidecar(path, tape.messages(), tape)  # even if the sidecar was written after the damage
    with pytest.raises(TornRecordingError, match=r"episode-000000\.mcap: not a whole MCAP file"):
        convert(episodes, output)


def test_a_flipped_byte_is_not_the_recording_of_the_sidecar(episodes, output):
    path = write_episode(episodes, 0, Tape())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ChangedRecordingError, match="its sidecar says sha256:"):
        convert(episodes, output)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_flipped_byte_changes_a_value_unnoticed(tmp_path_factory, data):
    path = write_episode(tmp_path_factory.mktemp("flip"), 0, Tape(rows=3))
    config = simulated(RawEpisode.read(path.with_suffix(".json")), velocities=False)
    whole, images = read_all(path, config)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        read, images_read = read_all(path, config)
    except RecordingError:
        return
    for name, values in whole.columns.items():
        assert np.array_equal(read.columns[name], values)
    assert images_read == images


def read_all(path, config):
    """The rows of a recording, and the bytes of its images."""
    bag = open_bag(path)
    rows = align(Scan(bag, config), 20, None, max_skew_s=None, timing=False)
    return rows, [raw.data for raw in bag.messages(lambda topic: topic == IMAGES)]


def test_damaged_recordings_are_left_out_when_asked(episodes, output):
    write_episode(episodes, 0, Tape(damage=without("/joint_states")))
    write_episode(episodes, 1, Tape(seed=1))
    report = convert(episodes, output, Options(skip_damaged=True))
    assert report.episodes == 1
    assert [dropped.reason for dropped in report.dropped] == [
        "no message on /joint_states; topics: /camera/top/image/compressed, /joint_command, /target_pose"
    ]
    assert Dataset(output).required_provenance.dropped == report.dropped


def test_nothing_fit_is_an_error(episodes, output):
    write_episode(episodes, 0, Tape(damage=without("/joint_states")))
    with pytest.raises(NoEpisodesError, match="all 1 recordings are damaged"):
        convert(episodes, output, Options(skip_damaged=True))


def test_no_episodes_is_an_error(tmp_path, output):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(NoEpisodesError, match="capture record"):
            convert(folder, output)


@pytest.mark.parametrize(("suffix", "missing"), [(".json", "sidecar"), (".mcap", "recording")])
def test_half_an_episode_is_named(episodes, output, suffix, missing):
    write_episode(episodes, 0, Tape())
    write_episode(episodes, 1, Tape()).with_suffix(suffix).unlink()
    with pytest.raises(MissingFileError, match=f"no {missing} here"):
        convert(episodes, output)


def test_messages_are_as_many_as_the_sidecar_says(episodes, output):
    write_episode(episodes, 0, Tape(), messages={"/joint_states": 13})
    with pytest.raises(MessagesError, match="/joint_states: 12 messages, its sidecar says 13"):
        convert(episodes, output)


def test_a_broken_sidecar_is_named(episodes, output):
    path = write_episode(episodes, 0, Tape()).with_suffix(".json")
    path.write_text(path.read_text().replace('"version": 1', '"version": 9'))
    with pytest.raises(ContractError, match="version"):
        convert(episodes, output)


@pytest.mark.parametrize(
    ("sidecar", "what"), [({"robot": "other"}, "robot"), ({"task": "Lift"}, "task"), ({"rate_hz": 10.0}, "rate_hz")]
)
def test_episodes_that_do_not_belong_together_are_refused(episodes, output, sidecar, what):
    write_episode(episodes, 0, Tape())
    write_episode(episodes, 1, Tape(), **sidecar)
    with pytest.raises(MixedEpisodesError, match=what):
        convert(episodes, output)


@pytest.mark.parametrize("file", ["../other.mcap", "/etc/passwd", ""])
def test_a_sidecar_that_names_a_file_elsewhere_is_refused(episodes, output, file):
    write_episode(episodes, 0, Tape())
    sidecar = episodes / "episode-000000.json"
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | {"file": file}))
    with pytest.raises(ContractError, match=r"episode-000000\.json.*file"):
        convert(episodes, output)


def test_a_camera_that_is_missing_in_one_episode_is_refused(episodes, output):
    write_episode(episodes, 0, Tape())
    write_episode(episodes, 1, Tape(camera=None))
    with pytest.raises(MixedEpisodesError, match=r"feature 'observation\.images\.top'"):
        convert(episodes, output)


@pytest.mark.parametrize("rate_hz", [0.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(episodes, output, rate_hz):
    write_episode(episodes, 0, Tape())
    with pytest.raises(RateError, match="is not a whole number from 1 on"):
        convert(episodes, output, Options(rate_hz=rate_hz))


def test_a_rate_lerobot_cannot_store_is_refused(episodes, output):
    write_episode(episodes, 0, Tape(rate_hz=12.5))
    with pytest.raises(RateError, match="--rate-hz 12"):
        convert(episodes, output)


KILLED = """
import sys, time
from pathlib import Path
from physai.data_pipeline.convert.convert import convert

def slowly(episodes):
    for number, episode in enumerate(episodes):
        if number == 2:
            print("half way", flush=True)
            time.sleep(60)
        yield episode

convert(Path(sys.argv[1]), Path(sys.argv[2]), track=slowly)
"""


def test_a_killed_conversion_leaves_nothing_whole_and_the_next_one_is_complete(episodes, output):
    for index in range(4):
        write_episode(episodes, index, Tape(seed=index))
    command = [sys.executable, "-c", KILLED, episodes, output]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half way\n"
        os.kill(process.pid, signal.SIGKILL)
    assert not output.exists()
    assert convert(episodes, output).episodes == 4
    assert sorted(path.name for path in output.parent.iterdir()) == ["dataset", "episodes"]


def test_the_command_prints_its_report_as_json(episodes, output):
    write_episode(episodes, 0, Tape())
    result = CliRunner().invoke(app, ["convert", "run", str(episodes), "--output", str(output), "--json"])
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["rows"] == 12


def test_the_command_tells_an_error_in_one_line(tmp_path):
    code = "from physai.infrastructure.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code, "data-pipeline", "convert", "run", tmp_path / "no", "--output", tmp_path / "ds"],
        capture_output=True,
        text=True,
        env={**os.environ, "PHYSAI_HOME": str(tmp_path)},
    )
    assert result.returncode == 1
    assert result.stderr.strip().count("\n") == 0
    assert result.stderr.startswith("error: ")
