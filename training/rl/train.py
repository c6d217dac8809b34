"""Training by reinforcement, from a recipe to the summary: here, or in several processes on one or more machines."""

from dataclasses import dataclass
from pathlib import Path
from zipfile import is_zipfile

from physai.infrastructure.contracts import digest_bytes, digest_file
from physai.infrastructure.tracking import open_run

from ..errors import CheckpointError, NodesError, RanksError
from ..il.folder import alone
from ..run import RUN_FILE, SUMMARY_FILE, checkpoint_steps, code_commit
from . import checkpoints
from .recipe import Recipe
from .run import RlRun, RlSummary, finished, read_run
from .session import Progress
from .tasks import check_task

WORKER = f"{__package__}.worker"


@dataclass(frozen=True)
class Ranks:
    """Processes that train together, one for each GPU."""

    gpus: int = 0
    """Of this machine; 0 trains in this very process."""
    nodes: int = 1
    node: int = 0
    """Rank of this machine, from 0."""
    master: str = "127.0.0.1"
    """Address of machine 0."""
    port: int = 29500

    def check(self, publish: str | None) -> None:
        """Refuse what cannot be brought together.

        Raises:
            NodesError: If it cannot.
        """
        if self.nodes > 1 and not self.gpus:
            raise NodesError(f"{self.nodes} nodes: say how many GPUs each has, --num-gpus 4")
        if self.nodes > 1 and not publish:
            raise NodesError("several nodes go on from one checkpoint, which all must see: give --publish URI")
        if not 0 <= self.node < self.nodes:
            raise NodesError(f"node rank {self.node} of {self.nodes}: ranks count from 0")


def train(
    recipe: Recipe,
    output: Path,
    *,
    start_from: Path | None = None,
    publish: str | None = None,
    ranks: Ranks = Ranks(),
    progress: Progress | None = None,
) -> RlSummary | None:
    """Train, or go on with, a policy; what is in `output` when it ends was made by this recipe.

    Args:
        recipe: What to train.
        output: Folder of the run.
        start_from: Model file whose weights the training starts from; the recipe has its digest.
        publish: URI that checkpoints are copied to as they appear, and taken from if `output` has none.
        ranks: Processes to share it among.
        progress: Told how it goes, if the training is in this process.

    Returns:
        The summary; None on all nodes but the first.

    Raises:
        TrainingError: If the policy cannot be trained, or leaves the numbers.
        TrackingError: If MLflow does not answer.
        StorageError: If checkpoints cannot be published.
    """
    ranks.check(publish)
    if start_from:
        if not is_zipfile(start_from):  # as torch.save writes them
            raise CheckpointError(start_from, "is no model file; `checkpoints/000050/model.pt` of a run is one")
        checkpoints.check_plain(start_from)
    if summary := finished(output, recipe):
        return summary
    check_task(recipe.task, recipe.library, recipe.agent)
    with alone(output):
        _open(output, recipe, publish, ranks.node)
        if publish and not checkpoint_steps(output):
            checkpoints.fetch(publish, output)
        if not ranks.gpus:
            from .worker import work

            return work(output.resolve(), start_from.resolve() if start_from else None, progress)
        return _launch(output, start_from, ranks)


def digest_of(model: Path | None) -> str | None:
    """Digest of a model to start from."""
    return digest_file(model) if model and model.is_file() else None


def launch_command(output: Path, start_from: Path | None, ranks: Ranks) -> list[str]:
    """The command line of Isaac Lab's own launcher, which is torchrun, for our worker.

    Raises:
        NodesError: If there are fewer GPUs here.
    """
    from isaaclab.cli.multigpu import MultiGpuLauncherCfg, build_launch_command, build_parser

    module = {"worker_script": "-m", "worker_prefix_args": (WORKER,), "worker_flags": ()}  # torchrun's way of a module
    cfg = MultiGpuLauncherCfg(prog="train", description="", **module)
    several = ["--nnodes", ranks.nodes, "--node_rank", ranks.node] if ranks.nodes > 1 else []
    options = ["--num_gpus", ranks.gpus, *several, "--master_addr", ranks.master, "--master_port", ranks.port]
    given = [str(path.resolve()) for path in (output, start_from) if path]
    parsed = build_parser(cfg).parse_args([str(option) for option in options])
    command: list[str] = build_launch_command(parsed, given, cfg)
    return command


def _launch(output: Path, start_from: Path | None, ranks: Ranks) -> RlSummary | None:
    import torch
    from isaaclab.cli.multigpu import run_launch_command

    if (found := torch.cuda.device_count()) < ranks.gpus:
        raise NodesError(f"--num-gpus {ranks.gpus}: this machine has {found}. Give as many as it has")
    if code := run_launch_command(launch_command(output, start_from, ranks)):
        raise RanksError(output, code)
    return RlSummary.read(output / SUMMARY_FILE) if ranks.node == 0 else None


def _open(output: Path, recipe: Recipe, publish: str | None, node: int) -> RlRun:
    """The run of this folder and its MLflow run, new or taken up."""
    if run := read_run(output):
        return run
    commit, run_id = code_commit(), ""
    if node == 0:
        key = digest_bytes(f"{recipe.model_dump_json()} {publish or output.resolve()}".encode())
        tracked = open_run(recipe.task, f"{recipe.library} {output.resolve().name}", key=key)
        tracked.set_tags({"physai.commit": commit})
        tracked.log_params(recipe.model_dump(mode="json"))
        run_id = tracked.id
    run = RlRun(run_id=run_id, recipe=recipe, publish=publish, commit=commit)
    run.write(output / RUN_FILE)
    return run
