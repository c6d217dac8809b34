"""What can go wrong when a policy is trained or packaged."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from physai.infrastructure.contracts import JointLimits
from physai.infrastructure.errors import PhysaiError, one_line


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean 'act'? Known: act, …`, the guess only if one is near."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1)
    return (f"Did you mean '{near[0]}'? " if near else "") + f"Known: {', '.join(names) or 'none'}."


class TrainingError(PhysaiError):
    """A policy cannot be trained."""


class UnknownPolicyError(TrainingError):
    """No policy has this name."""

    def __init__(self, policy: str, known: Iterable[str]) -> None:
        super().__init__(f"policy '{policy}' is unknown. {did_you_mean(policy, known)}")


class UnknownTaskError(TrainingError):
    """Isaac Lab has no such task, or none of our libraries has an agent for it."""

    def __init__(self, task: str, known: Iterable[str]) -> None:
        near = get_close_matches(task, known, n=1, cutoff=0.4)
        super().__init__(
            f"task '{task}' is unknown. {f"Did you mean '{near[0]}'? " if near else ''}"
            "`physai training rl list` tells which there are."
        )


class UnknownAgentError(TrainingError):
    """The task has no agent configuration of that name."""

    def __init__(self, task: str, agent: str, known: Iterable[str], libraries: Iterable[str]) -> None:
        names = list(known)
        mend = did_you_mean(agent, names) if names else f"It has agents for: {', '.join(libraries)}."
        super().__init__(f"{task}: no agent '{agent}'. {mend}")


class NoSuccessError(TrainingError):
    """A training was to end at a success rate, but its task does not say what success is."""

    def __init__(self, task: str) -> None:
        super().__init__(
            f"{task}: states no success, neither as termination term 'success' nor as metric 'Metrics/success_rate'. "
            "Leave out --stop-at-success."
        )


class NotFiniteError(TrainingError):
    """A training by reinforcement has left the numbers."""

    def __init__(self, task: str, iteration: int, what: str) -> None:
        super().__init__(
            f"{task}: iteration {iteration}: {what}. The last checkpoint is from before. "
            "Lower the learning rate, e.g. --set agent.algorithm.learning_rate=3e-4 (skrl: agent.agent.learning_rate)."
        )


class NodesError(TrainingError):
    """Several processes cannot be brought together."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}.")


class RanksError(TrainingError):
    """A process of several has failed."""

    def __init__(self, output: Path, code: int) -> None:
        super().__init__(
            f"{output}: the training processes ended with exit code {code}; what they said is above and in "
            f"{output / 'isaaclab.log'}. Run the same command to go on from the last checkpoint."
        )


