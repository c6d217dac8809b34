"""Training a policy on demonstrations: resumes to the same result, however it was stopped."""

import json
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from physai.infrastructure.aside import write_whole
from physai.infrastructure.console import stderr
from physai.infrastructure.contracts import LicensedPart, Rate, TrainingSummary, digest_bytes
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.rates import success_rate
from physai.infrastructure.settings import settings
from physai.infrastructure.tracking import Point, Run, TrackingError, open_run, resume_run, system_metrics

from .. import licences
from ..errors import DivergedError, StoppedError
from ..run import (
    RUN_FILE,
    SAMPLES_FILE,
    STATISTICS_FILE,
    SUMMARY_FILE,
    TrainingRun,
    checkpoint_steps,
    code_commit,
    find_checkpoint,
    save_arrays,
)
from . import checkpoints, closed_loop, policy
from .checkpoints import History
from .demonstrations import ACTION, HELDOUT_ROWS, Demonstrations, Window, check_alike, input_names, load, tensor_spec
from .folder import alone, finished
from .policy import BACKBONE
from .recipe import LANGUAGE_POLICIES, Recipe
from .sources import digest_of

STATS = Path("meta/stats.json")
HELDOUT_SEED = 20260101  # of the noise under which held-out rows are looked at, the same each time
HISTORY = (-1, 0)  # steps of the samples; a policy that sees the present alone takes the last
SAMPLES = 8  # recorded observations kept for the golden vectors of a package

type Progress = Callable[[int, float], None]
"""Told the step and the mean loss of late."""


