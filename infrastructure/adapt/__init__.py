"""From a customer's answers to the files of the loop: robot, recording config, workflow, platform, next steps.

Everything is read back by the reader that will use it before the folder appears.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from ..aside import OccupiedError, is_free, whole_folder
from ..contracts import Adaptation, Contract, RecordingConfig, Robot
from ..jobs.layers import check_layers
from ..jobs.repo import validate
from ..setup.profile import SUFFIX, Profile
from .errors import AdaptError
from .platform import WORKFLOW, profile_of, task_of, workflow_of
from .recording import action_names, recording_of
from .robot import robot_of
from .steps import check, page, steps_of, text

__all__ = ["AdaptError", "Adapted", "adapt"]

ROBOT, RECORDING, STEPS = "robot.json", "recording.yaml", "next-steps.md"


class Adapted(Contract):
    """What was written, or would be."""

    folder: str
    written: bool
    """False for a plan."""
    files: dict[str, str]
    """Path in the folder → what it is."""
    commands: tuple[str, ...]
    """What `next-steps.md` says to run, in order."""
    notes: tuple[str, ...]
    """What is not yet as it should be."""


def adapt(file: Path, output: Path, *, plan: bool = False) -> Adapted:
    """Write the folder of a robot, whole or not at all.

    Args:
        file: Answers, an `adapt` document.
        output: Folder that appears; nothing may be there.
        plan: Make and check everything, and keep nothing.

    Raises:
        AdaptError: If an answer does not fit, or a reader refuses what follows from it.
        ContractError: If the answers are none.
        OccupiedError: If something is at `output`.
    """
    answers = Adaptation.read(file)
    target = output.absolute()
    azure = answers.azure
    robot = robot_of(answers, file)
    recording = recording_of(answers, file, robot)
    variables = profile_of(answers)
    workflow = workflow_of(answers, target / ROBOT, Profile.model_validate_json(json.dumps(variables)))
    profile_name, workflow_name = f"{answers.name}{SUFFIX}", f"workflows/osmo/{WORKFLOW.name}"
    paths = (target / name for name in (ROBOT, RECORDING, workflow_name, profile_name))
    steps = tuple(steps_of(answers, *paths))
    notes = tuple(_notes(answers, robot, recording, workflow))
    check(file, steps)
    with _scratch(target) if plan else whole_folder(target) as part:
        robot.write(part / ROBOT)
        data = recording.model_dump(mode="json", exclude_defaults=True)
        header = {"kind": recording.kind, "version": recording.version}
        (part / RECORDING).write_text(yaml.safe_dump({**header, **data}, sort_keys=False, allow_unicode=True))
        (part / workflow_name).parent.mkdir(parents=True)
        (part / workflow_name).write_text(workflow)
        (part / profile_name).write_text(json.dumps(variables, indent=2) + "\n")
        (part / STEPS).write_text(page(answers.name, steps, notes))
        _read_back(file, part, robot, recording, part / workflow_name, part / profile_name)
    files = {
        ROBOT: f"{len(robot.joints)} joints in order, with ranges",
        RECORDING: f"{len(recording.topics)} topics, {recording.rate_hz:g} rows per second",
        workflow_name: f"training of {answers.policy}, judged in {task_of(workflow)}",
        profile_name: f"{azure.profile} in {azure.region}, {'with' if azure.gpus else 'without'} GPUs",
        STEPS: "commands to run, in order",
    }
    commands = tuple(text(words) for _, several in steps for words in several)
    return Adapted(folder=str(output), written=not plan, files=files, commands=commands, notes=notes)


def _read_back(file: Path, part: Path, robot: Robot, recording: RecordingConfig, workflow: Path, profile: Path) -> None:
    """Read every file with the reader that will use it."""
    mend = f"Report it with {file.name}: the answers were accepted."
    for name, made, again in (
        (ROBOT, robot, Robot.read(part / ROBOT)),
        (RECORDING, recording, RecordingConfig.read(part / RECORDING)),
    ):
        if made != again:
            raise AdaptError(file, name, "does not read back as it was written", mend)
    wrong = [contradiction.text() for contradiction in check_layers(str(profile))]
    wrong += [problem for read in validate([workflow], profile=str(profile)).files for problem in read.problems]
    for problem in wrong:
        raise AdaptError(file, "azure", problem.replace(f"{part}/", "").rstrip("."), "Or choose another profile.")


def _notes(answers: Adaptation, robot: Robot, recording: RecordingConfig, workflow: str) -> Iterator[str]:
    joints = tuple(joint.joint for joint in robot.joints)
    if (actions := action_names(recording)) != joints:
        more = ", ".join(name for name in actions if name not in joints)
        yield (
            f"`action` is not the robot's joints in their order{f' (besides them: {more})' if more else ''}: datasets "
            "and training take it, `physai training package verify --robot` compares the joints and will refuse it."
        )
    if not answers.simulation_task:
        yield (
            f"The workflow judges policies in `{task_of(workflow)}`, which ships, and not with this robot. Name an "
            "Isaac Lab task of yours under `simulation_task` before its verdict means anything; recording, training "
            "and packaging need none."
        )
    yield (
        "The workflow names folders of this machine. On a cluster give what it reaches: "
        "`--set dataset=azure://account/container/path` and `--set robot=/path/in/the/image.json`."
    )


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    if not is_free(target):
        raise OccupiedError(target)
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
