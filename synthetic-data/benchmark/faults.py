"""Faults put into clips that were clean, to see whether the checks find them."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from physai.infrastructure.contracts import View

from ..backend import Frames, Request
from ..scene import EMPTY, OBJECT, Floats, Masks, homography, intrinsics
from ..silhouette import Drawing, draw


class Subject(NamedTuple):
    """A clean clip, with all that a fault may need."""

    request: Request
    camera: str
    view: View
    frames: Frames
    source: Frames
    parts: Masks
    other: Frames
    """Clean clip of another episode."""
    rng: np.random.Generator


class Faulty(NamedTuple):
    """A clip with a fault, and the rows it is said to belong to."""

    frames: Frames
    source: Frames
    parts: Masks


type Fault = Callable[[Subject], Faulty]


def repainted(subject: Subject, joints: Floats | None = None, view: View | None = None) -> Frames:
    """The clip painted anew by its parts: surroundings from the frames in which they are free, each link in one colour.

    Args:
        subject: The clip.
        joints: Angles to paint instead of the recorded ones, (T, J).
        view: Camera to paint from instead of its own.
    """
    request = subject.request
    poses = request.joints if joints is None else joints
    empty = _empty_scene(subject)
    colors = {
        int(link): np.median(subject.frames[subject.parts == link], axis=0)
        for link in np.unique(subject.parts[subject.parts != EMPTY])
    }
    radii = tuple(thing.radius_m for thing in request.scene.objects)
    size = request.size(subject.camera)
    painted = []
    for pose, centres in zip(poses, request.centres, strict=True):
        drawing = draw(request.model, pose, view or subject.view, size, centres=centres, radii_m=radii)
        painted.append(_paint(empty, drawing, colors, intrinsics(subject.view, *size)[0, 0]))
    noise = subject.rng.normal(0, max(request.generation.variation.photometric.noise, 0.5), np.shape(painted))
    return np.clip(np.rint(np.stack(painted) + noise), 0, 255).astype(np.uint8)


def _paint(empty: Frames, drawing: Drawing, colors: dict[int, Floats], focal_px: float) -> Frames:
    """One picture: each part in its colour, lit from the camera, so that round shapes look round."""
    picture = empty.astype(np.float64)
    depth = np.where(np.isfinite(drawing.depth_m), drawing.depth_m, np.nan)
    slope = np.hypot(*np.gradient(depth)) * focal_px / depth
    light = np.nan_to_num(1.25 / np.sqrt(1 + slope**2), nan=0.6)[..., None]
    for link, color in colors.items():
        shown = drawing.part == link
        picture[shown] = (color * light)[shown]
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.5))


def _empty_scene(subject: Subject) -> Frames:
    robot = subject.parts != EMPTY
    wide = np.stack([cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) for mask in robot]).astype(bool)
    never = np.asarray(wide.all(axis=0), np.bool_)
    masked = np.where(wide[..., None], np.nan, subject.frames.astype(np.float32))
    median = np.zeros(subject.frames.shape[1:], np.uint8)
    median[~never] = np.nanmedian(masked[:, ~never], axis=0).astype(np.uint8)
    return np.asarray(cv2.inpaint(median, np.array(never, np.uint8), 3, cv2.INPAINT_TELEA), np.uint8)


def clean(subject: Subject) -> Faulty:
    """As it is."""
    return Faulty(subject.frames, subject.source, subject.parts)


def repainted_clean(subject: Subject) -> Faulty:
    """Painted anew with the recorded joints: shows that the painter is not what is found in the faults it paints."""
    return _with(subject, repainted(subject))


def time_shift(subject: Subject) -> Faulty:
    """2 to 5 rows early or late; cut at both ends, so that no frame is repeated."""
    shift = int(subject.rng.integers(2, 6))
    if subject.rng.random() < 0.5:
        return Faulty(subject.frames[shift:], subject.source[shift:], subject.parts[:-shift])
    return Faulty(subject.frames[:-shift], subject.source[:-shift], subject.parts[shift:])


def mirror(subject: Subject) -> Faulty:
    """Left and right exchanged."""
    return _with(subject, subject.frames[:, :, ::-1].copy())


def limb_swap(subject: Subject) -> Faulty:
    """Upper arm and forearm exchange their motion."""
    joints = subject.request.joints.copy()
    joints[:, [1, 2]] = joints[:, [2, 1]] * [-1, -1]
    return _with(subject, repainted(subject, joints))


def drift(subject: Subject) -> Faulty:
    """The tool leaves its place by 4 to 8 cm over the clip: the elbow turns too far, 1 rad there is about 0.6 m."""
    joints = subject.request.joints.copy()
    ramp = np.linspace(0, 1, len(joints))
    joints[:, 2] += subject.rng.choice([-1, 1]) * ramp * subject.rng.uniform(0.07, 0.14)
    return _with(subject, repainted(subject, joints))


def frozen(subject: Subject) -> Faulty:
    """1 to 4 frames repeat the one before them, while the robot moves."""
    row = _moving_row(subject)
    frames = subject.frames.copy()
    frames[row : row + int(subject.rng.integers(1, 5))] = frames[row - 1]
    return _with(subject, frames)


def dropped(subject: Subject) -> Faulty:
    """One frame is missing."""
    row = _moving_row(subject)
    return Faulty(np.delete(subject.frames, row, axis=0), subject.source, subject.parts)


def dropped_and_padded(subject: Subject) -> Faulty:
    """2 to 4 frames are missing, and the last one is repeated, so that the count is right."""
    row, missing = _moving_row(subject), int(subject.rng.integers(2, 5))
    kept = np.delete(subject.frames, np.s_[row : row + missing], axis=0)
    return _with(subject, np.concatenate([kept, np.repeat(kept[-1:], len(subject.frames) - len(kept), axis=0)]))


def wrong_view(subject: Subject) -> Faulty:
    """Seen by a camera that is turned by 5 to 12 degrees, or stands half a metre to the side."""
    rng = subject.rng
    if rng.random() < 0.5:
        moved = np.add(subject.view.eye_m, (0.0, rng.choice([-0.5, 0.5]), 0.0))
        aside = subject.view.model_copy(update={"eye_m": tuple(moved.tolist())})
        return _with(subject, repainted(subject, view=aside))
    turned = {"pan_deg": subject.view.pan_deg + float(rng.choice([-1, 1]) * rng.uniform(5, 12))}
    move = homography(subject.view, subject.view.model_copy(update=turned), *subject.frames.shape[1:3])
    size = subject.frames.shape[2], subject.frames.shape[1]
    frames = [cv2.warpPerspective(frame, move, size, borderMode=cv2.BORDER_REPLICATE) for frame in subject.frames]
    return _with(subject, np.stack(frames).astype(np.uint8))


def other_episode(subject: Subject) -> Faulty:
    """The video of another episode, cut to a common length."""
    rows = min(len(subject.other), len(subject.parts))
    return Faulty(subject.other[:rows], subject.source[:rows], subject.parts[:rows])


def black(subject: Subject) -> Faulty:
    """One black frame."""
    frames = subject.frames.copy()
    frames[int(subject.rng.integers(len(frames)))] = 0
    return _with(subject, frames)


def flicker(subject: Subject) -> Faulty:
    """Each frame is lit differently."""
    light = subject.rng.normal(0, 12, (len(subject.frames), 1, 1, 1))
    return _with(subject, np.clip(subject.frames + light, 0, 255).astype(np.uint8))


def blurred(subject: Subject) -> Faulty:
    """Out of focus by three pixels."""
    return _with(subject, np.stack([cv2.GaussianBlur(frame, (0, 0), 3) for frame in subject.frames]).astype(np.uint8))


FAULTS: dict[str, Fault] = {
    "time-shift": time_shift,
    "mirror": mirror,
    "limb-swap": limb_swap,
    "end-effector-drift": drift,
    "frozen": frozen,
    "dropped": dropped,
    "wrong-view": wrong_view,
    "other-episode": other_episode,
}
"""What must be found."""
MORE: dict[str, Fault] = {
    "dropped-and-padded": dropped_and_padded,
    "black": black,
    "flicker": flicker,
    "blurred": blurred,
}
"""What is looked for as well."""


def _with(subject: Subject, frames: Frames) -> Faulty:
    return Faulty(frames, subject.source, subject.parts)


def _moving_row(subject: Subject) -> int:
    """A row, neither first nor among the last five, at which the robot is fast: of slower rows, AV1 repeats some."""
    robot = (subject.parts != EMPTY) & (subject.parts != OBJECT)
    moved = (robot[1:] ^ robot[:-1]).sum(axis=(1, 2))[:-5]
    rows = np.flatnonzero(moved >= 0.65 * moved.max()) + 1
    return int(subject.rng.choice(rows))
