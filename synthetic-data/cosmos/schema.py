"""Input files of the Cosmos projects, as they document them; paths inside are relative to the file.

Sources: nvidia-cosmos/cosmos-transfer2.5 at 2ff49d0, `docs/inference.md`, `docs/inference_guided_generation.md` and the
models in `cosmos_transfer2/config.py`; nvidia-cosmos/cosmos-predict2.5, `docs/inference.md` at 09b3d4d,
`cosmos_predict2/config.py` at 2ac6ee5 and `cosmos_predict2/action_conditioned.py` at 687da63, with the guide
`docs/inference_robot_action_cond.md` (`models.json` names its last commit, a2c298b, which was not at hand);
nvidia-cosmos/cosmos-reason2 at a3b4a1d, `README.md`. Bounds and exclusions are theirs.
"""

from pathlib import PurePosixPath
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Strength = Literal["very_low", "low", "medium", "high", "very_high"]
ROBOT_VIEWS = ("head_color", "hand_left", "hand_right")
CONTROLS = ("edge", "vis", "depth", "seg")
PREDICT_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".mp4")


class CosmosModel(BaseModel):
    """Unknown keys are refused, as the projects do."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def text(self) -> str:
        """JSON with only what was set."""
        return self.model_dump_json(exclude_none=True, indent=2) + "\n"


class Control(CosmosModel):
    """One control of Transfer2.5."""

    control_path: str | None = None
    """Video of the control; absent: computed from the input video."""
    control_weight: float = Field(default=1.0, ge=0, le=1)
    mask_path: str | None = None
    """White where the control counts."""
    mask_prompt: str | None = None

    @model_validator(mode="after")
    def _one_mask(self) -> Self:
        if self.mask_path is not None and self.mask_prompt is not None:
            raise ValueError("only one of mask_path and mask_prompt")
        return self


class EdgeControl(Control):
    """Edges."""

    preset_edge_threshold: Strength | None = None


class BlurControl(Control):
    """`vis`: the blurred video."""

    preset_blur_strength: Strength | None = None


class SegControl(Control):
    """Segmentation."""

    control_prompt: str | None = None


class TransferSpec(CosmosModel):
    """`-i` of `examples/inference.py` of Transfer2.5."""

    name: str
    prompt: str
    video_path: str
    negative_prompt: str | None = None
    seed: int = 2025
    guidance: int = Field(default=3, ge=0, le=7)
    resolution: Literal["720", "480"] = "720"
    num_steps: int = Field(default=35, gt=0)
    num_conditional_frames: Literal[0, 1, 2] = 1
    num_video_frames_per_chunk: int = Field(default=93, gt=0)
    max_frames: int | None = Field(default=None, gt=0)
    image_context_path: str | None = None
    keep_input_resolution: bool = True
    edge: EdgeControl | None = None
    vis: BlurControl | None = None
    depth: Control | None = None
    seg: SegControl | None = None
    guided_generation_mask: str | None = None
    """White where the input's own pixels stay: the robot."""
    guided_generation_step_threshold: int = 25

    @model_validator(mode="after")
    def _has_a_control(self) -> Self:
        if not any(getattr(self, name) for name in CONTROLS):
            raise ValueError(f"at least one control of {', '.join(CONTROLS)}")
        if self.vis and self.image_context_path:
            raise ValueError("vis and image_context_path both transfer style: give one")
        return self


class RobotView(CosmosModel):
    """One camera of a robot with several."""

    input_path: str | None = None
    control_path: str | None = None
    """For depth and segmentation; edges and blur are computed from the input video."""


