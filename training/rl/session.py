"""What happens beside an RL library while it trains: metrics, checkpoints, and when to stop."""

import math
import pickle
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from physai.infrastructure.contracts import Digest
from physai.infrastructure.errors import PhysaiError, one_line
from physai.infrastructure.tracking import Run

from ..errors import CheckpointError, NoSuccessError, NotFiniteError, StoppedError
from ..run import SAMPLES_FILE, checkpoint_folder, save_arrays
from . import checkpoints
from .interface import Interface
from .outcomes import Outcomes
from .recipe import Recipe
from .run import INTERFACE_FILE, Checkpoint

FLUSH_S = 2.0  # between writes to MLflow: live, and a thousandth of the time at some 2 ms each
WINDOW = 200  # episodes that the success rate looks back on, at least
UNSAVED: Digest = "sha256:" + "0" * 64

type Model = Callable[[], Mapping[str, Any]]
"""What a checkpoint holds."""
type Progress = Callable[[int, int, float | None, float], None]
"""Told iteration, last iteration, success rate, and steps per second since the last call."""


class ReachedError(Exception):
    """The success rate that was asked for is there. It ends the library's loop and never leaves the runner."""


@dataclass
class Session:
    """One process that trains. Only the first of several logs and saves."""

    output: Path
    recipe: Recipe
    tracked: Run | None
    """None in all processes but the first."""
    publish: str | None = None
    progress: Progress | None = None
    resumed: Checkpoint | None = None
    stop: list[int] = field(default_factory=list)
    """Fills when the process is asked to end."""
    reached: bool = False
    """Ended at the success rate that was asked for."""
    failure: PhysaiError | None = None
    """Why it ended before its time."""

    def __post_init__(self) -> None:
        """Nothing has been trained yet in this process."""
        self.outcomes = Outcomes(WINDOW)
        self.last = self.resumed
        self.total, self.done = 0, self.iteration
        self._points: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._bad: str | None = None
        self._began = self._flushed = self._noted = time.monotonic()
        self._samples: dict[str, NDArray[Any]] = {}

    @property
    def iteration(self) -> int:
        """Iterations that are behind us."""
        return self.last.iteration if self.last else 0

    @contextmanager
    def loading(self, path: str) -> Iterator[None]:
        """While weights are loaded: those of another network are told of when the training would begin.

        Isaac Lab would print an exception, and end as if nothing had been.
        """
        try:
            yield
        except (RuntimeError, ValueError, KeyError, OSError, pickle.UnpicklingError) as error:
            why = one_line(error, 160)
            self.failure = CheckpointError(Path(path), f"does not fit {self.recipe.task} ({why})")

    def begin(self, total: int, steps_per_iteration: int, interface: Interface, arrays: Mapping[str, Any]) -> None:
        """The library is about to train.

        Args:
            total: Last iteration.
            steps_per_iteration: Steps of all environments of all processes in an iteration.
            interface: Of the task.
            arrays: A few observations, raw actions and commands, for the golden vectors of a package.
        """
        self.total, self._steps = total, steps_per_iteration
        self._began = self._noted = time.monotonic()
        if self.tracked:
            interface.write(self.output / INTERFACE_FILE)
            save_arrays(self.output / SAMPLES_FILE, {name: np.asarray(value) for name, value in arrays.items()})

    def scalar(self, name: str, value: float, step: int) -> None:
        """Take what the library logs."""
        number = float(value)
        if not math.isfinite(number):
            self._bad = f"{name} is {number}"
            return
        self._points[metric_name(name)].append((step, number))

    def iteration_done(self, iteration: int, model: Model, device: str | torch.device = "cpu") -> None:
        """An iteration is over.

        Args:
            iteration: Iterations that are behind us now.
            model: Gives what a checkpoint is to hold.
            device: Where processes tell each other of a stop.

        Raises:
            ReachedError: If the success rate that was asked for is there.
            StoppedError: If the process was asked to end. Both after a checkpoint.
            NotFiniteError: If the library logged something that is no number; the last checkpoint is from before.
            NoSuccessError: If the task does not say what success is, and the training was to end at it.
        """
        self.done = iteration
        if self._bad:
            raise NotFiniteError(self.recipe.task, iteration, self._bad)
        if self.outcomes.rate is not None:
            self.scalar("success_rate", self.outcomes.rate, iteration)
        wanted = self.recipe.stop_at_success
        reached = wanted is not None and self._has_reached(wanted)
        stopping, reached = agreed((bool(self.stop), reached), device)
        last = iteration >= self.total or stopping or reached
        if last or iteration % self.recipe.checkpoint_every == 0:
            self._save(iteration, model)
        elif time.monotonic() - self._flushed > FLUSH_S:
            self._flush()
        self._tell(iteration)
        if reached:
            raise ReachedError
        if stopping and iteration < self.total:
            raise StoppedError(self.output, iteration)

    def _has_reached(self, wanted: float) -> bool:
        if self.outcomes.ended == 0 and self.outcomes.silent:
            raise NoSuccessError(self.recipe.task)
        rate = self.outcomes.rate
        return rate is not None and self.outcomes.episodes >= WINDOW and rate >= wanted

    def _save(self, iteration: int, model: Model) -> None:
        """MLflow first: whatever a checkpoint covers is logged, so a kill in between leaves no gap."""
        self._flush()
        if self.tracked is None or checkpoint_folder(self.output, iteration).exists():
            return
        new = iteration - (self.resumed.iteration if self.resumed else 0)
        mark = Checkpoint(
            iteration=iteration,
            env_steps=(self.resumed.env_steps if self.resumed else 0) + new * self._steps,
            seconds=(self.resumed.seconds if self.resumed else 0.0) + time.monotonic() - self._began,
            success_rate=self.outcomes.rate,
            episodes=self.outcomes.episodes,
            model=UNSAVED,
        )
        self.last = checkpoints.save(self.output, model(), mark)
        if self.publish:
            checkpoints.publish(self.output, self.publish)

    def _flush(self) -> None:
        if self.tracked:
            self.tracked.log_metrics(self._points)
        self._points.clear()
        self._flushed = time.monotonic()

    def _tell(self, iteration: int) -> None:
        now = time.monotonic()
        if self.progress:
            self.progress(iteration, self.total, self.outcomes.rate, self._steps / (now - self._noted))
        self._noted = now


