"""Why a dataset cannot be varied."""

from pathlib import Path

from physai.infrastructure.errors import PhysaiError


class SyntheticDataError(PhysaiError):
    """More data cannot be made as asked."""


class NoCameraError(SyntheticDataError):
    """There is no picture to vary."""

    def __init__(self, root: Path, features: list[str]) -> None:
        super().__init__(
            f"{root}: has no camera, so there is no picture to vary (features: {', '.join(features)}). "
            "Record with a camera."
        )


class NoEpisodeError(SyntheticDataError):
    """There is no episode to vary."""

    def __init__(self, root: Path, episodes: int) -> None:
        super().__init__(
            f"{root}: none of {episodes} episodes is both recorded and for training, so there is none to vary. "
            "Give the recorded dataset, or curate it with a smaller --heldout."
        )


class DepthCameraError(SyntheticDataError):
    """The dataset has depth, which would no longer fit a picture that is varied."""

    def __init__(self, root: Path, camera: str) -> None:
        super().__init__(
            f"{root}: '{camera}' is depth, and no backend makes depth that fits a varied picture. "
            "Convert the recordings without its feature."
        )


class NoModelError(SyntheticDataError):
    """The robot's shapes are not known, so nobody can say where it must be seen."""

    def __init__(self, robot: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"robot '{robot}': no kinematic model, so its pixels cannot be told or checked. Known: {', '.join(known)}. "
            "Add its links to `synthetic-data/scene.py`."
        )


class UnknownCameraError(SyntheticDataError):
    """It is not known where a camera stands."""

    def __init__(self, camera: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"camera '{camera}': the scene does not say where it stands (it knows: {', '.join(known) or 'none'}). "
            "Give its pose under `scene.views` of the variation file."
        )


class OtherDatasetError(SyntheticDataError):
    """A plan is of another dataset than the one at hand."""

    def __init__(self, root: Path, found: str, planned: str) -> None:
        super().__init__(f"{root}: is {found}, but the plan is of {planned}. Give that dataset, or plan again.")


class DamagedPlanError(SyntheticDataError):
    """A plan asks for something that cannot be."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"plan: {what}: {why}. Make the plan again with `physai synthetic-data plan`.")


class OtherPlanError(SyntheticDataError):
    """A report does not speak of the plan at hand."""

    def __init__(self, found: str, planned: str) -> None:
        super().__init__(f"the report is of plan {found}, the plan is {planned}. Verify the clips of this plan again.")


class NothingAcceptedError(SyntheticDataError):
    """No clip passed the checks."""

    def __init__(self, clips: int, reasons: list[str]) -> None:
        super().__init__(
            f"none of {clips} clips was accepted, e.g. {reasons[0] if reasons else 'no clip'}. "
            "Look at the report, and change the variation file or the model."
        )


class CosmosSetupError(SyntheticDataError):
    """Cosmos cannot be reached as it was set up."""

    MEND = (
        "Set COSMOS_COMMAND to the program of Transfer2.5 (e.g. 'python /workspace/examples/inference.py'), or "
        "COSMOS_URL to a NIM; for `views: together`, COSMOS_MULTIVIEW_COMMAND to that of robot multi-view."
    )

    def __init__(self, why: str, mend: str = MEND) -> None:
        super().__init__(f"cosmos: {why}. {mend}")


class TooShortError(SyntheticDataError):
    """No episode is as long as a training video must be."""

    def __init__(self, root: Path, longest: int, least: int) -> None:
        super().__init__(
            f"{root}: the longest episode has {longest} frames, a training video needs {least}. "
            "Show frames more than once with --slow, or record longer episodes."
        )


class ShortEpisodeError(SyntheticDataError):
    """An episode is too short to go on from."""

    def __init__(self, clip: str, rows: int, least: int) -> None:
        super().__init__(
            f"{clip}: its episode has {rows} frames, video2world goes on from {least}. Use --format image2world, "
            "which needs one."
        )


class NoTaskError(SyntheticDataError):
    """No scene of the robot can be simulated."""

    def __init__(self, robot: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"robot '{robot}': no simulated task has it. Known: {', '.join(known)}. Use backend 'local', or add its "
            "task to `infrastructure/simulation/tasks.py`."
        )


class ThreeCamerasError(SyntheticDataError):
    """A plan has not the cameras that the robot multi-view model knows."""

    def __init__(self, cameras: tuple[str, ...], views: tuple[str, ...]) -> None:
        super().__init__(
            f"there are {len(cameras)} cameras ({', '.join(cameras)}); robot multi-view of Transfer2.5 takes "
            f"{len(views)}: {', '.join(views)}, in the dataset's order. Use `views: apart`, or --format transfer: one "
            "specification per camera with the same prompt and seed."
        )


class NoStartError(SyntheticDataError):
    """There is no clip that Cosmos could start from."""

    def __init__(self, clip: str, why: str) -> None:
        super().__init__(f"{clip}: the simulator made no clip to start from: {why}. Or leave `start_from` out.")


class MimicError(SyntheticDataError):
    """No new episodes can be made from these."""

    def __init__(self, root: Path, why: str) -> None:
        super().__init__(f"{root}: {why}. Give recordings of the simulated reach task.")
