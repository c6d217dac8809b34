"""`meta/info.json` and the types of features. Source: lerobot 0.6.1, `datasets/utils.py` and `feature_utils.py`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from ..errors import MissingFileError
from .depth import PER_M, Scale, Unit
from .errors import FeatureError, InfoError, VersionError

CODEBASE_VERSION = "v3.0"
INFO = Path("meta/info.json")
STATS = Path("meta/stats.json")
TASKS = Path("meta/tasks.parquet")
PROVENANCE = Path("meta/provenance.json")
ANCESTORS = Path("meta/ancestors")
VERIFICATION = Path("meta/verification.json")
ANNOTATIONS = Path("meta/annotations")
"""Folder of what people say of episodes; each file in it is written once."""
QUALITY = Path("meta/quality.json")
NOT_CONTENT = frozenset({PROVENANCE.as_posix(), f"{ANNOTATIONS.as_posix()}/", QUALITY.as_posix()})
"""What is told of a dataset, and may change while the dataset stays the same; a folder ends with `/`."""
FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
EPISODES = f"meta/episodes/{FILE}.parquet"
NUMBERS = ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "bool")

SMALLEST_PX = 32  # SVT-AV1 kills its process by SIGFPE on frames of 24 pixels and less


class Feature(BaseModel):
    """One column of a dataset, or one camera."""

    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True)

    dtype: str
    """numpy's name of the type, or `video`."""
    shape: tuple[int, ...]
    """Of one row: `(6,)`; of one frame: `(height, width, 3)`, of depth `(height, width, 1)`."""
    names: Any = None
    """Of the elements in order, e.g. joint names."""
    info: dict[str, Any] | None = None
    """For a camera: how its video is encoded."""

    @property
    def is_video(self) -> bool:
        """Whether frames are in an MP4 rather than in a column."""
        return self.dtype == "video"

    @property
    def is_depth(self) -> bool:
        """Whether its frames are distances rather than colours. Source: lerobot 0.6.1, `dataset_metadata.py`."""
        told = self.info or {}
        return self.is_video and bool(told.get("is_depth_map") or told.get("video.is_depth_map"))

    @property
    def depth_unit(self) -> str | None:
        """Unit of a depth camera's statistics, that of its images: `m` or `mm`; None if it is none, or tells none."""
        return (self.info or {}).get("depth_unit") if self.is_depth else None

    @property
    def element_names(self) -> list[str]:
        """Names of the elements as a flat list; LeRobot also writes dictionaries of lists. Empty if there are none."""
        names = self.names
        if isinstance(names, dict):
            names = [name for group in names.values() for name in (group if isinstance(group, list) else [group])]
        return [str(name) for name in names or []]

    @property
    def merge_key(self) -> tuple[object, ...]:
        """What must be equal for two datasets to become one; how hard a video was compressed need not be."""
        encoding = [(self.info or {}).get(f"video.{name}") for name in ("codec", "pix_fmt")] if self.is_video else []
        scale = [self.depth_unit, Scale.of(self.info)] if self.is_depth else []
        return (self.dtype, self.shape, self.names, *encoding, *scale)

    @property
    def width(self) -> int:
        """Numbers per row."""
        return self.shape[0]


def vector(names: tuple[str, ...] | list[str], dtype: str = "float32") -> Feature:
    """A column with one named number per element."""
    return Feature(dtype=dtype, shape=(len(names),), names=list(names))


def camera(height: int, width: int) -> Feature:
    """An RGB camera."""
    return Feature(dtype="video", shape=(height, width, 3), names=["height", "width", "channels"])


def depth_camera(height: int, width: int, unit: Unit) -> Feature:
    """A depth camera whose images are in this unit."""
    told = {"is_depth_map": True, "depth_unit": unit}
    return Feature(dtype="video", shape=(height, width, 1), names=["height", "width", "channels"], info=told)


INDEX_FEATURES: Mapping[str, Feature] = {
    "timestamp": Feature(dtype="float32", shape=(1,)),
    "frame_index": Feature(dtype="int64", shape=(1,)),
    "episode_index": Feature(dtype="int64", shape=(1,)),
    "index": Feature(dtype="int64", shape=(1,)),
    "task_index": Feature(dtype="int64", shape=(1,)),
}
"""Columns that every dataset has and the writer fills."""


