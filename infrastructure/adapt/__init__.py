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
from .platform import WORKFLOW, observation_of, profile_of, task_of, workflow_of
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
    platform = Profile.model_validate_json(json.dumps(variables))
    workflow = workflow_of(answers, target / ROBOT, platform) if robot else ""
    profile_name, workflow_name = f"{answers.name}{SUFFIX}", f"workflows/osmo/{WORKFLOW.name}"
    described, trained = (target / ROBOT, target / workflow_name) if robot else (None, None)
    steps = tuple(steps_of(answers, described, target / RECORDING, trained, target / profile_name))
    notes = tuple(_notes(answers, robot, recording, workflow))
    check(file, steps)
    with _scratch(target) if plan else whole_folder(target) as part:
        data = recording.model_dump(mode="json", exclude_defaults=True)
        header = {"kind": recording.kind, "version": recording.version}
        (part / RECORDING).write_text(yaml.safe_dump({**header, **data}, sort_keys=False, allow_unicode=True))
        if robot:
            robot.write(part / ROBOT)
            (part / workflow_name).parent.mkdir(parents=True)
            (part / workflow_name).write_text(workflow)
        (part / profile_name).write_text(json.dumps(variables, indent=2) + "\n")
        (part / STEPS).write_text(page(answers.name, steps, notes))
        _read_back(file, part, robot, recording, part / workflow_name, part / profile_name)
    files = {
        RECORDING: f"{len(recording.topics)} topics, {recording.rate_hz:g} rows per second",
        profile_name: f"{azure.profile} in {azure.region}, {'with' if azure.gpus else 'without'} GPUs",
        STEPS: "commands to run, in order",
    }
    if robot:
        files[ROBOT] = f"{len(robot.joints)} joints in order, with ranges"
        files[workflow_name] = f"training of {answers.policy}, judged in {task_of(workflow)}"
    commands = tuple(text(words) for _, several in steps for words in several)
    return Adapted(folder=str(output), written=not plan, files=files, commands=commands, notes=notes)


def _read_back(
    file: Path, part: Path, robot: Robot | None, recording: RecordingConfig, workflow: Path, profile: Path
) -> None:
    """Read every file with the reader that will use it."""
    mend = f"Report it with {file.name}: the answers were accepted."
    for name, same in (
        (ROBOT, robot is None or robot == Robot.read(part / ROBOT)),
        (RECORDING, recording == RecordingConfig.read(part / RECORDING)),
    ):
        if not same:
            raise AdaptError(file, name, "does not read back as it was written", mend)
    wrong = [contradiction.text() for contradiction in check_layers(str(profile))]
    wrong += [
        problem
        for read in validate([workflow] if robot else [], profile=str(profile)).files
        for problem in read.problems
    ]
    for problem in wrong:
        raise AdaptError(file, "azure", problem.replace(f"{part}/", "").rstrip("."), "Or choose another profile.")


def _notes(answers: Adaptation, robot: Robot | None, recording: RecordingConfig, workflow: str) -> Iterator[str]:
    if observation_of(answers) == "state" and not answers.targets:
        yield (
            "A policy without a colour camera must be told where its task is: name such a topic under `targets`, or a "
            "camera. `physai training il train` refuses the dataset until then."
        )
    if robot is None:
        yield (
            "A robot without joints is recorded and trained. `physai training package build` describes policies by "
            "joints, so there is no package, no workflow and nothing to release yet."
        )
        return
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
