"""All rows of the benchmark."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from physai.infrastructure.benchmark import BenchmarkReport, Row, benchmark
from physai.infrastructure.contracts import GenerationPlan, PatternRanges, Variations
from physai.infrastructure.contracts.synthetic import TurnRanges
from physai.infrastructure.datasets import Dataset

from ..generate import generate
from ..local import LocalBackend
from ..plan import make_plan
from .recall import recall
from .simulated import simulated
from .stages import costs, stages

VERSIONS = ("numpy", "opencv-python-headless", "av", "torchvision", "isaaclab", "newton")


def measure(root: Path, *, clips: int, seed: int = 0, only: tuple[str, ...] = ()) -> BenchmarkReport:
    """Measure on the first `clips` clips of a plan with every kind of variation."""
    varied = Variations(
        seed=seed,
        texture=PatternRanges(share=0.4),
        background=PatternRanges(share=0.4),
        camera=TurnRanges(share=0.5),
    )
    dataset = Dataset(root)
    whole = make_plan(root, varied)
    plan = whole.model_copy(update={"generations": whole.generations[:clips]})
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)

        @cache
        def made() -> GenerationPlan:
            generate(plan, root, folder / "clips", LocalBackend())
            return plan

        rows = (
            Row("stages", lambda: stages(plan, root, folder)),
            Row("recall", lambda: recall(made(), dataset, folder / "clips", seed)),
            Row("simulation", lambda: simulated(root, folder, clips, seed)),
            Row("costs", lambda: costs(dataset.fps)),
        )
        return benchmark("synthetic-data", rows, only=only, versions=VERSIONS)
