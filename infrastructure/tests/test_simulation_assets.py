"""The authored robots have the published kinematics, and authoring can be stopped and repeated at any time."""

import math
from pathlib import Path

import pytest
from pxr import Usd, UsdGeom, UsdPhysics

from physai.infrastructure.simulation import assets
from physai.infrastructure.simulation.assets import asset_paths, cartpole, ensure_assets, ur10

UR10 = "Isaac/IsaacLab/Robots/UniversalRobots/UR10/ur10_instanceable.usd"
CARTPOLE = "Isaac/IsaacLab/Robots/Classic/Cartpole/cartpole.usda"
GROUND = "Isaac/IsaacLab/Environments/Grid/default_ground_plane_checker_v1/default_ground_plane.usda"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assets")
    assert ensure_assets(folder)
    return folder


def position(stage: Usd.Stage, path: str) -> list[float]:
    return list(UsdGeom.XformCache().GetLocalToWorldTransform(stage.GetPrimAtPath(path)).ExtractTranslation())


def test_the_stretched_ur10_has_its_tool_where_the_published_lengths_put_it(root: Path) -> None:
    """Joints at zero: x = a2 + a3 = 0.612 + 0.5723, y = d4 + d6 = 0.163941 + 0.0922, z = d1 - d5 = 0.1273 - 0.1157."""
    stage = Usd.Stage.Open(str(root / UR10))
    assert position(stage, "/ur10/ee_link") == pytest.approx([1.1843, 0.256141, 0.0116], abs=1e-6)


def test_the_ur10_reaches_the_1300_mm_of_its_data_sheet() -> None:
    """Upper arm, forearm and second wrist in one line: 0.612 + 0.5723 + 0.1157 = 1.3000."""
    reach_m = ur10.A2_M + ur10.A3_M + ur10.D5_M
    assert reach_m == pytest.approx(1.3, abs=1e-3)


@pytest.mark.parametrize(("name", "robot"), [(UR10, "ur10"), (CARTPOLE, "cartpole")])
def test_every_joint_holds_its_two_links_together(root: Path, name: str, robot: str) -> None:
    """The joint's frame is at the same place seen from parent and child."""
    stage = Usd.Stage.Open(str(root / name))
    cache = UsdGeom.XformCache()
    for prim in stage.Traverse():
        joint = UsdPhysics.Joint(prim)
        if not joint or not joint.GetBody0Rel().GetTargets():
            continue
        parent, child = (
            cache.GetLocalToWorldTransform(stage.GetPrimAtPath(rel.GetTargets()[0])).Transform(local.Get())
            for rel, local in (
                (joint.GetBody0Rel(), joint.GetLocalPos0Attr()),
                (joint.GetBody1Rel(), joint.GetLocalPos1Attr()),
            )
        )
        assert list(parent) == pytest.approx(list(child), abs=1e-6), f"{robot}: {prim.GetName()}"


def test_the_ur10_has_its_published_masses_and_limits(root: Path) -> None:
    stage = Usd.Stage.Open(str(root / UR10))
    masses = [link.mass_kg for link in ur10.links()]
    assert masses == [4.0, 7.778, 12.93, 3.87, 1.96, 1.96, 0.202, 0.01]
    elbow = UsdPhysics.RevoluteJoint(stage.GetPrimAtPath("/ur10/elbow_joint"))
    assert (elbow.GetLowerLimitAttr().Get(), elbow.GetUpperLimitAttr().Get()) == (-360.0, 360.0)
    assert UsdPhysics.DriveAPI(elbow.GetPrim(), "angular").GetMaxForceAttr().Get() == 150.0
    rated = elbow.GetPrim().GetAttribute("physxJoint:maxJointVelocity").Get()
    assert math.radians(rated) == pytest.approx(3.15)


def test_a_solid_cylinder_has_the_inertia_of_a_solid_cylinder() -> None:
    """m = 12, r = 1, l = 2: across 12 (3 + 4) / 12 = 7, along 12 / 2 = 6."""
    assert ur10.cylinder_inertia(12.0, 1.0, 2.0) == (7.0, 7.0, 6.0)


def test_a_solid_box_has_the_inertia_of_a_solid_box() -> None:
    """m = 12, edges 1, 2, 3: 4 + 9, 1 + 9, 1 + 4."""
    assert cartpole.box_inertia(12.0, (1.0, 2.0, 3.0)) == (13.0, 10.0, 5.0)


def test_the_pole_turns_without_end_and_the_cart_does_not(root: Path) -> None:
    stage = Usd.Stage.Open(str(root / CARTPOLE))
    pole = UsdPhysics.RevoluteJoint(stage.GetPrimAtPath("/cartpole/cart_to_pole"))
    assert not pole.GetLowerLimitAttr().HasAuthoredValue()
    rail = UsdPhysics.PrismaticJoint(stage.GetPrimAtPath("/cartpole/slider_to_cart"))
    assert rail.GetUpperLimitAttr().Get() == 4.0


def test_the_ground_is_what_isaac_lab_expects_to_change(root: Path) -> None:
    stage = Usd.Stage.Open(str(root / GROUND))
    assert stage.GetDefaultPrim().GetPath() == "/World"
    assert stage.GetPrimAtPath("/World/Environment").GetAttribute("xformOp:scale").Get() == (1, 1, 1)
    assert UsdGeom.PrimvarsAPI(stage.GetPrimAtPath("/World/Environment/Geometry")).GetPrimvar("st").Get()
    assert stage.GetPrimAtPath("/World/CollisionPlane").GetTypeName() == "Plane"


def test_nothing_is_authored_twice(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.usd*")}
    assert not ensure_assets(root)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.usd*")} == before
    assert len(before) == len(asset_paths())


def test_assets_of_other_code_are_made_anew(tmp_path: Path) -> None:
    ensure_assets(tmp_path)
    (tmp_path / assets.MARK).write_text("sha256:0\n")
    (tmp_path / UR10).write_text("old")
    assert ensure_assets(tmp_path)
    assert Usd.Stage.Open(str(tmp_path / UR10)).GetPrimAtPath("/ur10/ee_link")


def test_a_stop_in_the_midst_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(path: Path) -> None:
        raise KeyboardInterrupt(path)

    with monkeypatch.context() as patch:
        patch.setattr(assets.ground, "author", killed)
        with pytest.raises(KeyboardInterrupt):
            ensure_assets(tmp_path)
    assert (tmp_path / UR10).exists()
    assert not (tmp_path / GROUND).exists()
    assert ensure_assets(tmp_path)
    assert (tmp_path / GROUND).exists()
    assert not ensure_assets(tmp_path)
    assert not list(tmp_path.rglob("*.part"))


def test_a_copy_of_nvidias_assets_keeps_every_file_it_has(tmp_path: Path) -> None:
    theirs = tmp_path / UR10
    theirs.parent.mkdir(parents=True)
    theirs.write_text("NVIDIA's")
    assert ensure_assets(tmp_path)
    assert theirs.read_text() == "NVIDIA's"
    assert (tmp_path / GROUND).exists()
    assert not (tmp_path / assets.MARK).exists()


def test_no_part_is_left_beside_an_asset(root: Path) -> None:
    assert not list(root.rglob("*.part"))
