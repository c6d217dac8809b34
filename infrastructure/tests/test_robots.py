"""Descriptions of robots, and that they agree with what the simulator authors."""

import math
from pathlib import Path

import pytest

from physai.infrastructure.contracts import ContractError
from physai.infrastructure.errors import MissingFileError
from physai.infrastructure.robots import UnknownRobotError, known_robots, load_robot


def test_every_description_is_named_like_its_file() -> None:
    assert known_robots() == ("ur10",)
    for name in known_robots():
        assert load_robot(name).name == name


def test_the_ur10_has_the_joints_that_the_simulator_authors() -> None:
    from physai.infrastructure.simulation.assets.ur10 import links

    authored = [link.joint for link in links() if link.joint is not None and link.joint.kind == "revolute"]
    described = load_robot("ur10").joints
    assert [joint.joint for joint in described] == [joint.name for joint in authored]
    for own, other in zip(described, authored, strict=True):
        assert (own.lower_rad, own.upper_rad) == pytest.approx((other.lower, other.upper))
        assert own.upper_rad == pytest.approx(2 * math.pi)  # the maker gives all six joints one turn either way


def test_a_near_miss_is_suggested() -> None:
    with pytest.raises(UnknownRobotError, match="Did you mean 'ur10'"):
        load_robot("ur10e")


def test_a_robot_may_be_described_in_a_file(tmp_path: Path) -> None:
    path = load_robot("ur10").model_copy(update={"name": "mine"}).write(tmp_path / "mine.json")
    assert load_robot(str(path)).name == "mine"


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no robot here"):
        load_robot(str(tmp_path / "none.json"))
    (tmp_path / "broken.json").write_text('{"kind": "robot", "version": 2}')
    with pytest.raises(ContractError, match=r"broken\.json"):
        load_robot(str(tmp_path / "broken.json"))
