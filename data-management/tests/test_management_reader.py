"""The faster reader gives LeRobot's own items: same keys in the same order, same types, same bits."""

import pickle

import numpy as np
import pytest

from physai.infrastructure.datasets import DatasetWriter, camera, vector
from physai.infrastructure.tests.datasets_samples import FPS, STATE_FEATURES, columns, frames

pytestmark = pytest.mark.filterwarnings("ignore")  # LeRobot, datasets and torchvision warn when imported

LENGTHS = [9, 5, 12]
CAMERAS = ("observation.images.top", "observation.images.wrist")
DELTAS = {
    "action": [0.0, 0.05, 0.1],
    "observation.state": [-0.05, 0.0],
    CAMERAS[0]: [-0.1, -0.05, 0.0],
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Opens LeRobot's dataset, offline."""
    root = tmp_path_factory.mktemp("read") / "ds"
    features = {**STATE_FEATURES, "reward": vector(["reward"]), "done": vector(["done"], "bool")}
    features |= dict.fromkeys(CAMERAS, camera(64, 64))
    with DatasetWriter(root, fps=FPS, features=features, robot="arm", task="Reach", video_mb=1) as writer:
        for seed, rows in enumerate(LENGTHS):
            values = {**columns(rows, seed), "reward": np.linspace(0, 1, rows, dtype=np.float32)}
            videos = {name: frames(rows, seed + 3 * number) for number, name in enumerate(CAMERAS)}
            writer.add_episode({**values, "done": np.arange(rows) == rows - 1}, videos, task=f"Reach {seed % 2}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf")))
        from lerobot.datasets.lerobot_dataset import LeRobotDataset

        yield lambda **options: LeRobotDataset("local/any", root=root, video_backend="pyav", **options)


def assert_same(one, other):
    import torch

    assert list(one) == list(other)
    for name, value in one.items():
        if isinstance(value, str):
            assert other[name] == value
        else:
            assert (other[name].dtype, other[name].shape) == (value.dtype, value.shape), name
            assert torch.equal(other[name], value), name


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"delta_timestamps": DELTAS},
        {"delta_timestamps": DELTAS, "episodes": [1, 2]},
        {"return_uint8": True},
        {"image_transforms": lambda image: image.flip(-1)},
    ],
    ids=["plain", "chunks", "some episodes", "bytes", "transformed"],
)
def test_items_are_those_of_lerobot_in_any_order(opened, options):
    from physai.data_management.reader import FastReader, fast

    stock, ours = opened(**options), fast(opened(**options))
    assert isinstance(ours.reader, FastReader)
    assert (len(ours), ours.num_episodes) == (len(stock), stock.num_episodes)
    for row in [*range(len(stock)), *np.random.default_rng(0).permutation(len(stock)).tolist()]:
        assert_same(stock[row], ours[row])
    with pytest.raises(IndexError):
        ours[len(stock)]


def test_a_worker_gets_a_reader_of_its_own(opened):
    from physai.data_management.reader import fast

    ours = fast(opened())
    before = ours[3]
    again = pickle.loads(pickle.dumps(ours.reader))
    assert again._rows is None
    assert_same(before, again.get_item(3))


def test_a_loader_gives_the_same_batches(opened):
    import torch
    from torch.utils.data import DataLoader

    from physai.data_management.reader import fast

    batches = [
        list(DataLoader(dataset, batch_size=8, shuffle=True, generator=torch.Generator().manual_seed(1)))
        for dataset in (opened(), fast(opened()))
    ]
    for one, other in zip(*batches, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one if name != "task")
        assert one["task"] == other["task"]
