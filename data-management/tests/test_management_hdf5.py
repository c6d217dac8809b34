"""HDF5 demonstrations become a dataset that holds what they hold, or are refused by name."""

import io
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from physai.data_management.cli import app
from physai.data_management.errors import Hdf5Error
from physai.data_management.tools.checks import Limits
from physai.data_management.tools.edit import split
from physai.data_management.tools.hdf5 import convert_hdf5
from physai.data_management.tools.hdf5_mapping import Hdf5Mapping
from physai.data_management.tools.validate import validate
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.datasets.errors import FeatureError
from physai.infrastructure.errors import MissingFileError
from physai.infrastructure.tests.datasets_samples import columns, frames

TOP = "observation.images.top"


def aloha(path, rows, seed=0, packed=False):
    """As ACT's `record_sim_episodes.py` and Mobile ALOHA's `compress_data.py` write them."""
    values, pictures = columns(rows, seed), frames(rows, seed)
    with h5py.File(path, "w") as file:
        file.attrs["sim"] = True
        seen = file.create_group("observations")
        seen["qpos"] = values["observation.state"].astype(np.float64)
        seen["qvel"] = np.gradient(values["observation.state"], axis=0)
        file["action"] = values["action"].astype(np.float64)
        seen.create_dataset("images/top", data=_jpegs(pictures) if packed else pictures, chunks=True)
    return path


def _jpegs(pictures):
    """One row each, zeros behind the shorter ones."""
    packed = []
    for picture in pictures:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=95)
        packed.append(np.frombuffer(buffer.getvalue(), np.uint8))
    longest = max(map(len, packed))
    return np.stack([np.pad(row, (0, longest - len(row))) for row in packed])


def robomimic(path, lengths):
    """As robomimic 0.3 writes image datasets; `next_obs` and `states` are left out of the result."""
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["env_args"] = json.dumps(
            {"env_name": "Lift", "type": 1, "env_kwargs": {"control_freq": 20, "robots": ["Panda"]}}
        )
        for number, rows in enumerate(lengths):
            demo, values = data.create_group(f"demo_{number}"), columns(rows, number)
            demo["actions"] = values["action"].astype(np.float64)
            demo["dones"] = (np.arange(rows) == rows - 1).astype(np.int64)
            demo["rewards"] = demo["dones"][()].astype(np.float64)
            demo["states"] = np.zeros((rows, 32))
            demo["obs/robot0_eef_pos"] = values["observation.state"].astype(np.float64)
            demo["obs/robot0_gripper_qpos"] = values["action"][:, :2].astype(np.float64)
            demo["obs/object"] = np.random.default_rng(number).normal(size=(rows, 10))
            demo["obs/agentview_image"] = frames(rows, number)
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_aloha_files_are_episodes_in_the_order_of_their_numbers(tmp_path, packed):
    (tmp_path / "in").mkdir()
    for number in (2, 10):
        aloha(tmp_path / f"in/episode_{number}.hdf5", 8 + number, number, packed)
    report = convert_hdf5(tmp_path / "in", tmp_path / "out", task="Lift")
    made = Dataset(tmp_path / "out")
    assert (made.lengths, made.fps, made.tasks) == ([10, 18], 50, ["Lift", "Lift"])
    for index, number in enumerate((2, 10)):
        values = columns(8 + number, number)
        assert np.array_equal(made.episode(index)["observation.state"], values["observation.state"])
        assert np.array_equal(made.episode(index)["action"], values["action"])
        assert np.abs(made.frames(index, TOP).astype(int) - frames(8 + number, number)).mean() < 3
    assert report.numbers == 28 * 9  # 3 each of qpos, qvel and action
    assert report.frames == 28
    assert report.worst_psnr_db > 25
    assert made.info.features["observation.velocity"].names == ["qvel.0", "qvel.1", "qvel.2"]
    assert validate(tmp_path / "out", Limits(), decode=False).passed


def test_robomimic_demonstrations_are_recordings_of_their_own(tmp_path):
    path = robomimic(tmp_path / "lift.hdf5", range(5, 16))
    report = convert_hdf5(path, tmp_path / "out")
    made = Dataset(tmp_path / "out")
    assert made.lengths == list(range(5, 16))  # demo_2 before demo_10
    assert (made.fps, made.info.robot_type, made.tasks[0]) == (20, "Panda", "Lift")
    with h5py.File(path) as file:
        demo = file["data/demo_10"]
        own = np.concatenate([demo["obs/robot0_eef_pos"], demo["obs/robot0_gripper_qpos"]], axis=1)
        assert np.array_equal(made.episode(10)["observation.state"], own.astype(np.float32))
        assert np.array_equal(made.episode(10)["next.done"], demo["dones"])
    assert list(report.mapping.cameras) == ["observation.images.agentview"]
    parts = split(tmp_path / "out", ["one=0.5", "two=0.5"], tmp_path / "parts")
    assert sum(part.episodes for part in parts) == 11


