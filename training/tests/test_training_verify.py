"""Every way in which a package is not what a robot needs has a refusal of its own."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from physai.infrastructure.contracts import digest_file
from physai.infrastructure.registry import OciLayout, TamperedError, manifest_digest
from physai.infrastructure.registry.signing import SignatureError, generate_key_pair, sign
from physai.infrastructure.registry.verify import GoldenError, GraphError
from physai.infrastructure.robots import load_robot
from physai.infrastructure.robots.urdf import UrdfError
from physai.infrastructure.tests.registry_packages import JOINTS, make_package
from physai.training.errors import (
    JointOrderError,
    NoNormalizerError,
    RangeError,
    RateError,
    ScaleError,
    StaleNormalizerError,
)
from physai.training.packaging.check import check
from physai.training.packaging.statistics import read_statistics

STATS: dict[str, Any] = {
    name: {"mean": [0.0] * d, "std": [1.0] * d, "min": [-1.0] * d, "max": [1.0] * d}
    for name, d in (("observation.state", 6), ("observation.environment_state", 7), ("action", 6))
}


def write_stats(path: Path, **changed: float) -> Path:
    """Statistics of a dataset, with another mean of the state if that is asked for."""
    stats = json.loads(json.dumps(STATS))
    stats["observation.state"]["mean"][0] += changed.get("state_mean", 0.0)
    path.write_text(json.dumps(stats))
    return path


def write_urdf(path: Path, joints: tuple[str, ...] = JOINTS, upper: float = 6.2832) -> Path:
    """A chain of links; its joints are written in alphabetical order, as some exporters do."""
    links = [f"link_{i}" for i in range(len(joints) + 1)]
    written = sorted(
        f'<joint name="{joint}" type="revolute"><parent link="{links[i]}"/><child link="{links[i + 1]}"/>'
        f'<limit lower="-6.2832" upper="{upper}" effort="1" velocity="1"/></joint>'
        for i, joint in enumerate(joints)
    )
    fixed = f'<joint name="tool" type="fixed"><parent link="{links[-1]}"/><child link="tool0"/></joint>'
    path.write_text(f'<?xml version="1.0"?><robot name="arm">{"".join(written)}{fixed}</robot>')
    return path


@pytest.fixture
def package(tmp_path: Path) -> Path:
    stats = write_stats(tmp_path / "stats.json")
    return make_package(tmp_path / "package", normalizer=read_statistics(stats, STATS))


def test_a_package_that_fits_is_accepted(package: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    registry = OciLayout(tmp_path / "registry")
    generate_key_pair(keys)
    sign(registry, registry.push(package), keys / "cosign.key")
    found = check(
        package,
        manifest_digest(package),
        robot=load_robot(str(write_urdf(tmp_path / "arm.urdf"))),
        rate_hz=30,
        statistics=tmp_path / "stats.json",
        keys=[keys / "cosign.pub"],
        registry=str(registry.root),
    )
    assert found.name == "reach"


def test_joints_in_another_order_are_refused(package: Path, tmp_path: Path) -> None:
    swapped = (JOINTS[1], JOINTS[0], *JOINTS[2:])
    robot = load_robot(str(write_urdf(tmp_path / "arm.urdf", swapped)))
    assert tuple(joint.joint for joint in robot.joints) == swapped, "the order of the chain, not of the file"
    with pytest.raises(JointOrderError, match="asked for were shoulder_lift_joint, shoulder_pan_joint"):
        check(package, robot=robot)
    with pytest.raises(JointOrderError):
        check(package, joints=JOINTS[::-1])


def test_an_action_without_its_scale_is_refused(tmp_path: Path) -> None:
    """Its actions are in -1..1, as they leave a network."""
    whole = json.loads((make_package(tmp_path / "whole") / "package.json").read_text())
    (output,) = whole["outputs"]
    raw = make_package(tmp_path / "raw")
    (raw / "package.json").write_text(json.dumps(whole | {"outputs": [output | {"units": ["1"] * 6}]}))
    with pytest.raises(
        ScaleError, match="action 'shoulder_pan_joint' is in '1', wanted 'rad': the action scale is mis"
    ):
        check(raw)


def test_a_graph_that_lost_its_scale_does_not_reproduce_its_golden_vectors(package: Path) -> None:
    """The last node no longer multiplies: every digest is right, and the robot would move far too little."""
    model = onnx.load(package / "policy.onnx")
    for weight in model.graph.initializer:
        if weight.name == "shift":
            weight.raw_data = np.full(6, 0.5, np.float32).tobytes()
    onnx.save(model, package / "policy.onnx")
    contract = json.loads((package / "package.json").read_text())
    contract["files"]["policy.onnx"] = digest_file(package / "policy.onnx")
    (package / "package.json").write_text(json.dumps(contract))
    with pytest.raises(GoldenError, match=r"answers otherwise here, by up to 0\.5"):
        check(package)


def test_a_stale_normaliser_is_refused(package: Path, tmp_path: Path) -> None:
    now = write_stats(tmp_path / "now.json", state_mean=0.01)
    with pytest.raises(StaleNormalizerError, match="its normaliser is stale: it holds statistics sha256:"):
        check(package, statistics=now)


def test_another_rate_is_refused(package: Path) -> None:
    with pytest.raises(RateError, match="trained for 30 Hz, the robot is controlled at 100 Hz"):
        check(package, rate_hz=100)


def test_statistics_that_cannot_be_compared_are_not_passed_over(package: Path, tmp_path: Path) -> None:
    bare = make_package(tmp_path / "bare")
    with pytest.raises(NoNormalizerError, match="it names no statistics that it normalises with"):
        check(bare, statistics=tmp_path / "stats.json")


def test_a_robot_without_the_joints_that_were_asked_for_is_refused(package: Path, tmp_path: Path) -> None:
    robot = load_robot(str(write_urdf(tmp_path / "arm.urdf", tuple("abcdef"))))
    with pytest.raises(JointOrderError, match="asked for were a, b, c, d, e, f"):
        check(package, joints=JOINTS, robot=robot)


def test_commands_beyond_the_robot_are_refused(package: Path, tmp_path: Path) -> None:
    robot = load_robot(str(write_urdf(tmp_path / "arm.urdf", upper=3.14)))
    with pytest.raises(RangeError, match=r"may command shoulder_pan_joint .* the robot allows -6\.283 to 3\.140"):
        check(package, robot=robot)


@pytest.mark.parametrize("name", ["policy.onnx", "golden.npz"])
def test_a_flipped_bit_is_refused(package: Path, name: str) -> None:
    content = bytearray((package / name).read_bytes())
    content[len(content) // 2] ^= 1
    (package / name).write_bytes(content)
    with pytest.raises(TamperedError, match=name):
        check(package)


def test_a_graph_that_is_none_is_refused(package: Path) -> None:
    (package / "policy.onnx").write_bytes(b"graph")
    contract = json.loads((package / "package.json").read_text())
    contract["files"]["policy.onnx"] = digest_file(package / "policy.onnx")
    (package / "package.json").write_text(json.dumps(contract))
    with pytest.raises(GraphError, match="ONNX Runtime cannot load it"):
        check(package)


def test_an_unsigned_package_is_refused_and_so_is_a_foreign_key(package: Path, tmp_path: Path) -> None:
    registry = OciLayout(tmp_path / "registry")
    registry.push(package)
    for name in ("ours", "theirs"):
        generate_key_pair(tmp_path / name)
    ours = [tmp_path / "ours/cosign.pub"]
    with pytest.raises(SignatureError, match="is not signed"):
        check(package, keys=ours, registry=str(registry.root))
    sign(registry, manifest_digest(package), tmp_path / "theirs/cosign.key")
    with pytest.raises(SignatureError, match="none of its 1 signatures is by a trusted key"):
        check(package, keys=ours, registry=str(registry.root))


def test_a_signature_of_another_package_does_not_speak_for_this_one(package: Path, tmp_path: Path) -> None:
    registry = OciLayout(tmp_path / "registry")
    generate_key_pair(tmp_path / "keys")
    sign(registry, registry.push(package), tmp_path / "keys/cosign.key")
    other = make_package(tmp_path / "other", shift_rad=0.1)
    with pytest.raises(SignatureError, match="is not signed"):
        check(other, keys=[tmp_path / "keys/cosign.pub"], registry=str(registry.root))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<robot", "no XML"),
        ("<model/>", "no <robot>"),
        ('<robot name="a"><link name="b"/></robot>', "no joint that turns"),
        (
            '<robot><joint name="j" type="revolute"><parent link="a"/><child link="b"/></joint></robot>',
            "joint 'j' has no range",
        ),
        ('<!DOCTYPE r [<!ENTITY e "x">]><robot name="&e;"/>', "no XML"),
    ],
)
def test_a_file_that_is_no_urdf_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "arm.urdf"
    path.write_text(text)
    with pytest.raises(UrdfError, match=message):
        load_robot(str(path))


def test_verification_imports_nothing_heavy(package: Path, run_python: Callable[[str], str], tmp_path: Path) -> None:
    """It must answer in less than a second on a robot that has no PyTorch."""
    shutil.rmtree(tmp_path / "registry", ignore_errors=True)
    heavy = "{'torch', 'lerobot', 'onnx', 'mlflow', 'transformers', 'httpx', 'pyarrow'}"
    code = (
        "import sys; from pathlib import Path; from physai.training.packaging.check import check; "
        f"check(Path({str(package)!r})); print(sorted({heavy} & set(sys.modules)))"
    )
    assert run_python(code) == "[]"
