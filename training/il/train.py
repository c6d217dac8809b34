"""Training a policy on demonstrations: resumes to the same result, however it was stopped."""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np
import torch
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from physai.infrastructure.contracts import TrainingSummary, digest_bytes
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.settings import settings
from physai.infrastructure.tracking import Run, TrackingError, open_run, resume_run

from ..errors import DivergedError, StoppedError
from ..run import (
    RUN_FILE,
    SAMPLES_FILE,
    SUMMARY_FILE,
    TrainingRun,
    checkpoint_steps,
    code_commit,
    find_checkpoint,
    save_arrays,
)
from . import checkpoints, policy
from .checkpoints import History
from .demonstrations import ACTION, HELDOUT_ROWS, Demonstrations, input_names, load, tensor_spec
from .folder import alone, dataset_digest, finished
from .recipe import Recipe

STATS = Path("meta/stats.json")
SAMPLES = 8  # recorded observations kept for the golden vectors of a package

type Progress = Callable[[int, float], None]
"""Told the step and the mean loss of late."""


def train(dataset: Path, recipe: Recipe, output: Path, progress: Progress | None = None) -> TrainingSummary:
    """Train, or go on with, a policy; what is in `output` when it ends was made by this recipe on this dataset.

    Args:
        dataset: LeRobot v3.0 folder with splits `train` and `heldout`.
        recipe: How to train.
        output: Folder of the run.
        progress: Told how it goes.

    Raises:
        DatasetError: If the dataset cannot be used.
        TrainingError: If the policy cannot be trained on it, or diverges.
        TrackingError: If MLflow does not answer.
    """
    if summary := finished(output, dataset, recipe):
        return summary
    source = Dataset(dataset)
    inputs = input_names(source, recipe.observation)
    data, heldout = load(source, "train", inputs), load(source, "heldout", inputs)
    policy.limit_threads()
    with alone(output):
        run, tracked = _open(output, source, recipe, inputs)
        _keep_samples(output, heldout, inputs)
        trainer = Trainer(output, dataset, run, tracked, data, heldout)
        try:
            return trainer.run_to_end(progress)
        except BaseException as error:
            try:
                tracked.finish("KILLED" if isinstance(error, StoppedError) else "FAILED")
            except TrackingError as second:  # the first is the one to mend
                error.add_note(str(second))
            raise