class Info(BaseModel):
    """What `meta/info.json` says, in LeRobot's order. Unknown keys are passed over, as LeRobot does."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    codebase_version: str = CODEBASE_VERSION
    fps: int = Field(gt=0)
    features: dict[str, Feature]
    total_episodes: int = Field(ge=0)
    total_frames: int = Field(ge=0)
    total_tasks: int = Field(ge=0)
    chunks_size: int = Field(default=1000, gt=0)
    """Files per chunk folder, at most."""
    data_files_size_in_mb: int = Field(default=100, gt=0)
    video_files_size_in_mb: int = Field(default=200, gt=0)
    data_path: str = f"data/{FILE}.parquet"
    video_path: str | None = f"videos/{{video_key}}/{FILE}.mp4"
    robot_type: str | None = None
    splits: dict[str, str] = {}
    """Name → `from:to`, a range of episodes, `to` excluded."""

    @field_validator("data_path", "video_path")
    @classmethod
    def _names_files(cls, template: str | None, info: ValidationInfo) -> str | None:
        camera = {"video_key": "camera"} if info.field_name == "video_path" else {}
        try:
            _ = template and template.format(chunk_index=0, file_index=0, **camera)
        except (KeyError, IndexError, AttributeError) as error:
            raise ValueError(f"'{template}' asks for what is not known, {error}") from error
        return template

    @classmethod
    def read(cls, root: Path) -> Self:
        """Read the info of the dataset at `root`.

        Raises:
            MissingFileError: If `root` holds no dataset.
            VersionError: If it is not a v3.0 dataset.
            InfoError: If the file cannot be understood.
        """
        path = root / INFO
        try:
            content = json.loads(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError) as error:
            raise MissingFileError(
                path, "LeRobot dataset", "Check the path, or run the step that writes it."
            ) from error
        except ValueError as error:
            raise InfoError(path, str(error)) from error
        if isinstance(content, dict) and content.get("codebase_version") != CODEBASE_VERSION:
            raise VersionError(path, content.get("codebase_version"), CODEBASE_VERSION)
        try:
            info = cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            raise InfoError(path, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from error
        if missing := sorted(INDEX_FEATURES.keys() - info.features.keys()):
            raise InfoError(path, f"features: no '{missing[0]}'")
        return info

    def write(self, root: Path) -> None:
        """Write as LeRobot does: indented by 4, without a final line break."""
        content = self.model_dump(mode="json")
        for feature in content["features"].values():
            if feature["info"] is None:
                del feature["info"]
        (root / INFO).write_text(json.dumps(content, indent=4, ensure_ascii=False))

    @property
    def recorded(self) -> dict[str, Feature]:
        """Features without the index columns: what is given to a writer."""
        return {name: feature for name, feature in self.features.items() if name not in INDEX_FEATURES}

    @property
    def columns(self) -> dict[str, Feature]:
        """Features that are columns of the data files."""
        return {name: feature for name, feature in self.features.items() if not feature.is_video}

    @property
    def cameras(self) -> dict[str, Feature]:
        """Features that are videos, of colour or of depth."""
        return {name: feature for name, feature in self.features.items() if feature.is_video}

    @property
    def colour_cameras(self) -> dict[str, Feature]:
        """Cameras whose frames are RGB."""
        return {name: feature for name, feature in self.cameras.items() if not feature.is_depth}

    @property
    def depth_cameras(self) -> dict[str, Feature]:
        """Cameras whose frames are distances."""
        return {name: feature for name, feature in self.cameras.items() if feature.is_depth}


def check_features(features: Mapping[str, Feature]) -> None:
    """Refuse what the writer cannot store.

    Raises:
        FeatureError: For a reserved name, an unknown type, or a shape that is neither a vector nor a frame.
    """
    for name, feature in features.items():
        if name in INDEX_FEATURES:
            raise FeatureError(name, "the writer fills this column itself. Leave it out")
        if "/" in name:
            raise FeatureError(name, "a name must not contain '/'. Use '.' instead")
        channels, kind = (1, "depth") if feature.is_depth else (3, "RGB")
        if feature.is_video and (len(feature.shape) != 3 or feature.shape[2] != channels):
            raise FeatureError(name, f"shape {feature.shape} is no {kind} frame. Give (height, width, {channels})")
        if feature.is_depth and feature.depth_unit not in PER_M:
            raise FeatureError(name, f"depth_unit is {feature.depth_unit!r}. Give 'm' or 'mm'")
        if feature.is_video and min(feature.shape[:2]) < SMALLEST_PX:
            raise FeatureError(
                name, f"{feature.shape} is too small to encode. Give frames of {SMALLEST_PX} pixels or more"
            )
        if not feature.is_video and feature.dtype not in NUMBERS:
            raise FeatureError(name, f"dtype '{feature.dtype}' cannot be stored. Known: video, {', '.join(NUMBERS)}")
        if not feature.is_video and (len(feature.shape) != 1 or feature.shape[0] < 1):
            raise FeatureError(name, f"shape {feature.shape} is no vector. Flatten it to (n,)")


def data_schema(columns: Mapping[str, Feature]) -> pa.Schema:
    """Schema of the data files, with the metadata from which Hugging Face `datasets` restores its types."""
    fields: list[pa.Field[Any]] = []
    features: dict[str, dict[str, Any]] = {}
    for name, feature in columns.items():
        value = {"dtype": feature.dtype, "_type": "Value"}
        arrow = pa.bool_() if feature.dtype == "bool" else pa.from_numpy_dtype(np.dtype(feature.dtype))
        if feature.width == 1:
            fields.append(pa.field(name, arrow))
            features[name] = value
        else:
            fields.append(pa.field(name, pa.list_(pa.field("element", arrow), feature.width)))
            features[name] = {"feature": value, "length": feature.width, "_type": "List"}
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})
