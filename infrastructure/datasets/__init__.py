"""LeRobot v3.0 datasets without PyTorch: write, read, copy without loss, publish by digest."""

from .errors import DatasetError
from .info import ANNOTATIONS, Feature, Info, camera, depth_camera, vector
from .publish import fetch, fetch_provenance, is_digest, publish
from .reader import Dataset
from .writer import DatasetWriter

__all__ = [
    "ANNOTATIONS",
    "Dataset",
    "DatasetError",
    "DatasetWriter",
    "Feature",
    "Info",
    "camera",
    "depth_camera",
    "fetch",
    "fetch_provenance",
    "is_digest",
    "publish",
    "vector",
]
