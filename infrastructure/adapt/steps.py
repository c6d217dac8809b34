"""What to do with what was written: commands that exist, in order."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..commands import find, misuse
from ..contracts import Adaptation
from .errors import AdaptError
from .platform import observation_of

Step = tuple[str, tuple[tuple[str, ...], ...]]
"""A heading, and the words of its commands after `physai`."""


def steps_of(
    answers: Adaptation, robot: Path | None, recording: Path, workflow: Path | None, profile: Path
) -> Iterator[Step]:
    """Every command with this customer's paths and names; without a robot's joints nothing is packaged."""
    store, topology = answers.storage, answers.topology
    observation = observation_of(answers)
    record = ("data-pipeline", "capture", "record", "--config", str(recording), "--source", "dds")
    convert = ("data-pipeline", "convert", "run", f"{store}/episodes", "--config", str(recording))
    train = ("training", "il", "train", "--dataset", f"{store}/curated", "--policy", answers.policy)
    trained = (*train, "--observation", observation, "--output", f"{store}/run")
    build = ("training", "package", "build", f"{store}/run", "--name", answers.name, "--robot", str(robot))
    verify = ("training", "package", "verify", f"{store}/package", "--robot", str(robot))
    package = ((*build, "--output", f"{store}/package"), (*verify, "--rate-hz", str(answers.rate_hz)))
    preflight = ("jobs", "preflight", *((str(workflow),) if workflow else ()), "--profile", str(profile))
    cohorts = [f"{name}={','.join(robots)}" if robots else name for name, robots in topology.cohorts.items()]
    cluster = ("fleet-deployment", "repo", "add-cluster", topology.cluster)
    told = (("--url", topology.repository), ("--image", topology.image))
    yield "Record on the robot", (record, ("data-pipeline", "capture", "status", f"{store}/episodes"))
    yield (
        "Make the dataset",
        (
            (*convert, "--output", f"{store}/dataset"),
            ("data-management", "dataset", "curate", f"{store}/dataset", "--output", f"{store}/curated"),
        ),
    )
    yield ("Train and package here", (trained, *package)) if robot else ("Train here", (trained,))
    yield (
        "Set up the platform",
        (
            ("infrastructure", "cost", "--profile", str(profile)),
            ("infrastructure", "doctor", "--profile", str(profile)),
            preflight,
        ),
    )
    if workflow:
        yield (
            "Train, judge and register there",
            (
                ("jobs", "plan", str(workflow), "--profile", str(profile)),
                ("jobs", "submit", str(workflow), "--to", "osmo"),
            ),
        )
    yield (
        f"Tell the cluster of {topology.site}",
        (
            (
                *cluster,
                *(word for cohort in cohorts for word in ("--cohort", cohort)),
                *(word for option, value in told if value for word in (option, value)),
            ),
            ("fleet-deployment", "repo", "check"),
        ),
    )


def page(name: str, steps: Sequence[Step], notes: Sequence[str]) -> str:
    """`next-steps.md`."""
    lines = [f"# Next steps for {name}", ""]
    lines += [line for note in notes for line in (f"> {note}", "")]
    for number, (heading, commands) in enumerate(steps, 1):
        lines += [f"## {number}. {heading}", "", "```bash", *map(text, commands), "```", ""]
    return "\n".join(lines)


def text(words: Sequence[str]) -> str:
    """A command as it is typed."""
    return shlex.join(("physai", *words))


def check(file: Path, steps: Sequence[Step]) -> None:
    """Hold every command against its own parser.

    Raises:
        AdaptError: If one does not parse.
    """
    for words in (words for _, commands in steps for words in commands):
        command, depth = find(words)
        wrong = command if isinstance(command, str) else misuse(command, words[depth:])
        if wrong:
            raise AdaptError(file, f"`{text(words)}`", wrong.rstrip("."), "Install one version of all of physai.")
