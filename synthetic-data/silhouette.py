"""Draws which part of the robot each pixel shows, by casting rays on its shapes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Distractor, Scene, View

from .scene import DISTRACTOR, EMPTY, OBJECT, Floats, Masks, Model, Shape, axes, intrinsics, link_poses


class Drawing(NamedTuple):
    """One picture of the robot."""

    part: Masks
    """Link of each pixel, `EMPTY`, or `OBJECT`; shape (H, W)."""
    depth_m: NDArray[np.float32]
    """Along the camera's axis; infinite where nothing is known, (H, W)."""


def draw(
    model: Model,
    joint_pos_rad: Floats,
    view: View,
    size: tuple[int, int],
    *,
    centres: Floats | None = None,
    radii_m: tuple[float, ...] = (),
    distractors: Sequence[Distractor] = (),
) -> Drawing:
    """Draw the robot in one pose.

    Args:
        model: Its shapes.
        joint_pos_rad: Angles in order, (J,).
        view: Camera.
        size: Height and width in pixels.
        centres: Of spherical objects in the base frame, (N, 3).
        radii_m: Of these objects.
        distractors: Things that were added.
    """
    height, width = size
    turn_to, eye = axes(view), np.array(view.eye_m)
    camera = intrinsics(view, height, width)
    part = np.full(size, EMPTY, np.int8)
    depth = np.full(size, np.inf, np.float32)
    poses = link_poses(model.links, joint_pos_rad)
    for shape in model.shapes:
        pose = poses[shape.link]
        start = turn_to @ (pose[:3, :3] @ shape.start + pose[:3, 3] - eye)
        if shape.kind == "box":
            placed = Shape(shape.link, "box", start, shape.end, 0.0)
            turn = turn_to @ pose[:3, :3]
        else:
            end = turn_to @ (pose[:3, :3] @ shape.end + pose[:3, 3] - eye)
            placed, turn = shape._replace(start=start, end=end), np.eye(3)
        _cast(placed, turn, camera, part, depth)
    for centre, radius_m in zip(np.zeros((0, 3)) if centres is None else centres, radii_m, strict=True):
        at = turn_to @ (centre - eye)
        _cast(Shape(OBJECT, "capsule", at, at, radius_m), np.eye(3), camera, part, depth)
    for thing in distractors:
        _cast(placed_shape(thing, DISTRACTOR, turn_to, eye), turn_to, camera, part, depth)
    return Drawing(part, depth)


def draw_distractors(distractors: Sequence[Distractor], view: View, size: tuple[int, int]) -> Drawing:
    """Draw these alone, each pixel with the index of its thing, or `EMPTY`."""
    turn_to, eye, camera = axes(view), np.array(view.eye_m), intrinsics(view, *size)
    drawing = Drawing(np.full(size, EMPTY, np.int8), np.full(size, np.inf, np.float32))
    for index, thing in enumerate(distractors):
        _cast(placed_shape(thing, index, turn_to, eye), turn_to, camera, drawing.part, drawing.depth_m)
    return drawing


def placed_shape(thing: Distractor, code: int, turn_to: Floats, eye: Floats) -> Shape:
    """A thing in the camera's frame, to be cast with `turn_to`."""
    if thing.shape == "box":
        return Shape(code, "box", turn_to @ (thing.center_m - eye), np.full(3, thing.radius_m), 0.0)
    half = np.array((0, 0, thing.radius_m if thing.shape == "cylinder" else 0.0))
    low, high = turn_to @ (thing.center_m - half - eye), turn_to @ (thing.center_m + half - eye)
    return Shape(code, "cylinder" if thing.shape == "cylinder" else "capsule", low, high, thing.radius_m)


def _cast(shape: Shape, turn: Floats, camera: Floats, part: Masks, depth: NDArray[np.float32]) -> None:
    """Draw one shape, given in the camera's frame (x right, y down, z forward), over what is farther away."""
    window = _window(shape, camera, part.shape)
    if window is None:
        return
    rows, columns = window
    x = (np.arange(columns.start, columns.stop) + 0.5 - camera[0, 2]) / camera[0, 0]
    y = (np.arange(rows.start, rows.stop) + 0.5 - camera[1, 2]) / camera[1, 1]
    rays = np.stack(np.broadcast_arrays(x[None, :], y[:, None], 1.0), axis=-1)
    if shape.kind == "box":
        at = _hit_box(rays @ turn, -shape.start @ turn, shape.end)
    elif shape.kind == "capsule":
        at = _hit_capsule(rays, shape.start, shape.end, shape.radius_m)
    else:
        at = _hit_cylinder(rays, shape.start, shape.end, shape.radius_m)
    nearer = at < depth[rows, columns]
    depth[rows, columns][nearer] = at[nearer]
    part[rows, columns][nearer] = shape.link


