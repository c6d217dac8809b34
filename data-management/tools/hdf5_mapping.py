"""What of an HDF5 file becomes which feature: from a file that people write, or by the layout of ALOHA or robomimic.

ALOHA: a file is an episode, with `/observations/qpos`, `/observations/images/<camera>` and `/action`. Source:
github.com/tonyzhaozh/act, `record_sim_episodes.py`. robomimic: `/data/demo_N` is an episode, with `obs/<name>` and
`actions`. Source: robomimic documentation, "Dataset Contents and Visualization".
"""

import json
from pathlib import Path
from typing import Any, Literal

import h5py
from pydantic import Field

from physai.infrastructure.contracts import YamlDocument

from ..errors import Hdf5Error

ALOHA_HZ = 50  # DT = 0.02 s. Source: github.com/tonyzhaozh/act, `constants.py`
STATES = {"qpos": "state", "qvel": "velocity", "effort": "effort"}
"""Of ALOHA, as LeRobot calls them. Source: lerobot, `examples/port_datasets`."""
OUTCOMES = {"rewards": "next.reward", "dones": "next.done"}
"""Of robomimic, as LeRobot calls them."""


class Hdf5Mapping(YamlDocument):
    """What of an HDF5 file becomes a dataset."""

    kind: Literal["hdf5-mapping"] = "hdf5-mapping"
    version: Literal[1] = 1
    episodes: str = ""
    """Group whose members are the episodes, e.g. `data`; empty: each file is one."""
    fps: int | None = Field(default=None, gt=0)
    """Rows per second; None: `--fps` tells."""
    robot: str = "unknown"
    task: str = ""
    """What the robot was asked to do; empty: `--task` tells."""
    columns: dict[str, tuple[str, ...]] = Field(min_length=1)
    """Feature → paths within the episode, whose numbers are put side by side, e.g. `action: [action]`."""
    cameras: dict[str, str] = {}
    """Feature → path within the episode, of pictures (T, height, width, 3), or of compressed ones."""


def detect(path: Path, file: h5py.File) -> Hdf5Mapping:
    """Find out which layout a file has.

    Raises:
        Hdf5Error: If it is neither.
    """
    if "observations" in file and "action" in file:
        return _aloha(file)
    if "data" in file and (demos := demonstrations(file["data"])):
        return _robomimic(file, file["data"][demos[0]])
    found = ", ".join(sorted(file)) or "nothing"
    raise Hdf5Error(
        path,
        "/",
        f"has {found}, and neither /observations and /action (ALOHA) nor /data/demo_0 (robomimic)",
        "Say what is what with --mapping FILE",
    )


def demonstrations(group: h5py.Group) -> list[str]:
    """Episodes in a group, in the order of their numbers: `demo_2` comes before `demo_10`."""
    names = [name for name, member in group.items() if isinstance(member, h5py.Group)]
    return sorted(names, key=lambda name: (len(name), name))


def _aloha(file: h5py.File) -> Hdf5Mapping:
    seen = file["observations"]
    columns = {f"observation.{to}": (f"observations/{name}",) for name, to in STATES.items() if name in seen}
    images = [f"observations/images/{name}" for name in seen.get("images", ())]
    return Hdf5Mapping(
        fps=ALOHA_HZ,
        robot="aloha",
        columns={**columns, "action": ("action",)},
        cameras={f"observation.images.{path.rpartition('/')[2]}": path for path in images},
    )


def _robomimic(file: h5py.File, demo: h5py.Group) -> Hdf5Mapping:
    told = _environment(file["data"].attrs.get("env_args"))
    observed = demo.get("obs", {})
    pictures = [name for name in observed if observed[name].ndim == 4]
    vectors = [name for name in observed if observed[name].ndim <= 2]
    own = tuple(f"obs/{name}" for name in vectors if name.startswith("robot"))
    columns = {"observation.state": own} if own else {}
    columns |= {"observation.environment_state": ("obs/object",)} if "object" in vectors else {}
    columns |= {
        f"observation.{name}": (f"obs/{name}",) for name in vectors if not name.startswith("robot") and name != "object"
    }
    columns |= {to: (name,) for name, to in OUTCOMES.items() if name in demo}
    robots = told.get("env_kwargs", {}).get("robots", "unknown")
    return Hdf5Mapping(
        episodes="data",
        fps=told.get("env_kwargs", {}).get("control_freq"),
        robot=robots if isinstance(robots, str) else "+".join(robots),
        task=str(told.get("env_name", "")),
        columns={**columns, "action": ("actions",)},
        cameras={f"observation.images.{name.removesuffix('_image')}": f"obs/{name}" for name in pictures},
    )


def _environment(text: Any) -> dict[str, Any]:
    """What robomimic keeps of the simulator, as JSON in an attribute."""
    try:
        told = json.loads(text) if text is not None else {}
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
