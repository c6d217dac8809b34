"""Where a camera stands, and what it must show: the robot's shapes by its recorded joints, without a simulator."""

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import CameraTurn, Scene, Sphere, View, World
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.simulation import Camera, load_world, shipped
from physai.infrastructure.simulation.assets import ur10
from physai.infrastructure.simulation.assets.links import Link

from .errors import NoModelError, UnknownCameraError

type Floats = NDArray[np.float64]
type Masks = NDArray[np.int8]

MODELS = {"ur10": ur10.links}
"""Robot → its links and shapes."""
EMPTY, OBJECT, DISTRACTOR = -1, -2, -3
"""In a part map: nothing known; an object that is kept; one that was added. Others are indices of links."""


def axes(view: View) -> Floats:
    """Rows right, down, forward of the camera in the base frame, shape (3, 3)."""
    forward = np.subtract(view.look_at_m, view.eye_m)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    looking = np.stack([right, np.cross(forward, right), forward])
    pan, tilt, roll = np.radians([view.pan_deg, view.tilt_deg, view.roll_deg])
    return np.asarray(_about("Z", -roll) @ _about("X", -tilt) @ _about("Y", -pan) @ looking)


def intrinsics(view: View, height: int, width: int) -> Floats:
    """Matrix K, shape (3, 3), of square pixels whose centres are at half numbers."""
    focal = height / 2 / math.tan(math.radians(view.field_of_view_deg) / 2)
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])


def turned(view: View, turn: CameraTurn) -> View:
    """The same eye, turned, with a field narrower by the zoom."""
    half = math.tan(math.radians(view.field_of_view_deg) / 2) / turn.zoom
    return view.model_copy(
        update={
            "pan_deg": view.pan_deg + turn.pan_deg,
            "tilt_deg": view.tilt_deg + turn.tilt_deg,
            "roll_deg": view.roll_deg + turn.roll_deg,
            "field_of_view_deg": math.degrees(2 * math.atan(half)),
        }
    )


def homography(source: View, target: View, height: int, width: int) -> Floats:
    """Where pixels of one view are in another view from the same eye, shape (3, 3).

    Source: Hartley, Zisserman, Multiple View Geometry, 2nd ed., section 8.4: H = K' R' Rᵀ K⁻¹.
    """
    ours, theirs = intrinsics(source, height, width), intrinsics(target, height, width)
    return np.asarray(theirs @ axes(target) @ axes(source).T @ np.linalg.inv(ours))


def simulated_scene() -> Scene:
    """The scene of `physai data-pipeline capture record`: one camera, and the marker of the target."""
    rig = Camera()
    view = View(eye_m=rig.eye_m, look_at_m=rig.look_at_m, field_of_view_deg=rig.field_of_view_deg)
    return Scene(views={f"observation.images.{rig.name}": view}, objects=(Sphere(),))


class Shape(NamedTuple):
    """A shape of one link, in the link's frame."""

    link: int
    kind: str
    start: Floats
    end: Floats
    """Axis of a capsule or cylinder; of a box: centre and half edges."""
    radius_m: float


class Model(NamedTuple):
    """A robot one can draw."""

    links: tuple[Link, ...]
    shapes: tuple[Shape, ...]

    @property
    def joints(self) -> tuple[str, ...]:
        """Movable joints, from base to tool."""
        return tuple(link.joint.name for link in self.links if link.joint and link.joint.kind != "fixed")

    def tool(self) -> tuple[int, ...]:
        """Links beyond the third-last movable joint: the wrist and what it carries."""
        moved = [index for index, link in enumerate(self.links) if link.joint and link.joint.kind != "fixed"]
        return tuple(range(moved[-3], len(self.links)))


@cache
def robot_model(robot: str) -> Model:
    """The shapes of a robot.

    Raises:
        NoModelError: If we have no kinematic model of it.
    """
    if robot not in MODELS:
        raise NoModelError(robot, tuple(MODELS))
    links = MODELS[robot]()
    return Model(links, tuple(_shapes(links)))


def _shapes(links: Sequence[Link]) -> list[Shape]:
    shapes = []
    for index, link in enumerate(links):
        for look in (look for look in link.looks if look is not ur10.PEDESTAL):  # it stands behind the table
            center = np.array(look.center_m, dtype=float)
            if look.shape == "box":
                shapes.append(Shape(index, "box", center, np.array(look.size_m) / 2, 0.0))
                continue
            half = np.eye(3)["XYZ".index(look.axis)] * look.length_m / 2
            shapes.append(Shape(index, look.shape, center - half, center + half, look.radius_m))
    return shapes


def link_poses(links: Sequence[Link], joint_pos_rad: Floats) -> Floats:
    """Poses of all links in the base frame, shape (L, 4, 4), by the joints' angles in order, shape (J,)."""
    angles = iter(joint_pos_rad)
    poses: dict[str, Floats] = {}
    for link in links:
        joint = link.joint
        if joint is None:
            poses[link.name] = np.eye(4)
            continue
        local = np.eye(4)
        roll, pitch, yaw = joint.rpy_rad
        local[:3, :3] = _about("Z", yaw) @ _about("Y", pitch) @ _about("X", roll)
        local[:3, 3] = joint.xyz_m
        if joint.kind != "fixed":
            local[:3, :3] = local[:3, :3] @ _about(joint.axis, float(next(angles)))
        poses[link.name] = poses[joint.parent] @ local
    return np.stack([poses[link.name] for link in links])


def _about(axis: str, turn_rad: float) -> Floats:
    sin, cos = math.sin(turn_rad), math.cos(turn_rad)
    if axis == "X":
        return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    if axis == "Y":
        return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def view_of(scene: Scene, camera: str) -> View:
    """Where a camera stands.

    Raises:
        UnknownCameraError: If the scene does not say.
    """
    if camera not in scene.views:
        raise UnknownCameraError(camera, tuple(scene.views))
    return scene.views[camera]


def joint_angles(dataset: Dataset, episode: int, scene: Scene) -> Floats:
    """True joints of one episode in the order of the robot's model, (T, J).

    They are what was recorded, less the offsets of the encoders where a simulated world says what these are.
    """
    rows = in_model_order(dataset, episode, scene.joints)
    world = simulated_world(dataset, episode)
    if world is None:
        return rows
    joints = robot_model(dataset.info.robot_type or "unknown").joints
    return np.asarray(rows - np.array([world.encoder_offset_rad.get(joint, 0.0) for joint in joints]))


def in_model_order(dataset: Dataset, episode: int, feature: str) -> Floats:
    """A column with one number per joint, in the order of the robot's model, (T, J)."""
    joints = robot_model(dataset.info.robot_type or "unknown").joints
    names = dataset.info.features[feature].element_names
    rows = np.asarray(dataset.episode(episode)[feature], dtype=float)
    if set(joints) <= set(names):
        rows = rows[:, [names.index(joint) for joint in joints]]
    return rows[:, : len(joints)]


def simulated_world(dataset: Dataset, episode: int) -> World | None:
    """The world that an episode was recorded in; None if it is none of ours."""
    return _world(dataset.required_provenance.episodes[episode].world)


@cache
def _world(name: str) -> World | None:
    return load_world(name) if name in shipped() else None


def object_centres(dataset: Dataset, episode: int, scene: Scene) -> Floats:
    """Centres of the kept objects in the base frame, (T, N, 3)."""
    columns = dataset.episode(episode)
    rows = dataset.lengths[episode]
    centres = [np.asarray(columns[thing.feature], dtype=float)[:, :3] for thing in scene.objects]
    return np.stack(centres, axis=1) if centres else np.zeros((rows, 0, 3))