@contextmanager
def told(session: Session, policy: nn.Module) -> Iterator[None]:
    """End the library's loop without an exception, which Isaac Lab would print: the session keeps it for the worker.

    torch and RSL-RL say each in their own way that numbers are none, if they meet them before the session does.
    """
    try:
        yield
    except ReachedError:
        session.reached = True
    except PhysaiError as error:
        session.failure = error
    except (ValueError, RuntimeError) as error:
        why = one_line(error, 120)
        whole = all(bool(torch.isfinite(parameter).all()) for parameter in policy.parameters())
        if whole and "nan" not in why.lower():
            raise
        session.failure = NotFiniteError(session.recipe.task, session.done + 1, f"no number any more ({why})")


def metric_name(name: str) -> str:
    """A library's name of a scalar as MLflow allows it: `Reward / Total reward (max)` is `Reward/Total reward max`."""
    return re.sub(r"[^\w\-. :/]", "", name.replace(" / ", "/"))


def agreed(flags: tuple[bool, ...], device: str | torch.device) -> tuple[bool, ...]:
    """What any of the processes says, in all of them: one that stopped alone would leave the others waiting."""
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized()):
        return flags
    said = torch.tensor(flags, dtype=torch.int32, device=device)
    dist.all_reduce(said, op=dist.ReduceOp.MAX)
    return tuple(map(bool, said.tolist()))
