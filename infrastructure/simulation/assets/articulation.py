"""Authors an articulated robot as USD: links with mass and looks, joints between them."""

import math
from collections.abc import Sequence
from pathlib import Path

from pxr import Gf, Sdf, Usd, UsdGeom, UsdPhysics

from .links import Joint, Link, Look, Vector


def author_robot(path: Path, name: str, links: Sequence[Link]) -> None:
    """Write a fixed-base articulation at `/<name>`, links in their pose at joint zero.

    Args:
        path: File to create; its suffix chooses `.usd` (binary) or `.usda` (text).
        name: Name of the root prim.
        links: Parents before children; the first is the root.
    """
    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    root = UsdGeom.Xform.Define(stage, f"/{name}")
    stage.SetDefaultPrim(root.GetPrim())
    UsdPhysics.ArticulationRootAPI.Apply(root.GetPrim())
    pose_w: dict[str, Gf.Matrix4d] = {}
    for link in links:
        local = pose(link.joint.xyz_m, link.joint.rpy_rad) if link.joint else Gf.Matrix4d(1.0)
        pose_w[link.name] = local * pose_w[link.joint.parent] if link.joint else local
        _author_link(stage, f"/{name}", link, pose_w[link.name])
        _author_joint(stage, f"/{name}", link)
    stage.Save()


def pose(xyz_m: Vector, rpy_rad: Vector) -> Gf.Matrix4d:
    """Transform of a URDF `origin`, in USD's row-vector convention."""
    return Gf.Matrix4d().SetTransform(_rotation(rpy_rad), Gf.Vec3d(*xyz_m))


def _rotation(rpy_rad: Vector) -> Gf.Rotation:
    turned = Gf.Rotation(Gf.Vec3d(1, 0, 0), 0.0)
    for axis, angle in zip((Gf.Vec3d(1, 0, 0), Gf.Vec3d(0, 1, 0), Gf.Vec3d(0, 0, 1)), rpy_rad, strict=True):
        turned = turned * Gf.Rotation(axis, math.degrees(angle))
    return turned


def _author_link(stage: Usd.Stage, root: str, link: Link, pose_w: Gf.Matrix4d) -> None:
    body = UsdGeom.Xform.Define(stage, f"{root}/{link.name}")
    body.AddTransformOp().Set(pose_w)
    UsdPhysics.RigidBodyAPI.Apply(body.GetPrim())
    mass = UsdPhysics.MassAPI.Apply(body.GetPrim())
    mass.CreateMassAttr(link.mass_kg)
    mass.CreateDiagonalInertiaAttr(Gf.Vec3f(*link.inertia_kg_m2))
    mass.CreateCenterOfMassAttr(Gf.Vec3f(*link.com_m))
    for index, look in enumerate(link.looks):
        _author_look(stage, f"{root}/{link.name}/look_{index}", look)


def _author_look(stage: Usd.Stage, path: str, look: Look) -> None:
    if look.shape == "box":
        geometry = UsdGeom.Cube.Define(stage, path)
        geometry.CreateSizeAttr(1.0)
    else:
        kind = UsdGeom.Capsule if look.shape == "capsule" else UsdGeom.Cylinder
        geometry = kind.Define(stage, path)
        geometry.CreateAxisAttr(look.axis)
        geometry.CreateRadiusAttr(look.radius_m)
        geometry.CreateHeightAttr(look.length_m)
    geometry.AddTranslateOp().Set(Gf.Vec3d(*look.center_m))
    if look.shape == "box":
        geometry.AddScaleOp().Set(Gf.Vec3f(*look.size_m))
    geometry.CreateDisplayColorAttr([Gf.Vec3f(*look.color)])


def _author_joint(stage: Usd.Stage, root: str, link: Link) -> None:
    if link.joint is None:
        fixed = UsdPhysics.FixedJoint.Define(stage, f"{root}/root_joint")
        fixed.CreateBody1Rel().SetTargets([f"{root}/{link.name}"])
        return
    joint = link.joint
    kinds = {
        "revolute": UsdPhysics.RevoluteJoint,
        "prismatic": UsdPhysics.PrismaticJoint,
        "fixed": UsdPhysics.FixedJoint,
    }
    prim = kinds[joint.kind].Define(stage, f"{root}/{joint.name}")
    prim.CreateBody0Rel().SetTargets([f"{root}/{joint.parent}"])
    prim.CreateBody1Rel().SetTargets([f"{root}/{link.name}"])
    prim.CreateLocalPos0Attr(Gf.Vec3f(*joint.xyz_m))
    prim.CreateLocalRot0Attr(Gf.Quatf(_rotation(joint.rpy_rad).GetQuat()))
    prim.CreateLocalPos1Attr(Gf.Vec3f(0.0))
    prim.CreateLocalRot1Attr(Gf.Quatf(1.0))
    if joint.kind != "fixed":
        _author_motion(prim, joint)


def _author_motion(prim: UsdPhysics.Joint, joint: Joint) -> None:
    """Axis, limits and drive. USD counts angles in degrees; gains are the task's to set."""
    angular = joint.kind == "revolute"
    scale = math.degrees(1.0) if angular else 1.0
    prim.CreateAxisAttr(joint.axis)
    if math.isfinite(joint.upper - joint.lower):
        prim.CreateLowerLimitAttr(joint.lower * scale)
        prim.CreateUpperLimitAttr(joint.upper * scale)
    drive = UsdPhysics.DriveAPI.Apply(prim.GetPrim(), "angular" if angular else "linear")
    drive.CreateStiffnessAttr(0.0)
    drive.CreateDampingAttr(0.0)
    if math.isfinite(joint.max_effort):
        drive.CreateMaxForceAttr(joint.max_effort)
    if math.isfinite(joint.max_velocity):  # an attribute of PhysX's schema, which Newton reads too
        limit = prim.GetPrim().CreateAttribute("physxJoint:maxJointVelocity", Sdf.ValueTypeNames.Float)
        limit.Set(joint.max_velocity * scale)