def train(
    data: Path | Sequence[Path],
    recipe: Recipe,
    output: Path,
    progress: Progress | None = None,
    start: Path | None = None,
    backbone: Path | None = None,
) -> TrainingSummary:
    """Train, or go on with, a policy; what is in `output` when it ends was made by this recipe on this data.

    Started by `torchrun` or `accelerate launch`, every process takes its part of each batch.

    Args:
        data: LeRobot v3.0 folders with splits `train` and `heldout`.
        recipe: How to train.
        output: Folder of the run.
        progress: Told how it goes.
        start: Pretrained checkpoint, if the recipe begins from one.
        backbone: Weights of the image encoder, if it begins from them.

    Raises:
        DatasetError: If a dataset cannot be used.
        SimulationError: If the task of the checks is unknown, or cannot be started.
        TrainingError: If the policy cannot be trained on it, or diverges.
        TrackingError: If MLflow does not answer.
    """
    folders = [data] if isinstance(data, Path) else list(data)
    processes = Accelerator(cpu=settings().device == "cpu")
    first = processes.is_main_process
    summary = finished(output, folders, recipe) if first else None
    processes.wait_for_everyone()
    if not first and (output / SUMMARY_FILE).exists():
        summary = TrainingSummary.read(output / SUMMARY_FILE)
    if summary:
        return summary
    sources = [Dataset(folder) for folder in folders]
    closed_loop.check_known(recipe, sources)
    inputs = input_names(sources[0], recipe.observation)
    check_alike(sources, (*inputs, ACTION))
    language = recipe.policy in LANGUAGE_POLICIES
    rows, heldout = (load(sources, split, inputs, language=language) for split in ("train", "heldout"))
    policy.limit_threads()
    if not first:
        processes.wait_for_everyone()
        return _train(
            Trainer(output, folders[0], _read(output), None, rows, heldout, processes, start, backbone), progress
        )
    with alone(output), closed_loop.checks(recipe, sources[0], inputs) as check:
        run, tracked = _open(output, sources, recipe, inputs, start)
        _keep_samples(output, heldout, inputs)
        processes.wait_for_everyone()
        try:
            with system_metrics(tracked):
                return _train(
                    Trainer(output, folders[0], run, tracked, rows, heldout, processes, start, backbone, check),
                    progress,
                )
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
    tracked: Run | None
    """None in all processes but the first."""
    data: Demonstrations
    heldout: Demonstrations
    processes: Accelerator
    start: Path | None = None
    backbone: Path | None = None
    check: closed_loop.Check | None = None
    """How the policy is checked; None in all processes but the first."""
    step: int = 0
    history: History = field(default_factory=History)

    def begin(self) -> None:
        """Take up the newest checkpoint, or begin."""
        recipe, where = self.run.recipe, self.processes.device
        device = where.type if where.type == "cpu" else str(where)  # LeRobot knows no cpu:0
        if self.tracked:
            checkpoints.sweep(self.output)
        begun = checkpoint_steps(self.output)
        self.processes.wait_for_everyone()
        if begun:
            checkpoint, _ = find_checkpoint(self.output, "last")
            self.made = policy.load(checkpoint / checkpoints.PRETRAINED, device)
        else:
            stats = json.loads((self.output / STATISTICS_FILE).read_bytes())
            self.made = policy.make(recipe, self.run.inputs, self.run.action, stats, device, self.start, self.backbone)
        learned = [value for value in self.made.policy.parameters() if value.requires_grad]
        self.optimizer = AdamW(learned, recipe.lr, weight_decay=recipe.weight_decay, fused=True)
        self.schedule = OneCycleLR(self.optimizer, recipe.lr, recipe.steps, pct_start=_rising(recipe))
        if begun:
            self.step, self.history = checkpoints.resume(checkpoint, self.optimizer, self.schedule)
        self.model = self.processes.prepare_model(self.made.policy)
        if not begun:
            self._look_at_heldout()
            self._save()
        elif self.tracked:  # a kill may have left the newest checkpoint without its name, and its points unlogged
            checkpoints.point(self.output, self.step, self.history)
            self._log(self.tracked)

    def run_to_end(self, progress: Progress | None) -> None:
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
                checked = self._is_check()
                if checked:
                    self._check()
                self.history.seconds = before + time.monotonic() - started
                if self._anyone(stop) and self.step < recipe.steps:
                    self._save()
                    raise StoppedError(self.output, self.step)
                if checked or self.step % recipe.checkpoint_every == 0 or self.step == recipe.steps:
                    self._save()

    def _one_step(self) -> float:
        """One gradient step; rows and noise follow from seed, step and process alone."""
        recipe, rank, of = self.run.recipe, self.processes.process_index, self.processes.num_processes
        rows = np.random.default_rng([recipe.seed, self.step]).integers(0, self.data.rows, recipe.batch_size)
        torch.manual_seed(int(np.random.SeedSequence([recipe.seed, self.step, rank]).generate_state(1)[0]))
        self.made.policy.train()
        loss = self._loss(self.data.batch(rows[rank::of], self._window))
        value = self._mean(loss.detach())
        if not math.isfinite(value):
            raise DivergedError(self.step, value)
        self.optimizer.zero_grad()
        self.processes.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.made.policy.parameters(), recipe.clip_norm)
        self.optimizer.step()
        self.schedule.step()
        self.step += 1
        return value

    @property
    def _window(self) -> Window:
        return self.made.window

    def _loss(self, batch: dict[str, Any]) -> torch.Tensor:
        """The policy's own loss on a recorded batch."""
        half = self.run.recipe.precision == "bf16"
        autocast = torch.autocast(self.processes.device.type, torch.bfloat16, enabled=half)
        with autocast, redirect_stdout(sys.stderr):  # VQ-BeT prints, and stdout is for results
            loss: torch.Tensor = self.model(self.made.pre(batch))[0]
        return loss

    def _mean(self, value: torch.Tensor) -> float:
        return float(self.processes.reduce(value, "mean").item())

    def _anyone(self, stop: list[int]) -> bool:
        """Whether any process was asked to end, so that all save the same step."""
        if self.processes.num_processes == 1:
            return bool(stop)
        return self._mean(torch.tensor(float(bool(stop)), device=self.processes.device)) > 0

    def _note(self, progress: Progress | None) -> None:
        self.history.steps.append(self.step)
        self.history.loss.append(float(np.mean(self.history.recent)))
        self.history.recent.clear()
        if progress:
            progress(self.step, self.history.loss[-1])

    @torch.no_grad()
    def _look_at_heldout(self) -> None:
        self.made.policy.eval()
        torch.manual_seed(HELDOUT_SEED)
        batch = self.heldout.batch(self.heldout.spread(HELDOUT_ROWS), self._window)
        self.history.heldout_steps.append(self.step)
        self.history.heldout_loss.append(self._loss(batch).item())

    def _is_check(self) -> bool:
        recipe = self.run.recipe
        due = self.step % recipe.check_every == 0 or self.step == recipe.steps
        return recipe.check_task is not None and due

    def _check(self) -> None:
        """Let the policy play; the other processes wait where the checkpoint is kept."""
        if self.check is None:
            return
        outcomes = self.check(self.made, self.run.inputs, self.run.recipe.check_episodes)
        self.history.checked_steps.append(self.step)
        self.history.successes.append(sum(outcomes))
        stderr.print(f"step {self.step}: {sum(outcomes)} of {len(outcomes)} episodes succeed", highlight=False)

    @property
    def _success(self) -> tuple[Rate, ...]:
        episodes = self.run.recipe.check_episodes
        return tuple(success_rate([True] * n + [False] * (episodes - n)) for n in self.history.successes)

    def _save(self) -> None:
        """Keep a checkpoint, then log what led to it: a kill in between costs nothing, the next start logs it."""
        recipe, history = self.run.recipe, self.history
        if self.tracked:
            checkpoints.save(
                self.output, self.step, self.made, self.optimizer, self.schedule, history, recipe, self.dataset
            )
            self._log(self.tracked)
        self.processes.wait_for_everyone()

    def _log(self, tracked: Run) -> None:
        history, success = self.history, self._success
        tracked.log_metrics(
            {
                "loss": zip(history.steps, history.loss, strict=True),
                "heldout_loss": zip(history.heldout_steps, history.heldout_loss, strict=True),
                "success_rate": self._checked([rate.value for rate in success]),
                "success_rate_lower": self._checked([rate.lower for rate in success]),
                "success_rate_upper": self._checked([rate.upper for rate in success]),
            }
        )
        if history.best_step is not None:
            tracked.set_tags({"physai.best_step": str(history.best_step)})

    def _checked(self, values: list[float]) -> Iterator[Point]:
        return zip(self.history.checked_steps, values, strict=True)

    def finish(self) -> TrainingSummary:
        """The curves, kept in the folder and with the MLflow run."""
        summary = self._summarize()
        if self.tracked:
            self.tracked.log_file(summary.write(self.output / SUMMARY_FILE))
            self.tracked.finish()
        return summary

    def _summarize(self) -> TrainingSummary:
        history = self.history
        return TrainingSummary(
            run_id=self.run.run_id,
            policy=self.run.recipe.policy,
            dataset=self.run.dataset,
            parameters=self.made.parameters,
            steps=tuple(history.steps),
            loss=tuple(history.loss),
            heldout_steps=tuple(history.heldout_steps),
            heldout_loss=tuple(history.heldout_loss),
            checked_steps=tuple(history.checked_steps),
            success=self._success,
            best_step=history.best_step,
            seconds=history.seconds,
        )


