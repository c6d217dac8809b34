"""What every generator of clips takes and gives."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from physai.infrastructure.contracts import Digest, Generation, GenerationPlan, Scene, View, digest_bytes
from physai.infrastructure.datasets import Dataset

from .scene import Floats, Masks, Model, joint_angles, object_centres, robot_model
from .silhouette import draw_episode

type Frames = NDArray[np.uint8]
"""RGB, shape (T, height, width, 3)."""


@dataclass(frozen=True)
class Request:
    """One generation, and all that is known of its source."""

    generation: Generation
    plan: GenerationPlan
    dataset: Dataset

    @property
    def scene(self) -> Scene:
        """Where the source was recorded."""
        return self.plan.scene

    @property
    def keep_robot(self) -> bool:
        """Whether the robot's own pixels stay."""
        return self.plan.variations.keep_robot

    @cached_property
    def model(self) -> Model:
        """Shapes of the robot."""
        return robot_model(self.plan.robot)

    @cached_property
    def joints(self) -> Floats:
        """Recorded joint angles in rad, (T, J)."""
        return joint_angles(self.dataset, self.generation.episode, self.scene)

    @cached_property
    def centres(self) -> Floats:
        """Centres of the kept objects, (T, N, 3)."""
        return object_centres(self.dataset, self.generation.episode, self.scene)

    def frames(self) -> dict[str, Frames]:
        """Camera → its recorded frames."""
        return {camera: self.dataset.frames(self.generation.episode, camera) for camera in self.plan.cameras}

    def size(self, camera: str) -> tuple[int, int]:
        """Height and width of a camera's pictures."""
        height, width, _ = self.dataset.info.features[camera].shape
        return height, width

    def parts(self, camera: str, view: View | None = None, *, varied: bool = False) -> Masks:
        """What each pixel must show, (T, height, width).

        Args:
            camera: Of the dataset.
            view: Where it stands; None: where it stood.
            varied: With the things that the variation adds, as `DISTRACTOR`.
        """
        seen = view or self.scene.views[camera]
        added = self.generation.variation.objects if varied else ()
        return draw_episode(self.model, self.joints, seen, self.size(camera), self.scene, self.centres, added)


class Made(NamedTuple):
    """What a backend delivers for one request."""

    id: str
    frames: Mapping[str, Frames]
    """Camera → frames; empty if it failed."""
    views: Mapping[str, View]
    """Camera → where it stood."""
    failure: str = ""
    """Name and reason: `too-few-frames: 12 of 48`."""
    controls: Mapping[str, Mapping[str, Frames]] = {}
    """Camera → control, e.g. `depth` → frames, one beside each of the video's."""
    truth: Mapping[str, Mapping[str, NDArray[Any]]] = {}
    """Camera → name → what the renderer knows of each pixel, first axis the row, or names."""
    measured: Mapping[str, float] = {}
    """Scores that only the backend can tell."""


class Backend(Protocol):
    """A generator of clips."""

    @property
    def name(self) -> str:
        """As in the variation file."""

    @property
    def model(self) -> str:
        """What generates, e.g. `nvidia/Cosmos-Transfer2.5-2B`."""

    @property
    def digest(self) -> Digest:
        """Of the model's weights, or of the code where there are none."""

    def generate(self, requests: Sequence[Request]) -> Iterator[Made]:
        """Make the clips, in any order, each as soon as it is ready.

        A request that fails is delivered with its `failure`; an exception ends all of them.
        """


def code_digest(names: Sequence[str], *more: bytes) -> Digest:
    """Digest of modules of this domain, for a backend whose model is its code.

    Args:
        names: File names beside this one.
        more: What else decides the pictures.
    """
    here = Path(__file__).parent
    return digest_bytes(b"".join([*more, *((here / name).read_bytes() for name in names)]))
