"""Roll a release out over cohorts of robots, on evidence; simulate it first."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from physai.infrastructure.console import Json, show, stdout, tracked
from physai.infrastructure.settings import settings

if TYPE_CHECKING:
    from ..gitops.repository import FleetRepository
    from .store import Rollout

app = typer.Typer(help=__doc__, no_args_is_help=True)

Release = Annotated[str, typer.Argument(help="Name of the release that is rolled out.")]
By = Annotated[str | None, typer.Option(help="Who decides; by default the user of this process.")]
Commit = Annotated[bool, typer.Option(help="Commit what is decided to the fleet's repository.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the journal.")]


@app.command()
def simulate(
    evaluated: Annotated[float, typer.Option(min=0, max=1, help="Success rate in the evaluation.")] = 0.9,
    production: Annotated[float, typer.Option(min=0, max=1, help="Success rate on the robots.")] = 0.7,
    baseline_episodes: Annotated[int, typer.Option(min=1, help="Episodes of the evaluation.")] = 500,
    cohort: Annotated[list[int] | None, typer.Option(min=1, help="Robots of a cohort; once for each.")] = None,
    rollouts: Annotated[int, typer.Option(min=1, help="How many to play.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the random outcomes.")] = 0,
    as_json: Json = False,
) -> None:
    """Play many rollouts: how often, and after how many episodes, does such a policy stop or pass?

    Example: physai fleet-deployment rollout simulate --evaluated 0.9 --production 0.7 --baseline-episodes 500
    """
    from .simulate import Scenario
    from .simulate import simulate as play

    scenario = Scenario(
        evaluated=evaluated,
        production=production,
        baseline_episodes=baseline_episodes,
        cohorts=tuple(cohort or (2, 4, 8)),
    )
    result = play(scenario, rollouts, seed, tracked("rollouts"))
    table = Table(
        "rollouts", "stopped", "done", "undecided", "past 1st cohort", "median to stop", "p90", "median to done"
    )
    table.add_row(*(str(value) if value is not None else "" for value in result.model_dump().values()))
    show(result, as_json, table)


@app.command()
def plan(
    release: Release,
    then: Annotated[
        list[str] | None, typer.Option(help="A cohort that follows, as `hall=robot-3,robot-4`; may be repeated.")
    ] = None,
    output: Annotated[Path, typer.Option(help="File for the plan.")] = Path("plan.json"),
    as_json: Json = False,
) -> None:
    """Plan the rollout of a proposed release: its own cohort first, judged by its own evaluation, then others.

    Example: physai fleet-deployment rollout plan pilot-reach-0a1b2c3d --then hall=robot-3,robot-4 --output plan.json
    """
    from ..names import members
    from .commits import plan_for

    made = plan_for(_repository(), release, dict(map(members, then or ())))
    made.write(output)
    show(made, as_json, f"{output}: {' -> '.join(f'{one.name} ({len(one.robots)})' for one in made.cohorts)}")


@app.command()
def step(
    plan: Annotated[Path, typer.Argument(help="The rollout-plan, a JSON file; see `rollout plan`.")],
    events: Annotated[list[Path] | None, typer.Option(help="events.jsonl of a robot; may be repeated.")] = None,
    by: By = None,
    commit: Commit = True,
    as_json: Json = False,
) -> None:
    """Take in what robots told, decide, and commit that: the next cohort, or the way back. Once more changes nothing.

    Example: physai fleet-deployment rollout step plan.json --events out/robot-1/events.jsonl
    """
    from .events import Started
    from .plan import RolloutPlan
    from .store import Rollout, read_episodes

    read = RolloutPlan.read(plan)
    told = read_episodes(events or [], read)
    rollout = Rollout(_folder(read.release), read.release, read)
    if rollout.state.phase == "pending":
        rollout.send([Started(at=datetime.now(UTC), by=by or getpass.getuser())])
    rollout.send(told)
    _show(rollout, as_json, commit=commit)


@app.command()
def status(release: Release, as_json: Json = False) -> None:
    """Show how far a rollout has come, and what each robot is to run.

    Example: physai fleet-deployment rollout status pilot-reach-0a1b2c3d
    """
    _show(_open(release), as_json)


@app.command()
def halt(release: Release, reason: Reason, by: By = None, commit: Commit = True, as_json: Json = False) -> None:
    """Let no further cohort begin. Robots that have the release keep it.

    Example: physai fleet-deployment rollout halt pilot-reach-0a1b2c3d --reason "audit in hall 2"
    """
    from .events import Halted

    rollout = _open(release)
    rollout.send([Halted(at=datetime.now(UTC), by=by or getpass.getuser(), reason=reason)])
    _show(rollout, as_json, commit=commit)


@app.command()
def resume(release: Release, by: By = None, commit: Commit = True, as_json: Json = False) -> None:
    """End a halt.

    Example: physai fleet-deployment rollout resume pilot-reach-0a1b2c3d
    """
    from .events import Resumed

    rollout = _open(release)
    rollout.send([Resumed(at=datetime.now(UTC), by=by or getpass.getuser())])
    _show(rollout, as_json, commit=commit)


@app.command("take-back")
def take_back(release: Release, reason: Reason, by: By = None, commit: Commit = True, as_json: Json = False) -> None:
    """Stop a rollout for good: every robot is to return to the release before.

    Example: physai fleet-deployment rollout take-back pilot-reach-0a1b2c3d --reason "overshoots at the shelf"
    """
    from .events import TakenBack

    rollout = _open(release)
    rollout.send([TakenBack(at=datetime.now(UTC), by=by or getpass.getuser(), reason=reason)])
    _show(rollout, as_json, commit=commit)


def _folder(release: str) -> Path:
    from ..names import check_name

    return settings().home / "rollouts" / check_name("release", release)


def _open(release: str) -> "Rollout":
    from ..errors import RolloutRefusedError
    from .store import Rollout

    folder = _folder(release)
    if not folder.is_dir():
        raise RolloutRefusedError(release, "open", f"there is none in {folder}; begin it with `rollout step`")
    return Rollout(folder, release)


def _repository() -> "FleetRepository":
    from ..gitops.repository import FleetRepository

    return FleetRepository(str(settings().fleet_repo))


def _show(rollout: "Rollout", as_json: bool, *, commit: bool = False) -> None:
    from .commits import commit as commit_decisions

    found = rollout.status()
    if commit:
        commits = commit_decisions(_repository(), rollout.plan, rollout.state, found.head)
        found = found.model_copy(update={"commits": commits})
    table = Table("robot", "cohort", "to run", "runs", "episodes")
    for line in found.robots:
        table.add_row(line.robot, line.cohort, line.desired, line.reported or "", str(line.episodes))
    show(found, as_json, table)
    if not as_json:
        why = found.halted or found.why
        for said in found.commits:
            stdout.print(f"committed: {said}")
        stdout.print(f"{found.release}: {found.phase}, cohort {found.cohort or '-'}{f' ({why})' if why else ''}")
