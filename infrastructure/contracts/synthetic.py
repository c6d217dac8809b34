"""Generated episodes: what is to be varied, the plan of it, each clip's record, and the verdict on it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from .base import Contract, Digest, Document, YamlDocument, digest_bytes

Vector = tuple[float, float, float]
Range = tuple[float, float]
Share = Annotated[float, Field(ge=0, le=1)]
Modality = Literal["edge", "depth", "seg", "vis"]
"""Controls of Cosmos-Transfer2.5."""
Look = Literal["plain", "gradient", "checker", "noise"]
MOST_OBJECTS = 4
"""Of each shape the simulated scene has so many."""
DistractorShape = Literal["sphere", "box", "cylinder"]
BackendName = Literal["local", "simulation", "cosmos"]
Brightness = Annotated[float, Field(ge=-0.5, le=0.5)]
Contrast = Annotated[float, Field(gt=0, le=3)]
Hue = Annotated[float, Field(ge=-180, le=180)]
Noise = Annotated[float, Field(ge=0, le=64)]
Turn = Annotated[float, Field(ge=-20, le=20)]
Zoom = Annotated[float, Field(gt=0.5, le=2)]
Azimuth = Annotated[float, Field(ge=-180, le=180)]
Elevation = Annotated[float, Field(ge=0, le=90)]
Intensity = Annotated[float, Field(gt=0, le=4)]
Kelvin = Annotated[float, Field(ge=1667, le=25000)]
Positive = Annotated[float, Field(gt=0)]
ObjectCount = Annotated[int, Field(ge=0, le=MOST_OBJECTS)]


class View(Contract):
    """A fixed pinhole camera, in the frame of the robot's base."""

    eye_m: Vector
    look_at_m: Vector
    field_of_view_deg: float = Field(gt=0, lt=170)
    """Across the picture's height."""
    pan_deg: float = Field(default=0.0, ge=-30, le=30)
    """To the right of where it looks."""
    tilt_deg: float = Field(default=0.0, ge=-30, le=30)
    """Up."""
    roll_deg: float = Field(default=0.0, ge=-30, le=30)
    """Clockwise, seen from behind the camera."""


class Sphere(Contract):
    """An object that is kept as it is, at a place that the dataset records, e.g. the target's marker."""

    feature: str = "observation.environment_state"
    """Column whose first three numbers are its centre in the base frame, in m."""
    radius_m: float = Field(default=0.035, gt=0)


class Scene(Contract):
    """What is known of the place where a dataset was recorded."""

    views: dict[str, View]
    """Camera feature → where it stands. Source for a real camera: its calibration."""
    objects: tuple[Sphere, ...] = ()
    joints: str = "observation.state"
    """Column with the joint angles in rad, in the order of the robot's model."""


class Photometric(Contract):
    """Light and camera electronics; the same for all frames of a clip, so that no flicker is learned."""

    brightness: Brightness = 0.0
    """Added to every channel, as a fraction of white."""
    contrast: Contrast = 1.0
    """Factor around middle grey."""
    hue_deg: Hue = 0.0
    """Turn of the colours around the grey axis."""
    noise: Noise = 0.0
    """Standard deviation of the sensor's noise, in levels of 0 to 255; drawn anew for every frame."""


class Pattern(Contract):
    """A picture of one kind, fixed over the clip."""

    look: Look
    scale_px: Positive
    """Edge of a checker's field, or wavelength of the noise; on a surface as far as what the camera looks at."""
    strength: Share = 1.0
    """0 leaves the picture as it is."""
    first: Vector = (0.5, 0.5, 0.5)
    """Colour, RGB 0..1."""
    second: Vector = (0.5, 0.5, 0.5)


class CameraTurn(Contract):
    """The same camera from the same place, turned and zoomed: exact for a picture whatever its depth."""

    pan_deg: Turn = 0.0
    tilt_deg: Turn = 0.0
    roll_deg: Turn = 0.0
    zoom: Zoom = 1.0


class Light(Contract):
    """The lamp of a simulated scene, and the sky, which is as strong and has the same colour."""

    azimuth_deg: Azimuth
    """Where the lamp is, about the base's z from its x."""
    elevation_deg: Elevation
    intensity: Intensity
    """Factor on all light."""
    temperature_k: Kelvin
    """Of a black body of that colour; 6500 is white."""
    shadows: bool = False


class Distractor(Contract):
    """A thing that stands in the scene, does not move, and has nothing to do with the task."""

    shape: DistractorShape
    center_m: Vector
    """In the frame of the robot's base."""
    radius_m: float = Field(gt=0)
    """Of a sphere; of a cylinder, which is as tall as it is wide; half the edge of a box."""
    color: Vector
    """RGB 0..1."""


