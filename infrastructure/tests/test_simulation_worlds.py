"""Shipped worlds load by name, one's own by path, and a wrong name gets a hint."""

from pathlib import Path

import pytest

from physai.infrastructure.contracts import ContractError, TargetRegion, World
from physai.infrastructure.simulation import find_task, load_world, shipped
from physai.infrastructure.simulation.errors import UnknownTaskError, UnknownWorldError

NOMINAL_Y_M = (-0.2, 0.2)  # of Isaac-Reach-UR10


def test_every_shipped_world_is_named_like_its_file() -> None:
    assert set(shipped()) == {"nominal", "moved-target", "worn-drives", "encoder-slip"}
    assert all(load_world(name).name == name for name in shipped())


def test_the_nominal_world_changes_nothing() -> None:
    assert load_world("nominal") == World(name="nominal")


def test_most_of_the_moved_targets_lie_outside_the_tasks_own() -> None:
    region = load_world("moved-target").targets
    assert region is not None
    low, high = region.y_m
    assert (high - NOMINAL_Y_M[1]) / (high - low) > 0.8


def test_a_world_of_ones_own_is_a_file(tmp_path: Path) -> None:
    mine = World(name="mine", targets=TargetRegion(x_m=(0, 1), y_m=(0, 1), z_m=(0, 1)), stiffness_scale=0.5)
    assert load_world(str(mine.write(tmp_path / "mine.json"))) == mine


def test_a_mistyped_world_gets_a_hint() -> None:
    with pytest.raises(UnknownWorldError, match="Did you mean 'moved-target'"):
        load_world("moved-targets")


def test_a_broken_world_is_named_with_its_fault(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"kind": "world", "version": 1, "name": "broken", "stiffness_scale": 0}')
    with pytest.raises(ContractError, match="stiffness_scale"):
        load_world(str(path))


def test_a_mistyped_task_gets_a_hint() -> None:
    with pytest.raises(UnknownTaskError, match="Did you mean 'Isaac-Reach-UR10'"):
        find_task("Isaac-Reach-UR10e")
