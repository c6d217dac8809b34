"""The process that trains: Isaac Lab's own entry point, with our runner in the place of the library's.

Isaac Lab makes `OnPolicyRunner` and skrl's `Runner` by these names and takes no other, so a subclass stands there.
Alone it runs inside the command; with several GPUs torchrun starts this file once for each, see `launch`.
"""

import logging
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, nullcontext, redirect_stdout
from os import environ
from pathlib import Path
from types import FrameType
from typing import Any

from physai.infrastructure.console import stderr
from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.settings import settings
from physai.infrastructure.simulation.launcher import prepare
from physai.infrastructure.simulation.quiet import silence_harmless
from physai.infrastructure.tracking import Run, TrackingError, resume_run, system_metrics

from ..errors import StoppedError, TrainingError
from ..run import RUN_FILE, SUMMARY_FILE, checkpoint_steps
from . import checkpoints
from .outcomes import watched
from .recipe import Library, Recipe
from .run import Checkpoint, RlRun, RlSummary
from .session import Progress, Session

LOG_FILE, WORK = "isaaclab.log", "isaaclab"


def work(output: Path, start_from: Path | None = None, progress: Progress | None = None) -> RlSummary | None:
    """Train what `run.json` says, from the last checkpoint on.

    Args:
        output: Folder of the run.
        start_from: Model to take weights from, if there is no checkpoint yet.
        progress: Told how it goes.

    Returns:
        The summary; None in all processes but the first.
    """
    run = RlRun.read(output / RUN_FILE)
    first = int(environ.get("RANK", "0")) == 0
    if first:
        checkpoints.sweep(output)
    model, mark = checkpoints.find(output) if checkpoint_steps(output) else (start_from, None)
    tracked = resume_run(run.run_id) if first else None
    with _stop_requests() as stop, _ending(tracked), system_metrics(tracked) if tracked else nullcontext():
        session = Session(output, run.recipe, tracked, run.publish, progress, mark, stop)
        watched(run.recipe.task, session.outcomes.note)
        _replace_runner(run.recipe.library, session)
        _train(output, run.recipe, model)
        if session.failure:
            raise session.failure
        return _summarize(session, run) if tracked else None


def _train(output: Path, recipe: Recipe, model: Path | None) -> None:
    """Isaac Lab's `train`, with its talk in a file. What Isaac Lab writes by itself is in the folder `isaaclab`."""
    distributed = "WORLD_SIZE" in environ
    with in_isaaclab(output / LOG_FILE, output / WORK):
        from isaaclab_rl.entrypoints.api import TrainingRequest, train

        code = train(
            TrainingRequest(
                backend=recipe.library.value,
                task=recipe.task,
                checkpoint=str(model) if model else None,
                agent=recipe.agent,
                num_envs=recipe.num_envs,
                seed=recipe.seed,
                max_iterations=recipe.iterations,
                device=None if distributed else settings().device,
                distributed=distributed,
                backend_args=("--deterministic",) if recipe.deterministic else (),
                hydra_args=(*(() if distributed else on_device(recipe.library)), *recipe.overrides),
            )
        )
    if code:
        raise TrainingError(f"{recipe.task}: Isaac Lab ended with exit code {code}; {output / LOG_FILE} has its words.")


@contextmanager
def in_isaaclab(log: Path, folder: Path) -> Iterator[None]:
    """Make Isaac Lab ready, with its talk in a file, and what it writes by itself in a folder."""
    prepare()
    folder.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file, redirect_stdout(file), chdir(folder):
        silence_harmless(settings().device)
        warnings.filterwarnings("ignore", message="The observation configuration dictionary")
        logging.getLogger("skrl").setLevel(logging.ERROR)  # of fields that Isaac Lab's own files still have
        yield


def on_device(library: Library) -> tuple[str, ...]:
    """Overrides: RSL-RL's learner has a device of its own, which Isaac Lab sets in distributed runs only."""
    return (f"agent.device={settings().device}",) if library is Library.RSL_RL else ()


def _replace_runner(library: Library, session: Session) -> None:
    match library:
        case Library.RSL_RL:
            import isaaclab_rl.rsl_rl.utils as made_by

            from .for_rsl_rl import tracked_runner

            made_by.OnPolicyRunner = tracked_runner(session)
        case Library.SKRL:
            import skrl.utils.runner.torch as skrl_runner

            from .for_skrl import tracked_runner as tracked_skrl

            skrl_runner.Runner = tracked_skrl(session)


def _summarize(session: Session, run: RlRun) -> RlSummary:
    last, recipe = session.last, run.recipe
    assert isinstance(last, Checkpoint), "the last iteration is always saved"
    summary = RlSummary(
        run_id=run.run_id,
        task=recipe.task,
        library=recipe.library.value,
        iterations=last.iteration,
        env_steps=last.env_steps,
        seconds=last.seconds,
        success=session.outcomes.stated_by,
        success_rate=last.success_rate,
        episodes=last.episodes,
        stopped_early=session.reached,
        checkpoint=last.model,
    )
    assert session.tracked is not None, "only the first process summarizes"
    session.tracked.log_file(summary.write(session.output / SUMMARY_FILE))
    return summary


@contextmanager
def _ending(tracked: Run | None) -> Iterator[None]:
    """Tell MLflow how it ended."""
    try:
        yield
    except BaseException as error:
        if tracked:
            try:
                tracked.finish("KILLED" if isinstance(error, StoppedError | KeyboardInterrupt) else "FAILED")
            except TrackingError as second:  # the first is the one to mend
                error.add_note(str(second))
        raise
    if tracked:
        tracked.finish()


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """A list that fills when the process is asked to end, by SIGTERM or Ctrl-C."""
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)

    previous: dict[int, Callable[..., Any] | int | None] = {
        number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def main() -> int:
    """One process of several; the first one tells how it goes."""
    output, *start_from = (Path(argument) for argument in sys.argv[1:] if not argument.startswith("--"))
    try:
        work(output, start_from[0] if start_from else None)
    except PhysaiError as error:
        stderr.print(f"error: {error}", soft_wrap=True, highlight=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