def _window(shape: Shape, camera: Floats, size: tuple[int, ...]) -> tuple[slice, slice] | None:
    """Rows and columns that may show the shape: around the balls at its ends."""
    if shape.kind == "box":
        balls, radius = [shape.start], float(np.linalg.norm(shape.end))
    else:
        balls, radius = [shape.start, shape.end], shape.radius_m * (2**0.5 if shape.kind == "cylinder" else 1.0)
    if min(ball[2] for ball in balls) <= radius + 0.01:
        return slice(0, size[0]), slice(0, size[1])
    lows, highs = [], []
    for ball in balls:
        middle = camera[:2, :2].diagonal() * ball[:2] / ball[2] + camera[:2, 2]
        spread = camera[0, 0] * radius / (ball[2] - radius) + 1
        lows.append(middle - spread)
        highs.append(middle + spread)
    left, top = np.clip(np.floor(np.min(lows, axis=0)), 0, (size[1], size[0])).astype(int)
    right, bottom = np.clip(np.ceil(np.max(highs, axis=0)), 0, (size[1], size[0])).astype(int)
    if left >= right or top >= bottom:
        return None
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def _hit_sphere(rays: Floats, centre: Floats, radius: float) -> Floats:
    """Distance, in lengths of a ray, to a ball; infinite where it is missed. Rays start at the origin."""
    a, b = np.einsum("hwi,hwi->hw", rays, rays), rays @ centre
    root = b * b - a * (centre @ centre - radius * radius)
    with np.errstate(invalid="ignore"):
        at = (b - np.sqrt(root)) / a
    return np.where((root >= 0) & (at > 0), at, np.inf)


def _hit_tube(rays: Floats, start: Floats, end: Floats, radius: float) -> tuple[Floats, Floats, float]:
    """(distance to the mantle, how far along the axis from 0 to `span`, span = |end - start|²)."""
    axis = end - start
    span = float(axis @ axis)
    along, lean = rays @ axis, float(-start @ axis)
    a = span * np.einsum("hwi,hwi->hw", rays, rays) - along * along
    b = span * (rays @ -start) - lean * along
    c = span * float(start @ start) - lean * lean - radius * radius * span
    root = b * b - a * c
    with np.errstate(invalid="ignore", divide="ignore"):
        at = (-b - np.sqrt(root)) / a
    at = np.where((root >= 0) & (at > 0), at, np.inf)
    with np.errstate(invalid="ignore"):
        place = np.where(np.isfinite(at), lean + at * along, np.inf)
    return np.where((place > 0) & (place < span), at, np.inf), place, span


def _hit_capsule(rays: Floats, start: Floats, end: Floats, radius: float) -> Floats:
    """Distance to a capsule: its mantle and the balls at its ends."""
    ends = np.minimum(_hit_sphere(rays, start, radius), _hit_sphere(rays, end, radius))
    return ends if np.array_equal(start, end) else np.minimum(ends, _hit_tube(rays, start, end, radius)[0])


def _hit_cylinder(rays: Floats, start: Floats, end: Floats, radius: float) -> Floats:
    """Distance to a cylinder: its mantle and the discs at its ends."""
    at = _hit_tube(rays, start, end, radius)[0]
    axis = (end - start) / np.linalg.norm(end - start)
    slope = rays @ axis
    for centre in (start, end):
        with np.errstate(divide="ignore", invalid="ignore"):
            disc = float(centre @ axis) / slope
            off = rays * disc[..., None] - centre
            inside = (disc > 0) & (np.einsum("hwi,hwi->hw", off, off) <= radius * radius)
        at = np.where(inside, np.minimum(at, disc), at)
    return at


def _hit_box(rays: Floats, origin: Floats, half: Floats) -> Floats:
    """Distance to a box about zero, by its slabs. Source: Kay, Kajiya 1986, doi 10.1145/15886.15916."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = (-half - origin) / rays, (half - origin) / rays
    near = np.nanmax(np.minimum(first, second), axis=-1)
    far = np.nanmin(np.maximum(first, second), axis=-1)
    return np.where((near <= far) & (near > 0), near, np.inf)


def draw_episode(
    model: Model,
    joint_pos_rad: Floats,
    view: View,
    size: tuple[int, int],
    scene: Scene,
    centres: Floats,
    distractors: Sequence[Distractor] = (),
) -> Masks:
    """Part maps of all rows of an episode, shape (T, H, W); rows in which nothing moves are drawn once."""
    radii = tuple(thing.radius_m for thing in scene.objects)
    drawn: list[Masks] = []
    for row, pose in enumerate(joint_pos_rad):
        if row and np.array_equal(pose, joint_pos_rad[row - 1]) and np.array_equal(centres[row], centres[row - 1]):
            drawn.append(drawn[-1])
        else:
            drawing = draw(model, pose, view, size, centres=centres[row], radii_m=radii, distractors=distractors)
            drawn.append(drawing.part)
    return np.stack(drawn)