@dataclass
class Trainer:
    """One policy on its way from step 0 to the last."""

    output: Path
    dataset: Path
    run: TrainingRun
    tracked: Run
    data: Demonstrations
    heldout: Demonstrations
    step: int = 0
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        """Take up the newest checkpoint, or begin."""
        recipe, device = self.run.recipe, settings().device
        checkpoints.sweep(self.output)
        begun = checkpoint_steps(self.output)
        if begun:
            checkpoint, _ = find_checkpoint(self.output, "last")
            self.made = policy.load(checkpoint / checkpoints.PRETRAINED, device)
        else:
            self.made = policy.make(recipe, self.run.inputs, self.run.action, self.dataset / STATS, device)
        self.optimizer = AdamW(self.made.policy.parameters(), recipe.lr, weight_decay=recipe.weight_decay, fused=True)
        self.schedule = OneCycleLR(self.optimizer, recipe.lr, recipe.steps, pct_start=recipe.warmup)
        if begun:
            self.step, self.history = checkpoints.resume(checkpoint, self.optimizer, self.schedule)
        else:
            self._look_at_heldout()
            self._save()

    def run_to_end(self, progress: Progress | None) -> TrainingSummary:
        """Take the remaining steps.

        Raises:
            StoppedError: After a checkpoint, if the process was asked to end.
            DivergedError: If the loss is no number; the last checkpoint is from before.
        """
        recipe = self.run.recipe
        with _stop_requests() as stop:
            started, before = time.monotonic(), self.history.seconds
            while self.step < recipe.steps:
                self.history.recent.append(self._one_step())
                if self.step % recipe.log_every == 0 or self.step == recipe.steps:
                    self._note(progress)
                if self.step % recipe.heldout_every == 0 or self.step == recipe.steps:
                    self._look_at_heldout()
                self.history.seconds = before + time.monotonic() - started
                if stop and self.step < recipe.steps:
                    self._save()
                    raise StoppedError(self.output, self.step)
                if self.step % recipe.checkpoint_every == 0 or self.step == recipe.steps:
                    self._save()
        return self._summarize()

    def _one_step(self) -> float:
        recipe, made = self.run.recipe, self.made
        rows = np.random.default_rng([recipe.seed, self.step]).integers(0, self.data.rows, recipe.batch_size)
        made.policy.train()
        loss = made.loss(self.data.batch(rows, recipe.chunk))
        value = loss.item()
        if not math.isfinite(value):
            raise DivergedError(self.step, value)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        torch.nn.utils.clip_grad_norm_(made.policy.parameters(), recipe.clip_norm)
        self.optimizer.step()
        self.schedule.step()
        self.step += 1
        return value

    def _note(self, progress: Progress | None) -> None:
        self.history.steps.append(self.step)
        self.history.loss.append(float(np.mean(self.history.recent)))
        self.history.recent.clear()
        if progress:
            progress(self.step, self.history.loss[-1])

    @torch.no_grad()
    def _look_at_heldout(self) -> None:
        self.made.policy.eval()
        batch = self.heldout.batch(self.heldout.spread(HELDOUT_ROWS), self.run.recipe.chunk)
        self.history.heldout_steps.append(self.step)
        self.history.heldout_loss.append(self.made.loss(batch).item())

    def _save(self) -> None:
        """Keep a checkpoint, then log what led to it: a kill in between costs nothing, the next one logs it."""
        recipe, history = self.run.recipe, self.history
        checkpoints.save(
            self.output, self.step, self.made, self.optimizer, self.schedule, history, recipe, self.dataset
        )
        self.tracked.log_metrics(
            {
                "loss": zip(history.steps, history.loss, strict=True),
                "heldout_loss": zip(history.heldout_steps, history.heldout_loss, strict=True),
            }
        )

    def _summarize(self) -> TrainingSummary:
        history = self.history
        summary = TrainingSummary(
            run_id=self.run.run_id,
            policy=self.run.recipe.policy,
            dataset=self.run.dataset,
            parameters=self.made.parameters,
            steps=tuple(history.steps),
            loss=tuple(history.loss),
            heldout_steps=tuple(history.heldout_steps),
            heldout_loss=tuple(history.heldout_loss),
            seconds=history.seconds,
        )
        self.tracked.log_file(summary.write(self.output / SUMMARY_FILE))
        self.tracked.finish()
        return summary


def _open(output: Path, dataset: Dataset, recipe: Recipe, inputs: list[str]) -> tuple[TrainingRun, Run]:
    """The run of this folder and its MLflow run, new or taken up."""
    if (output / RUN_FILE).exists():
        run = TrainingRun.read(output / RUN_FILE)
        return run, resume_run(run.run_id)
    digest, features, commit = dataset_digest(dataset), dataset.info.features, code_commit()
    task = dataset.provenance.task if dataset.provenance else dataset.tasks[0]
    key = digest_bytes(f"{digest} {recipe.model_dump_json()} {output.resolve()}".encode())
    tracked = open_run(task, f"{recipe.policy} {output.resolve().name}", key=key)
    tracked.set_tags({"physai.dataset": digest, "physai.commit": commit})
    tracked.log_params(recipe.model_dump())
    run = TrainingRun(
        run_id=tracked.id,
        dataset=digest,
        task=task,
        robot=dataset.provenance.robot if dataset.provenance else dataset.info.robot_type or "unknown",
        rate_hz=float(dataset.fps),
        inputs=tuple(tensor_spec(name, features[name]) for name in inputs),
        action=tensor_spec(ACTION, features[ACTION]),
        recipe=recipe,
        commit=commit,
    )
    run.write(output / RUN_FILE)
    return run, tracked


def _keep_samples(output: Path, heldout: Demonstrations, inputs: list[str]) -> None:
    """Keep a few recorded observations, so that a package can be built where the dataset is not."""
    batch = heldout.batch(heldout.spread(SAMPLES), 1)
    save_arrays(output / SAMPLES_FILE, {name: batch[name].numpy() for name in inputs})


@contextmanager
def _stop_requests() -> Iterator[list[int]]:
    """A list that fills when the process is asked to end, by SIGTERM or Ctrl-C."""
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)

    previous = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