def _rising(recipe: Recipe) -> float:
    """Share of the steps with a rising learning rate; PyTorch divides by zero where that is exactly one step."""
    return recipe.warmup if recipe.warmup * recipe.steps != 1 else 1.01 * recipe.warmup


def _train(trainer: Trainer, progress: Progress | None) -> TrainingSummary:
    trainer.begin()
    trainer.run_to_end(progress)
    return trainer.finish()


def _read(output: Path) -> TrainingRun:
    return TrainingRun.read(output / RUN_FILE)


def _open(
    output: Path, datasets: list[Dataset], recipe: Recipe, inputs: list[str], start: Path | None
) -> tuple[TrainingRun, Run]:
    """The run of this folder and its MLflow run, new or taken up."""
    if (output / RUN_FILE).exists():
        run = _read(output)
        return run, resume_run(run.run_id)
    _keep_statistics(output, datasets, (*inputs, ACTION))
    dataset = datasets[0]
    digest, features, commit = digest_of(datasets), dataset.info.features, code_commit()
    task = dataset.provenance.task if dataset.provenance else dataset.tasks[0]
    parts = _licences(datasets, recipe, start)
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
        licences=parts,
        commit=commit,
    )
    run.write(output / RUN_FILE)
    return run, tracked


def _licences(datasets: list[Dataset], recipe: Recipe, start: Path | None) -> tuple[LicensedPart, ...]:
    """Terms of what is learned from, and of what the training begins from."""
    parts = [licences.of_dataset(dataset.root, digest_of([dataset])) for dataset in datasets]
    if start and recipe.start:
        parts.append(licences.of_checkpoint(start, recipe.start))
    backbones = (recipe.backbone, recipe.options.get(BACKBONE))
    return (*parts, *(licences.of_backbone(str(name)) for name in backbones if name))


def _keep_samples(output: Path, heldout: Demonstrations, inputs: list[str]) -> None:
    """Keep a few recorded observations, so that a package can be built where the dataset is not."""
    batch = heldout.batch(heldout.spread(SAMPLES), Window(HISTORY, (0,)))
    save_arrays(output / SAMPLES_FILE, {name: batch[name].numpy() for name in inputs})


def _keep_statistics(output: Path, datasets: list[Dataset], features: tuple[str, ...]) -> None:
    """Keep the statistics of all datasets together, as LeRobot aggregates them."""
    from lerobot.datasets.compute_stats import aggregate_stats

    each = [json.loads((dataset.root / STATS).read_bytes()) for dataset in datasets]
    together = each[0]
    if len(each) > 1:
        arrays = [{name: {k: np.array(v) for k, v in stats[name].items()} for name in features} for stats in each]
        together = {n: {k: v.tolist() for k, v in found.items()} for n, found in aggregate_stats(arrays).items()}
    write_whole(output / STATISTICS_FILE, json.dumps({name: together[name] for name in features}).encode())


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
