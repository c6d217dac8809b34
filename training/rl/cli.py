"""Train policies by reinforcement in Isaac Lab."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

from rich.table import Table
from typer import Argument, Option, Typer

from physai.infrastructure.console import Json, progress, show, stderr

from ..errors import CheckpointError
from .recipe import Library, Recipe
from .run import RlSummary

app = Typer(help=__doc__, no_args_is_help=True)

Run = Annotated[Path, Argument(help="Folder of a training.")]
Which = Annotated[str, Option(help="`last`, or an iteration.")]


@app.command(name="list")
def list_(
    match: Annotated[str, Argument(help="Part of the id.")] = "",
    as_json: Json = False,
) -> None:
    """Tell which tasks can be trained, and by which library.

    Example: physai training rl list cartpole
    """
    from .tasks import list_tasks

    found = list_tasks(match)
    table = Table("task", "libraries", "agents")
    for entry in found.tasks:
        table.add_row(entry.task, ", ".join(entry.libraries), "\n".join(entry.agents))
    show(found, as_json, table)


@app.command()
def train(
    task: Annotated[str, Option(help="Isaac Lab's id; `physai training rl list` tells them.")],
    output: Annotated[Path, Option(help="Folder of the run; an unfinished one goes on.")],
    library: Annotated[Library, Option(help="RL library.")] = Library.RSL_RL,
    agent: Annotated[str | None, Option(help="Agent configuration of the task; default: its usual one.")] = None,
    num_envs: Annotated[int | None, Option(help="Environments per process; default: the task's.")] = None,
    iterations: Annotated[int | None, Option(help="Default: the agent's.")] = None,
    seed: Annotated[int, Option(help="Of environments and weights.")] = 42,
    deterministic: Annotated[bool, Option("--deterministic", help="The same numbers in every run; slower.")] = False,
    stop_at_success: Annotated[float | None, Option(help="End at this success rate of late, 0 to 1.")] = None,
    checkpoint_every: Annotated[int, Option(help="Iterations.")] = 50,
    start_from: Annotated[Path | None, Option(help="Model file whose weights to start from.")] = None,
    override: Annotated[
        list[str] | None, Option("--set", help="Override of task or agent, as Isaac Lab takes it.")
    ] = None,
    publish: Annotated[str | None, Option(help="URI that checkpoints are copied to, and taken up from.")] = None,
    num_gpus: Annotated[int, Option(help="Processes on this machine, one per GPU; 0: this process alone.")] = 0,
    nodes: Annotated[int, Option(help="Machines that train together.")] = 1,
    node_rank: Annotated[int, Option(help="Of this machine, from 0.")] = 0,
    master: Annotated[str, Option(help="Address of machine 0.")] = "127.0.0.1",
    port: Annotated[int, Option(help="Of machine 0, where the machines meet.")] = 29500,
    video: Annotated[bool, Option("--video", help="Film the trained policy at the end: OUTPUT/play.mp4.")] = False,
    as_json: Json = False,
) -> None:
    """Train a policy by Isaac Lab's own training and agents. Killed and started again, it goes on.

    Example: physai training rl train --task Isaac-Cartpole --num-envs 512 --stop-at-success 0.95 --output OUT/run
    """
    from .train import Ranks, digest_of, train

    recipe = Recipe.of(
        task=task,
        library=library,
        agent=agent,
        num_envs=num_envs,
        iterations=iterations,
        seed=seed,
        deterministic=deterministic,
        stop_at_success=stop_at_success,
        checkpoint_every=checkpoint_every,
        start_from=digest_of(start_from),
        overrides=tuple(override or ()),
    )
    with progress() as bar:
        line = bar.add_task("starting Isaac Lab", total=iterations)

        def note(iteration: int, total: int, success: float | None, steps_per_s: float) -> None:
            rate = "" if success is None else f", success {success:.2f}"
            bar.update(line, completed=iteration, total=total, description=f"{steps_per_s:,.0f} steps/s{rate}")

        ranks = Ranks(num_gpus, nodes, node_rank, master, port)
        summary = train(recipe, output, start_from=start_from, publish=publish, ranks=ranks, progress=note)
    if summary is None:
        stderr.print(f"{output}: done; machine 0 has the summary", soft_wrap=True)
        return
    if video:
        film(output)
    show(summary, as_json, _table(summary, output))


@app.command()
def play(
    run: Run,
    checkpoint: Which = "last",
    episodes: Annotated[int, Option(min=1, help="As many environments; with a film at most 4.")] = 64,
    video: Annotated[Path | None, Option(help="MP4 to write.")] = None,
    as_json: Json = False,
) -> None:
    """Play a checkpoint, one episode in each environment: how often it succeeds, and what it looks like.

    Example: physai training rl play OUT/run --episodes 128
    """
    from .play import play

    played = play(run, checkpoint=checkpoint, episodes=episodes, video=video)
    table = Table(title=str(run), show_header=False)
    table.add_row("task", played.task)
    table.add_row("checkpoint", f"{played.iteration} iterations")
    rate = "the task states none"
    if played.success_rate is not None:
        rate = f"{played.success_rate:.3f} of {played.episodes} episodes, by {played.success}"
    table.add_row("success", rate)
    if played.video:
        table.add_row("film", played.video)
    show(played, as_json, table)


@app.command()
def export(
    run: Run,
    output: Annotated[Path, Option(help="ONNX file to write.")],
    checkpoint: Which = "last",
    as_json: Json = False,
) -> None:
    """Write a policy's graph alone: observation in, robot command out. `package build` describes and proves it too.

    Example: physai training rl export OUT/run --output policy.onnx
    """
    from ..packaging.actors import export

    exported = export(run, output, checkpoint=checkpoint)
    show(exported, as_json, f"{output}: {', '.join(exported.inputs)} → {', '.join(exported.outputs)}")


def film(output: Path) -> None:
    """Film the last checkpoint in a process of its own: Isaac Lab starts once in each."""
    physai = Path(sys.executable).with_name("physai")
    command = [physai, "training", "rl", "play", output, "--episodes", "1", "--video", output / "play.mp4"]
    if code := subprocess.run([str(word) for word in command], stdout=sys.stderr).returncode:
        raise CheckpointError(output, f"trained, but not filmed (exit code {code})")


def _table(summary: RlSummary, output: Path) -> Table:
    table = Table(title=str(output), show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    rate = "the task states none"
    if summary.success_rate is not None:
        rate = f"{summary.success_rate:.3f} of the last {summary.episodes} episodes, by {summary.success}"
    table.add_row("task", f"{summary.task}, {summary.library}")
    table.add_row("MLflow run", summary.run_id)
    table.add_row(
        "iterations", f"{summary.iterations}{', stopped at the success rate' if summary.stopped_early else ''}"
    )
    speed = summary.env_steps / summary.seconds if summary.seconds else 0.0
    table.add_row("steps", f"{summary.env_steps:,} in {summary.seconds:.1f} s, {speed:,.0f}/s")
    table.add_row("success", rate)
    table.add_row("checkpoint", summary.checkpoint)
    return table
