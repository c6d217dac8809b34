"""Whether the simulator's physics, given the recorded actions, moves the robot as it was recorded."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .backend import Request
from .scene import in_model_order, link_poses, simulated_world

if TYPE_CHECKING:
    from physai.infrastructure.simulation.stage import Motion, Stage

RADIUS_M = 0.035  # of the scene's marker
LINKS_M = 0.001
"""By which links of the simulated robot may stand off from the model's: far below a pixel."""


class Replay(NamedTuple):
    """What the physics made of a recording."""

    measured: dict[str, float]
    failure: str


def replay(stage: "Stage", requests: Sequence[Request]) -> dict[int, Replay]:
    """By episode: how far the simulated robot departs from the recording, and why it cannot be shown if it cannot."""
    episodes = {request.generation.episode: request for request in requests}
    found = {episode: Replay({}, _unfit(stage, request)) for episode, request in episodes.items()}
    played = {episode: request for episode, request in episodes.items() if _by_actions(request, found[episode])}
    paths = stage.play([_motion(request) for request in played.values()])
    for (episode, request), path in zip(played.items(), paths, strict=True):
        found[episode] = _compared(request, path)
    for episode, request in episodes.items():
        if not found[episode].failure:
            found[episode] = _placed(stage, request, found[episode])
    return found


def _by_actions(request: Request, found: Replay) -> bool:
    return not found.failure and request.plan.variations.replay == "actions"


def _unfit(stage: "Stage", request: Request) -> str:
    """Why this scene and this recording do not go together, by name; empty if they do."""
    objects, variations = request.scene.objects, request.plan.variations
    if len(objects) > 1 or any(thing.radius_m != RADIUS_M for thing in objects):
        return f"scene: the simulated one has one target of {RADIUS_M} m"
    if variations.replay == "states":
        return ""
    instead = "set `replay: states`"
    if simulated_world(request.dataset, request.generation.episode) is None:
        world = request.dataset.required_provenance.episodes[request.generation.episode].world
        return f"world: '{world}' cannot be simulated; {instead}"
    if request.plan.fps != stage.rate_hz:
        return f"rate: recorded at {request.plan.fps} Hz, simulated at {stage.rate_hz:g} Hz; {instead}"
    feature = request.dataset.info.features.get("action")
    if feature is None or feature.width != len(request.model.joints):
        return f"actions: none with one number per joint; {instead}"
    return ""


def _motion(request: Request) -> "Motion":
    from physai.infrastructure.simulation.stage import Motion

    world = simulated_world(request.dataset, request.generation.episode)
    assert world is not None, "checked in _unfit"
    aims = targets(request)
    return Motion(
        start_rad=request.joints[0].astype(np.float32),
        target=np.array((0.5, 0, 0.5, 0, 0, 0, 1), np.float32) if aims is None else aims[0],
        actions=in_model_order(request.dataset, request.generation.episode, "action").astype(np.float32),
        stiffness_scale=world.stiffness_scale,
    )


def targets(request: Request) -> NDArray[np.float32] | None:
    """Target poses, (T, 7); None if the scene has none."""
    if not request.scene.objects:
        return None
    turned_not = np.tile(np.array((0, 0, 0, 1), np.float32), (len(request.joints), 1))
    return np.concatenate([request.centres[:, 0].astype(np.float32), turned_not], axis=1)


def _compared(request: Request, path: NDArray[np.float32]) -> Replay:
    off = np.abs(path - request.joints)
    tolerance = request.plan.variations.tolerance_rad
    measured = {"replay_rad": float(off.max())}
    if off.max() <= tolerance:
        return Replay(measured, "")
    row, joint = np.unravel_index(int((off > tolerance).any(axis=1).argmax() * off.shape[1]), off.shape)
    joint = off[row].argmax()
    name = request.model.joints[int(joint)]
    return Replay(
        measured,
        f"replay: {name} is {off[row, joint]:.3g} rad from its recorded angle at row {row}, tolerance {tolerance:g}",
    )


def _placed(stage: "Stage", request: Request, found: Replay) -> Replay:
    """Whether the simulator has the links where the robot's model has them: same robot, same order of joints."""
    links = stage.links(request.joints.astype(np.float32))
    known = np.stack([link_poses(request.model.links, pose)[:, :3, 3] for pose in request.joints], axis=1)
    off = {
        link.name: float(np.abs(links[link.name] - at).max())
        for link, at in zip(request.model.links, known, strict=True)
        if link.name in links
    }
    worst = max(off, key=lambda name: off[name])
    failure = (
        f"links: {worst} is {off[worst]:.3g} m from where the robot's model has it" if off[worst] > LINKS_M else ""
    )
    return Replay(found.measured | {"links_m": off[worst]}, failure)