class RobotMultiviewSpec(CosmosModel):
    """`-i` of `examples/robot_multiview_agibot_control.py` of Transfer2.5; paths are relative to its `--input-root`.

    Its checkpoints are NVIDIA-internal at that commit. Source: `docs/inference_robot_multiview_control.md` and
    `cosmos_transfer2/robot_multiview_control_agibot_config.py`.
    """

    name: str
    prompt: str | None = None
    negative_prompt: str | None = None
    seed: int = 0
    guidance: int = Field(default=3, ge=0, le=7)
    head_color: RobotView
    hand_left: RobotView
    hand_right: RobotView
    num_conditional_frames: Literal[0, 1] = 1
    num_video_frames_per_chunk: int = Field(default=93, gt=0)
    target_height: int = Field(default=720, gt=0)
    target_width: int = Field(default=1280, gt=0)
    fps: int = Field(default=10, gt=0)
    num_steps: int = Field(default=35, gt=0)
    preset_edge_threshold: Strength | None = None
    preset_blur_strength: Strength | None = None
    control_weight: float = Field(default=1.0, ge=0, le=1)
    save_combined_views: bool = True
    enable_autoregressive: bool = False
    num_chunks: int = Field(default=2, ge=1)
    chunk_overlap: int = 1

    @model_validator(mode="after")
    def _has_inputs(self) -> Self:
        missing = [name for name in ROBOT_VIEWS if getattr(self, name).input_path is None]
        if self.num_conditional_frames > 0 and missing:
            raise ValueError(f"input_path is required for {', '.join(missing)}")
        return self


class PredictSample(CosmosModel):
    """One line of `-i` (JSON Lines) of `examples/inference.py` of Predict2.5; it writes `<name>.mp4`."""

    inference_type: Literal["text2world", "image2world", "video2world"]
    name: str
    prompt: str
    input_path: str | None = None
    """Picture or video; of a video the last five frames count, of a picture the one."""
    negative_prompt: str | None = None
    seed: int = 0
    guidance: int = Field(default=7, ge=0, le=7)
    resolution: str = "none"
    """Height and width, `704,1280`; `none`: as the model was trained."""
    num_output_frames: int = Field(default=77, gt=0)
    num_steps: int = Field(default=35, gt=0)

    @model_validator(mode="after")
    def _has_its_input(self) -> Self:
        if self.inference_type == "text2world":
            return self
        if self.input_path is None:
            raise ValueError(f"{self.inference_type} needs input_path")
        if PurePosixPath(self.input_path).suffix not in PREDICT_SUFFIXES:
            raise ValueError(f"input_path '{self.input_path}' ends with none of {', '.join(PREDICT_SUFFIXES)}")
        return self


class ActionSpec(CosmosModel):
    """`-i` of `examples/action_conditioned.py` of Predict2.5, for all episodes of one camera.

    `input_root` and `save_root` count from where the program runs, and are given on its command line.
    """

    name: str
    input_root: str = "."
    input_json_sub_folder: str
    """Folder of the `ActionEpisode` files, below `input_root`."""
    save_root: str
    chunk_size: int = Field(default=12, gt=0)
    """Actions of a forward pass; as trained."""
    guidance: int = Field(default=7, ge=0, le=7)
    resolution: str = "none"
    camera_id: int = Field(default=0, ge=0)
    """Place in `ActionEpisode.videos`."""
    start: int = Field(default=0, ge=0)
    end: int = Field(default=100, gt=0)
    """Files from `start` to before `end` are used, the others silently left out."""
    fps_downsample_ratio: int = Field(default=1, gt=0)
    """Every so many rows are one action."""
    save_fps: int = Field(default=20, gt=0)
    num_latent_conditional_frames: Literal[0, 1, 2] = 1
    action_scaler: float = 20.0
    """Factor on displacements, in m and rad, before the network sees them."""


class ActionVideo(CosmosModel):
    """One camera of an episode."""

    video_path: str
    """Below `input_root`."""


class ActionEpisode(CosmosModel):
    """What the program reads of one episode; it takes the actions from pose to pose out of it."""

    videos: tuple[ActionVideo, ...] = Field(min_length=1)
    state: tuple[tuple[float, float, float, float, float, float], ...]
    """Pose of the tool in each frame: x, y, z in m, roll, pitch, yaw in rad, as R = Rz(yaw) Ry(pitch) Rx(roll)."""
    continuous_gripper_state: tuple[float, ...]
    """0 open, 1 closed."""

    @model_validator(mode="after")
    def _is_as_long(self) -> Self:
        if len(self.state) != len(self.continuous_gripper_state):
            raise ValueError(f"{len(self.state)} poses and {len(self.continuous_gripper_state)} states of the gripper")
        if len(self.state) < 2:
            raise ValueError(f"{len(self.state)} poses make no action")
        return self