class RecipeError(TrainingError):
    """A value of the recipe is out of range, or does not go with another."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"--{name.replace('_', '-')}: {why}.")


class MissingFeatureError(TrainingError):
    """The dataset lacks a feature that the policy needs."""

    def __init__(self, dataset: Path, feature: str, known: Iterable[str]) -> None:
        super().__init__(
            f"{dataset}: no feature '{feature}'. {did_you_mean(feature, known)} "
            "Convert it with that feature, or choose another --observation."
        )


class FeatureTypeError(TrainingError):
    """A feature is not what its name promises."""

    def __init__(self, dataset: Path, feature: str, got: str, wanted: str) -> None:
        super().__init__(f"{dataset}: feature '{feature}' is {got}, wanted {wanted}. Convert the dataset again.")


class DatasetMismatchError(TrainingError):
    """Two datasets cannot be learned from together."""

    def __init__(self, dataset: Path, what: str, got: object, other: Path, wanted: object) -> None:
        super().__init__(
            f"{dataset}: its {what} is {got}, that of {other} is {wanted}. "
            "Convert one of them again, or train on one of them alone."
        )


class TaskMismatchError(TrainingError):
    """A training is to be checked in a task that its data is not of."""

    def __init__(self, task: str, what: str, got: object, dataset: Path, wanted: object) -> None:
        super().__init__(
            f"{task}: its {what} is {got}, that of {dataset} is {wanted}. "
            "Name the task that was demonstrated, or leave out --task."
        )


class GymnasiumTaskError(TrainingError):
    """An environment of Gymnasium cannot be played during a training."""

    def __init__(self, task: str, why: str) -> None:
        super().__init__(
            f"{task}: {why}. Name one that is installed, as `MODULE:NAMESPACE/NAME-v0`, mend --task-option, "
            "or leave out --task."
        )


class CardError(TrainingError):
    """The card of a dataset or a checkpoint cannot be read."""

    def __init__(self, card: Path, error: Exception) -> None:
        said = one_line(error, 160)
        super().__init__(f"{card}: its head is no card of Hugging Face ({said}). Mend the YAML between the two `---`.")


class RevisionError(TrainingError):
    """A dataset is not at the revision that was asked for."""

    def __init__(self, dataset: str, got: str, wanted: str) -> None:
        super().__init__(f"{dataset}: is at {got}, wanted {wanted}. Name that revision, or fetch the one you want.")


class MissingSplitError(TrainingError):
    """The dataset lacks a split, or has it without episodes."""

    def __init__(self, dataset: Path, split: str, known: Iterable[str]) -> None:
        super().__init__(
            f"{dataset}: no episodes in split '{split}'. Splits: {', '.join(known) or 'none'}. "
            "Split it with `physai data-management dataset curate --heldout 0.1`."
        )


class MemoryTooSmallError(TrainingError):
    """The training data does not fit."""

    def __init__(self, dataset: Path, needed_bytes: int, free_bytes: int) -> None:
        super().__init__(
            f"{dataset}: its frames take {needed_bytes / 2**30:.1f} GiB of memory, {free_bytes / 2**30:.1f} are free. "
            "Record with a smaller camera, or train where there is more."
        )


class DivergedError(TrainingError):
    """The loss is no number any more."""

    def __init__(self, step: int, loss: float) -> None:
        super().__init__(f"step {step}: the loss is {loss}. Lower --lr, or look for extreme values in the dataset.")


class StoppedError(TrainingError):
    """The training was asked to stop, and has kept what it had."""

    def __init__(self, output: Path, step: int) -> None:
        super().__init__(f"{output}: stopped at step {step}, which is kept. Run the same command to go on.")


class ForeignRunError(TrainingError):
    """The output folder belongs to something else."""

    def __init__(self, output: Path, why: str) -> None:
        super().__init__(f"{output}: {why}. Choose another --output, or remove the folder.")


class BusyRunError(TrainingError):
    """Another process is training in the same folder."""

    def __init__(self, output: Path) -> None:
        super().__init__(f"{output}: another process trains here. Wait for it, or choose another --output.")


class CheckpointError(TrainingError):
    """A checkpoint is not there, or cannot be loaded."""

    def __init__(self, path: Path, why: str, known: Iterable[str] = ()) -> None:
        names = ", ".join(known)
        super().__init__(f"{path}: {why}. {f'There are: {names}' if names else 'Name another, or train again'}.")


class PinError(TrainingError):
    """A revision of pretrained weights is no commit."""

    def __init__(self, repository: str, revision: str) -> None:
        super().__init__(
            f"{repository}: revision '{revision}' may move. Name a commit of 40 hexadecimal digits; the hub shows it."
        )


class WeightsError(TrainingError):
    """A hub does not give weights."""

    def __init__(self, repository: str, revision: str, error: Exception) -> None:
        said = one_line(error, 160)
        super().__init__(
            f"{repository}@{revision[:12]}: cannot be fetched ({said}). Check the names, the network and HF_TOKEN."
        )


class SaveError(TrainingError):
    """The disk refused a checkpoint."""

    def __init__(self, path: Path, error: Exception) -> None:
        super().__init__(
            f"{path}: cannot be written ({one_line(error)}). "
            "Free space or mend rights, then run the same command to go on."
        )


class UnknownPipelineError(TrainingError):
    """No pipeline has this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"pipeline '{name}' is unknown. {did_you_mean(name, known)}")


class NoJobError(TrainingError):
    """There is no job of AzureML around this process."""

    def __init__(self, variable: str) -> None:
        super().__init__(
            f"{variable} is not set: this is no job of AzureML. `physai training pipeline search` makes one."
        )


class NoHeldoutError(TrainingError):
    """A run cannot be compared with others."""

    def __init__(self, run: Path) -> None:
        super().__init__(f"{run}: no loss on held-out episodes. Train on a dataset with a split `heldout`.")


class PackagingError(PhysaiError):
    """A policy cannot be packaged."""


class UnsupportedPolicyError(PackagingError):
    """We have no graph for policies of this kind."""

    def __init__(self, checkpoint: Path, policy: str, known: Iterable[str]) -> None:
        super().__init__(f"{checkpoint}: a '{policy}' cannot be put into a graph. Can be: {', '.join(known)}.")


class UnsupportedStepError(PackagingError):
    """A processor does something that we do not put into the graph."""

    def __init__(self, checkpoint: Path, step: str) -> None:
        super().__init__(f"{checkpoint}: its processor '{step}' cannot go into the graph. Train without it.")


class UnsupportedTaskError(PackagingError):
    """What a task takes or gives cannot be put into a graph."""

    def __init__(self, task: str, why: str) -> None:
        super().__init__(f"{task}: cannot be packaged: {why}. Train a manager-based task with joint actions.")


class ParityError(PackagingError):
    """The graph does not do what the policy does."""

    def __init__(self, checkpoint: Path, path: str, difference: float, bound: float) -> None:
        super().__init__(
            f"{checkpoint}: graph and policy differ by {difference:.2g} in {path}, allowed is {bound:.0e}. "
            "Nothing was packaged. Check the training for exploding weights."
        )


class LicenceError(PackagingError):
    """A licence is stated in words that no tool knows."""

    def __init__(self, licence: str) -> None:
        super().__init__(
            f"licence '{licence}' is no SPDX expression. Write for example MIT, CC-BY-4.0 or LicenseRef-NAME."
        )