class Variation(Contract):
    """One way to see an episode."""

    photometric: Photometric = Photometric()
    texture: Pattern | None = None
    """Laid over all that is neither robot nor kept object."""
    background: Pattern | None = None
    """In place of all that is neither robot nor kept object; in simulation, of all behind table and robot."""
    camera: CameraTurn | None = None
    objects: tuple[Distractor, ...] = ()
    light: Light | None = None
    """None: as the scene is lit. As the next two, for simulation alone."""
    colors: dict[str, Vector] = {}
    """Part of the scene, e.g. `Table` → its colour, RGB 0..1."""
    shift_m: Vector | None = None
    """By which all cameras stand elsewhere, in the base frame."""
    prompt: str = ""
    controls: dict[Modality, float] = {}
    """Weight of each control of Cosmos-Transfer2.5."""


class Ranges(Contract):
    """What numbers are drawn from: pairs of a lowest and a highest, each of them possible."""

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        for name, value in self:
            match value:
                case (int() | float() as low, int() | float() as high) if low > high:
                    raise ValueError(f"`{name}`: {low:g} is above {high:g}; give the lower one first")
        return self


class PhotometricRanges(Ranges):
    """What is drawn from, uniformly."""

    brightness: tuple[Brightness, Brightness] = (-0.12, 0.12)
    """Lowest and highest, as of the next three: added to every channel, as a fraction of white."""
    contrast: tuple[Contrast, Contrast] = (0.8, 1.25)
    """Factor around middle grey."""
    hue_deg: tuple[Hue, Hue] = (-12.0, 12.0)
    """Turn of the colours around the grey axis."""
    noise: tuple[Noise, Noise] = (0.0, 4.0)
    """Standard deviation of the sensor's noise, in levels of 0 to 255."""


class PatternRanges(Ranges):
    """Patterns to draw from."""

    share: Share
    """Of the generations that get one."""
    looks: Annotated[tuple[Look, ...], Field(min_length=1)] = ("plain", "gradient", "checker", "noise")
    """Kinds to choose from."""
    scale_px: tuple[Positive, Positive] = (6.0, 32.0)
    """Edge of a checker's field, or wavelength of the noise, lowest and highest."""
    strength: tuple[Share, Share] = (0.2, 0.6)
    """Part of the pattern in the mixture, lowest and highest; 1 hides what was there."""


class TurnRanges(Ranges):
    """Turns of the camera to draw from."""

    share: Share = 1.0
    """Of the generations in which it turns."""
    pan_deg: tuple[Turn, Turn] = (-3.0, 3.0)
    """Lowest and highest, as of the next three: to the right."""
    tilt_deg: tuple[Turn, Turn] = (-3.0, 3.0)
    """Up."""
    roll_deg: tuple[Turn, Turn] = (-2.0, 2.0)
    """Clockwise, seen from behind the camera."""
    zoom: tuple[Zoom, Zoom] = (1.0, 1.12)
    """Factor on the picture; 1 for none."""


class DistractorRanges(Ranges):
    """Things to draw from; each is placed where the robot never comes."""

    count: tuple[ObjectCount, ObjectCount] = (0, 3)
    """Fewest and most of a generation."""
    shapes: Annotated[tuple[DistractorShape, ...], Field(min_length=1)] = ("sphere", "box", "cylinder")
    radius_m: tuple[Positive, Positive] = (0.03, 0.07)
    x_m: Range = (0.2, 0.9)
    """In the base frame, as the next two; the default is the loop's table."""
    y_m: Range = (-0.6, 0.6)
    top_m: float = 0.0
    """Height of what they stand on."""


class LightRanges(Ranges):
    """Lamps to draw from."""

    azimuth_deg: tuple[Azimuth, Azimuth] = (-180.0, 180.0)
    elevation_deg: tuple[Elevation, Elevation] = (25.0, 80.0)
    intensity: tuple[Intensity, Intensity] = (0.6, 1.3)
    temperature_k: tuple[Kelvin, Kelvin] = (3500.0, 9000.0)
    shadows: Share = 0.5
    """Of the generations in which the lamp casts them."""


class ColorRanges(Ranges):
    """Colours to draw from."""

    share: Share = 1.0
    parts: Annotated[tuple[str, ...], Field(min_length=1)] = ("Table", "ground")
    """Of the scene, each drawn apart; a part of a shape's path."""
    spread: float = Field(default=0.35, ge=0, le=0.5)
    """Of each channel around 0.5."""


class ShiftRanges(Ranges):
    """Places of the cameras to draw from, in m from where they stood."""

    x_m: Range = (-0.1, 0.1)
    y_m: Range = (-0.1, 0.1)
    z_m: Range = (-0.1, 0.1)


