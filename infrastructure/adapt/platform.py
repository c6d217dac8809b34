"""Workflow and Terraform profile of some answers: the shipped files with the robot's values."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from ..contracts import Adaptation
from ..errors import MissingFileError
from ..setup.profile import FOLDER, SUFFIX, Profile
from .errors import AdaptError

WORKFLOW = Path("pipelines/workflows/osmo/release-candidate.yaml")
SECTION = "default-values:\n"


def shipped_workflow() -> Path:
    """The training workflow, of which only the defaults are changed.

    Raises:
        MissingFileError: If the training domain is not installed.
    """
    spec = find_spec("physai.training")
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise MissingFileError(str(WORKFLOW), "workflow", "Install physai-training.")
    return Path(next(iter(places))) / WORKFLOW


def observation_of(answers: Adaptation) -> str:
    """What the policy sees, in the words of `physai training il train --observation`."""
    return "state" if all(camera.depth for camera in answers.cameras) else "image"


def workflow_of(answers: Adaptation, robot: Path, profile: Profile) -> str:
    """The shipped workflow with the robot's values as defaults; comments stay.

    Args:
        answers: What the customer says.
        robot: Where the `robot` document will lie.
        profile: The platform; its first pool with GPUs trains.

    Raises:
        AdaptError: If the shipped workflow has no such value any more.
    """
    pools = profile.node_pools.values()
    platform = next((pool.platform for pool in pools if pool.job_limit.gpu and not pool.spot), "")
    values: dict[str, Any] = {
        "gpus": int(bool(platform)),
        "platform": platform,
        "dataset": f"{answers.storage}/curated",
        "robot": str(robot),
        "model": answers.name,
        "policy": answers.policy,
        "observation": observation_of(answers),
    }
    if answers.simulation_task:
        values["task"] = answers.simulation_task
    path = shipped_workflow()
    head, mark, defaults = path.read_text().partition(SECTION)
    for name, value in values.items():
        old = re.search(rf"^  {name}: (\"[^\"]*\"|[^#\n]*?)(?= #|$)", defaults, re.MULTILINE)
        if old is None:
            raise AdaptError(path, f"default-values.{name}", "is not there", "Install one version of all of physai.")
        defaults = defaults[: old.start(1)] + json.dumps(value) + defaults[old.end(1) :]
    return head + mark + defaults


def task_of(workflow: str) -> str:
    """The Isaac Lab task in which the workflow judges."""
    return str(yaml.safe_load(SECTION + workflow.partition(SECTION)[2])["default-values"]["task"])


def profile_of(answers: Adaptation) -> dict[str, Any]:
    """The variables of the shipped profile in the customer's region, with or without its pools of GPUs."""
    data: dict[str, Any] = json.loads((FOLDER / f"{answers.azure.profile}{SUFFIX}").read_text())
    data["location"] = answers.azure.region
    if not answers.azure.gpus:
        pools = data["node_pools"].items()
        data["node_pools"] = {name: pool for name, pool in pools if pool["job_limit"]["gpu"] == 0}
    return data