class StatisticsError(PackagingError):
    """Statistics cannot be read, or lack a feature."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path}: no statistics of the package's features ({why}). Name the meta/stats.json of its data."
        )


class UnknownUnitError(PackagingError):
    """The unit of an element of an observation or action is not known."""

    def __init__(self, feature: str, element: str, robot: str) -> None:
        super().__init__(
            f"feature '{feature}': the unit of '{element}' is unknown; it is neither a joint of robot '{robot}' nor a "
            "part of a pose. Name joints as the robot does, or give --robot FILE."
        )


class PackageWriteError(PackagingError):
    """The disk refused a package."""

    def __init__(self, output: Path, error: OSError) -> None:
        super().__init__(
            f"{output}: cannot be written ({error.strerror or error}). Free space or mend rights, then retry."
        )


class PackageNameError(PackagingError):
    """A package's name cannot be that of a model's folder."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(
            f"{folder}: its name '{name}' cannot be that of a folder. "
            "Build it with a --name of letters, digits, '.', '_' and '-'."
        )


class NotPassedError(PackagingError):
    """A package was not passed by the gate."""

    def __init__(self, verdict: Path, why: str) -> None:
        super().__init__(f"{verdict}: {why}. Only what the gate passes is registered; see `physai evaluation gate`.")


class ScaleError(PackagingError):
    """A package answers in another unit than a robot is commanded in."""

    def __init__(self, folder: Path, element: str, why: str) -> None:
        super().__init__(
            f"{folder}: action '{element}' {why}: the action scale is missing. "
            "Build it again with `physai training package build`, which puts the scale into the graph."
        )


class RangeError(PackagingError):
    """A package may command a joint beyond what the robot allows."""

    def __init__(self, folder: Path, got: JointLimits, allowed: JointLimits) -> None:
        super().__init__(
            f"{folder}: it may command {got.joint} from {got.lower_rad:.3f} to {got.upper_rad:.3f} rad, the robot "
            f"allows {allowed.lower_rad:.3f} to {allowed.upper_rad:.3f}. Build it again with `--robot` of that robot."
        )


class RateError(PackagingError):
    """A package was trained for another control rate."""

    def __init__(self, folder: Path, got_hz: float, wanted_hz: float) -> None:
        super().__init__(
            f"{folder}: it was trained for {got_hz:g} Hz, the robot is controlled at {wanted_hz:g} Hz. "
            "Use the package of that rate, or train on data of that rate."
        )


class NoEngineError(PackagingError):
    """No TensorRT engine can be built on this machine."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(
            f"{folder}: no engine is built: {why}. The package runs by ONNX Runtime as it is; for an engine, "
            "`uv pip install 'tensorrt-cu12<11'` on a machine with the GPU that is to run it."
        )


class EngineBuildError(PackagingError):
    """TensorRT refuses a package."""

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"{folder}: {why}. Run the package by ONNX Runtime, or with another version of TensorRT.")


class EngineParityError(PackagingError):
    """An engine does not answer as the policy did."""

    def __init__(self, folder: Path, precision: str, output: str, difference: float, allowed: float) -> None:
        super().__init__(
            f"{folder}: its engine in {precision} differs by {difference:.2g} in '{output}', allowed is {allowed:.2g}. "
            "No engine was kept. Build it with --precision fp32."
        )


class BaseImageError(PackagingError):
    """An image cannot stand on this base."""

    def __init__(self, layout: Path, why: str) -> None:
        super().__init__(f"{layout}: {why}. Fetch it with `skopeo copy docker://IMAGE oci:{layout}`.")


class SbomError(PackagingError):
    """No bill of materials that tells of a package is attached to it."""

    def __init__(self, registry: str, digest: str, why: str) -> None:
        super().__init__(f"{registry}: {digest}: {why}. Attach one with `physai training package sbom --attach`.")


class StaleNormalizerError(PackagingError):
    """A package normalises with other statistics than those of the data."""

    def __init__(self, folder: Path, got: str, path: Path, wanted: str) -> None:
        super().__init__(
            f"{folder}: its normaliser is stale: it holds statistics {got[:19]}…, {path} are {wanted[:19]}…. "
            "Train on that data, or verify with the statistics it was trained on."
        )


class NoNormalizerError(PackagingError):
    """A package does not say what it normalises with."""

    def __init__(self, folder: Path, path: Path) -> None:
        super().__init__(
            f"{folder}: it names no statistics that it normalises with, so {path} cannot be compared. "
            "Leave out --statistics; what is learned in simulation has no dataset."
        )


class JointOrderError(PackagingError):
    """A package drives other joints, or drives them in another order."""

    def __init__(self, folder: Path, got: tuple[str, ...], wanted: tuple[str, ...]) -> None:
        super().__init__(
            f"{folder}: its actions are for joints {', '.join(got)}; asked for were {', '.join(wanted)}. "
            "Use the package of that robot."
        )