class Variations(YamlDocument):
    """What a dataset is to be varied in: the file a person writes."""

    kind: Literal["variations"] = "variations"
    version: Literal[1] = 1
    backend: BackendName = "local"
    copies: int = Field(default=1, ge=1)
    """Generations of each training episode."""
    seed: int = Field(default=0, ge=0)
    keep_robot: bool = False
    """The robot's own pixels stay as they were, noise and light included; for `local` and `cosmos`."""
    photometric: PhotometricRanges | None = PhotometricRanges()
    """For `local` and `simulation`, as are the next four."""
    texture: PatternRanges | None = None
    background: PatternRanges | None = None
    camera: TurnRanges | None = None
    objects: DistractorRanges | None = None
    light: LightRanges | None = None
    """For the backend `simulation`, as are all up to `tolerance_rad`."""
    colors: ColorRanges | None = None
    shift: ShiftRanges | None = None
    replay: Literal["actions", "states"] = "actions"
    """`actions`: recorded actions must lead to the recorded joint angles by physics. `states`: the angles are set."""
    tolerance_rad: float = Field(default=0.001, gt=0)
    """By which a joint may depart from its recorded angle when actions are replayed."""
    prompts: tuple[str, ...] = ()
    """For the backend `cosmos`; each is used equally often."""
    controls: dict[Modality, float] = {"edge": 1.0}
    """For the backend `cosmos`: weight of each control."""
    start_from: Literal["recorded", "simulation"] = "recorded"
    """For the backend `cosmos`: the recorded videos, or what `simulation` makes of them, with its controls."""
    views: Literal["apart", "together"] = "apart"
    """For the backend `cosmos`: camera by camera, or all three in one generation by robot multi-view, so that they
    agree; it takes one of `controls`, and cannot keep the robot's pixels."""
    scene: Scene | None = None
    """None: that of the simulated rig."""

    @model_validator(mode="after")
    def _fits_the_backend(self) -> "Variations":
        if self.backend == "cosmos" and not self.prompts:
            raise ValueError("backend 'cosmos' needs at least one of `prompts`")
        if self.start_from == "simulation" and self.backend != "cosmos":
            raise ValueError("`start_from` is for backend 'cosmos'")
        if self.views == "together":
            self._fits_multiview()
        for backends, names in ONLY_FOR:
            given = [name for name in names if getattr(self, name)]
            if given and not {self.backend, self.start_from} & set(backends):
                instead = "; say it in `prompts`, or `start_from: simulation`" if self.backend == "cosmos" else ""
                raise ValueError(f"`{given[0]}` is for backend {' or '.join(map(repr, backends))}{instead}")
        return self

    def _fits_multiview(self) -> None:
        if self.backend != "cosmos":
            raise ValueError("`views: together` is for backend 'cosmos'; the others show all cameras the same scene")
        if len(self.controls) != 1:
            raise ValueError(f"`views: together` takes one of `controls`, not {len(self.controls)}")
        if self.keep_robot:
            raise ValueError("`views: together` cannot keep the robot's pixels; leave `keep_robot` out")

    @property
    def simulated(self) -> bool:
        """Whether the simulator is asked."""
        return "simulation" in (self.backend, self.start_from)


ONLY_FOR: tuple[tuple[tuple[BackendName, ...], tuple[str, ...]], ...] = (
    (("local", "simulation"), ("texture", "background", "camera", "objects")),
    (("simulation",), ("light", "colors", "shift")),
    (("local", "cosmos"), ("keep_robot",)),
)
"""Backends → what may be varied with them alone."""


DRAWN = {
    *("copies", "seed", "photometric", "texture", "background", "camera", "objects"),
    *("light", "colors", "shift", "prompts", "controls"),
}
"""Fields of `Variations` of which each generation has its own share."""


class Generation(Contract):
    """One clip to be made."""

    id: str
    """`e0003-v01`: source episode and number of its variation."""
    episode: int
    copy_number: int
    rows: int
    seed: int
    variation: Variation


class Coverage(Contract):
    """How much of the range of one dimension is seen, in tenths of it."""

    dimension: str
    real: Share
    planned: Share
    """With the real set."""


class GenerationCost(Contract):
    """What the plan takes, before anything is submitted."""

    frames: int
    vm_size: str
    gpu: str | None
    gpu_hours: float
    cpu_hours: float
    usd: float
    source: str
    """Where the time per frame and the price are from."""