def test_a_mapping_says_what_becomes_what(tmp_path):
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["runs/a/arm"], file["runs/a/grip"] = np.eye(4, 3), np.arange(4)
    text = "columns: {action: [arm, grip]}\nepisodes: runs\nfps: 10\nkind: hdf5-mapping\nversion: 1\n"
    (tmp_path / "map.yaml").write_text(text)
    words = ["dataset", "convert", str(tmp_path / "own.h5"), "--output", str(tmp_path / "out"), "--json"]
    with pytest.raises(Hdf5Error, match=r"own.h5, /: has runs, and neither .* --mapping FILE"):
        convert_hdf5(tmp_path / "own.h5", tmp_path / "none")
    report = json.loads(CliRunner().invoke(app, [*words, "--mapping", str(tmp_path / "map.yaml")]).stdout)
    assert (report["episodes"], report["numbers"]) == (1, 16)
    assert Dataset(tmp_path / "out").episode(0)["action"][3].tolist() == [0, 0, 0, 3]


def test_the_mapping_in_the_readme_is_understood(tmp_path):
    page = (Path(__file__).parents[1] / "README.md").read_text()
    (tmp_path / "map.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    assert Hdf5Mapping.read(tmp_path / "map.yaml").columns["action"] == ("actions",)


def damaged(path, damage):
    """An ALOHA file with something wrong."""
    aloha(path, 9)
    with h5py.File(path, "a") as file:
        if damage == "missing":
            del file["observations/qpos"]
        elif damage == "short":
            del file["action"]
            file["action"] = np.zeros((8, 3))
        elif damage == "resized":
            del file["observations/images/top"]
            file["observations/images/top"] = frames(9, size=96)
        elif damage == "text":
            del file["action"]
            file["action"] = "up, then down"
    return path


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("missing", r"episode_1.hdf5, /observations/qpos: is missing; / has action, observations"),
        ("short", r"episode_1.hdf5, /action: 8 rows, observations/qpos has 9"),
        ("resized", r"episode_1.hdf5, /observations/images/top: picture 0 is 96x96, the first was 64x64"),
        ("text", r"episode_1.hdf5, /action: is no array"),
    ],
)
def test_files_that_do_not_fit_are_named_with_what_is_wrong(tmp_path, damage, message):
    (tmp_path / "in").mkdir()
    aloha(tmp_path / "in/episode_0.hdf5", 9)
    damaged(tmp_path / "in/episode_1.hdf5", damage)
    with pytest.raises(Hdf5Error, match=message):
        convert_hdf5(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("part", [0.1, 0.6, 0.97])
def test_a_truncated_file_is_named(tmp_path, part):
    path = aloha(tmp_path / "episode_0.hdf5", 9)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(Hdf5Error, match=r"episode_0.hdf5, /: cannot be read: .* Copy the file again"):
        convert_hdf5(path, tmp_path / "out")


def test_what_is_not_there_not_finite_or_has_no_rate_is_refused(tmp_path):
    with pytest.raises(MissingFileError, match="HDF5 file"):
        convert_hdf5(tmp_path / "nothing", tmp_path / "out")
    path = aloha(tmp_path / "episode_0.hdf5", 9)
    with h5py.File(path, "a") as file:
        file["action"][4, 1] = np.nan
    with pytest.raises(FeatureError, match="row 4 is not finite"):
        convert_hdf5(path, tmp_path / "out")
    with pytest.raises(Hdf5Error, match=r"the rate is not told. Give --fps"):
        convert_hdf5(path, tmp_path / "out", mapping=Hdf5Mapping(columns={"action": ("action",)}))
    assert [found.name for found in tmp_path.iterdir()] == ["episode_0.hdf5"]


def test_recordings_are_handed_to_the_pipeline_and_its_refusal_is_told(tmp_path, capfd):
    (tmp_path / "torn.mcap").write_bytes(b"\x89MCAP0\r\n")
    words = ["dataset", "convert", str(tmp_path / "torn.mcap"), "--output", str(tmp_path / "out")]
    result = CliRunner().invoke(app, words)
    assert "Try `physai data-pipeline convert run" in str(result.exception)
    assert "torn.mcap" in capfd.readouterr().err
