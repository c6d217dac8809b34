"""The ground: what Isaac Lab's `GroundPlaneCfg` expects to find, plain grey."""

from pathlib import Path

from pxr import Gf, Sdf, Usd, UsdGeom, UsdPhysics

HALF_M = 50.0


def author(path: Path) -> None:
    """Write a 100 m square to look at, and an endless plane to stand on.

    Isaac Lab scales `Environment`, rewrites `primvars:st` of `Environment/Geometry`, and binds a physics material to
    the first `Plane`. Source: isaaclab 3.0, `isaaclab.sim.spawners.from_files.spawn_ground_plane`.
    """
    stage = Usd.Stage.CreateNew(str(path))
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/World").GetPrim())
    environment = UsdGeom.Xform.Define(stage, "/World/Environment")
    environment.AddScaleOp().Set(Gf.Vec3f(1, 1, 1))
    mesh = UsdGeom.Mesh.Define(stage, "/World/Environment/Geometry")
    corners = [(-HALF_M, -HALF_M, 0), (HALF_M, -HALF_M, 0), (HALF_M, HALF_M, 0), (-HALF_M, HALF_M, 0)]
    mesh.CreatePointsAttr(corners)
    mesh.CreateFaceVertexCountsAttr([4])
    mesh.CreateFaceVertexIndicesAttr([0, 1, 2, 3])
    mesh.CreateDisplayColorAttr([Gf.Vec3f(0.35, 0.36, 0.38)])
    st = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.vertex)
    st.Set([(0, 0), (1, 0), (1, 1), (0, 1)])
    plane = UsdGeom.Plane.Define(stage, "/World/CollisionPlane")
    plane.CreateAxisAttr(UsdGeom.Tokens.z)
    plane.CreatePurposeAttr(UsdGeom.Tokens.guide)
    UsdPhysics.CollisionAPI.Apply(plane.GetPrim())
    stage.Save()