class GenerationPlan(Document):
    """Everything that is to be generated from one dataset."""

    kind: Literal["generation-plan"] = "generation-plan"
    version: Literal[1] = 1
    dataset: Digest
    robot: str
    fps: int
    cameras: tuple[str, ...]
    scene: Scene
    variations: Variations
    generations: tuple[Generation, ...]
    coverage: tuple[Coverage, ...]
    cost: GenerationCost

    def request(self, generation: Generation) -> Digest:
        """Digest of all that is asked of a generator for one clip, whatever else the plan holds."""
        shared = self.model_dump_json(
            exclude={"generations": True, "coverage": True, "cost": True, "variations": DRAWN}
        )
        return digest_bytes((shared + generation.model_dump_json()).encode())


class Clip(Document):
    """One generated clip, or why there is none; `clip.json` beside its videos."""

    kind: Literal["generated-clip"] = "generated-clip"
    version: Literal[2] = 2
    request: Digest
    """Of what was asked, by `GenerationPlan.request`; a plan takes the clip only if it asks the same."""
    generation: Generation
    dataset: Digest
    backend: str
    model: str
    model_digest: Digest
    videos: dict[str, Digest] = {}
    """Camera → of its MP4."""
    views: dict[str, View] = {}
    """Camera → where it stood."""
    controls: dict[str, dict[str, Digest]] = {}
    """Camera → control, e.g. `depth` → of its MP4, frame by frame beside the video; and `truth` → of its arrays."""
    measured: dict[str, float] = {}
    """Scores that only the backend can tell, e.g. `replay_rad`."""
    failure: str = ""
    """Name and reason, if the backend did not deliver."""
    seconds: float = Field(ge=0)
    """What the generation took."""


class Threshold(Contract):
    """A limit of one score."""

    limit: float
    side: Literal["at least", "at most"]

    def holds(self, value: float) -> bool:
        """Whether the score passes."""
        return value >= self.limit if self.side == "at least" else value <= self.limit


class JudgeVote(Contract):
    """What a vision language model says of a clip."""

    plausible: bool
    reason: str = Field(min_length=1)


class ClipVerdict(Contract):
    """What the checks found of one clip."""

    id: str
    accepted: bool
    scores: dict[str, float]
    reasons: tuple[str, ...] = ()
    """Why it was rejected: `check: what was found`."""
    vote: JudgeVote | None = None
    """None if there was no judge, or the clip was rejected before it was asked."""


class VerificationReport(Document):
    """The verdict on every clip of a plan."""

    kind: Literal["verification-report"] = "verification-report"
    version: Literal[2] = 2
    plan: Digest
    dataset: Digest
    made_at: AwareDatetime
    thresholds: dict[str, Threshold]
    """Score → what it must hold."""
    judge: str = ""
    """Model that voted; empty: none."""
    clips: tuple[ClipVerdict, ...]
    videos: dict[str, dict[str, Digest]]
    """Clip → camera → of the MP4 that was checked; absent for a clip without a record."""

    @property
    def accepted(self) -> int:
        """Clips that may become data."""
        return sum(clip.accepted for clip in self.clips)


class VerifiedClip(ClipVerdict):
    """The verdict on one clip, and which episode it became."""

    source_episode: int
    """Index in the dataset that was varied."""
    episode: int | None
    """Index in this dataset; None if the clip was rejected."""


class PlanVerdicts(Contract):
    """The verdicts on the clips of one plan, by which they were let into a dataset."""

    plan: Digest
    dataset: Digest
    """The one that was varied."""
    thresholds: dict[str, Threshold]
    judge: str = ""
    clips: tuple[VerifiedClip, ...]

    def renumbered(self, places: Mapping[int, Sequence[int]]) -> Self:
        """These verdicts in a dataset made of this one; what was rejected stays.

        Args:
            places: Episode of this dataset → where it is in the other one; absent if it was left out.
        """
        clips = [
            clip.model_copy(update={"episode": place})
            for clip in self.clips
            for place in ([None] if clip.episode is None else places.get(clip.episode, []))
        ]
        return self.model_copy(update={"clips": tuple(clips)})


class DatasetVerification(Document):
    """`meta/verification.json` of a dataset with generated episodes: the verdicts by which they were let in.

    It is content of the dataset, and holds no time: the same plans give the same file.
    """

    kind: Literal["dataset-verification"] = "dataset-verification"
    version: Literal[2] = 2
    plans: tuple[PlanVerdicts, ...] = Field(min_length=1)

    def of_episode(self, episode: int) -> tuple[PlanVerdicts, VerifiedClip] | None:
        """The verdict on an episode of this dataset, with those of its plan; None if it was recorded."""
        found = ((verdicts, clip) for verdicts in self.plans for clip in verdicts.clips if clip.episode == episode)
        return next(found, None)
