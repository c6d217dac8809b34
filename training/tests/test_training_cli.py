"""The commands: exit codes, one-line errors, and results alone on stdout."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from physai.infrastructure.cli import main
from physai.infrastructure.contracts import PolicyPackage, TrainingSummary

from .conftest import JOINTS

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)  # inside LeRobot, PyTorch's exporter and MLflow

SMALL = ["--steps=3", "--batch-size=4", "--dim=16", "--chunk=4", "--action-steps=2", "--checkpoint-every=2"]


def physai(monkeypatch: pytest.MonkeyPatch, *args: object) -> int:
    """Run one command in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["physai", *map(str, args)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, physai.training.cli; print(*{'torch', 'lerobot', 'mlflow', 'onnx'}.intersection(sys.modules))"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == ""


def test_train_build_and_verify_print_their_documents(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, package = tmp_path / "run", tmp_path / "package"
    train = ("training", "il", "train", f"--dataset={dataset}", f"--output={run}", *SMALL, "--json")
    assert physai(monkeypatch, *train) == 0
    summary = TrainingSummary.model_validate_json(capsys.readouterr().out)
    assert summary.steps == (3,)
    assert physai(monkeypatch, *train) == 0
    again = capsys.readouterr()
    assert TrainingSummary.model_validate_json(again.out) == summary
    assert "up to date" in again.err
    assert (
        physai(monkeypatch, "training", "package", "build", run, f"--output={package}", "--name=reach", "--json") == 0
    )
    built = PolicyPackage.model_validate_json(capsys.readouterr().out)
    assert (built.name, built.training_steps) == ("reach", 3)
    joints = f"--joints={','.join(JOINTS)}"
    assert physai(monkeypatch, "training", "package", "verify", package, joints, "--json") == 0
    assert json.loads(capsys.readouterr().out) == json.loads((package / "package.json").read_text())
    assert physai(monkeypatch, "training", "package", "verify", package) == 0
    assert "reach" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["il", "train", "--dataset=DATA", "--output=OUT/run", "--policy=atc"], "Did you mean 'act'?"),
        (["il", "train", "--dataset=DATA", "--output=OUT/run", "--lr=0"], "--lr: Input should be greater than 0"),
        (["il", "train", "--dataset=OUT/none", "--output=OUT/run"], "OUT/none/meta/info.json: no LeRobot dataset here"),
        (
            ["il", "train", "--dataset=DATA", "--output=OUT/run", "--observation=image"],
            "no feature 'observation.images.*'",
        ),
        (
            ["il", "train", "--dataset=DATA", "--output=OUT/run", "--task=Isaac-Reach-UR1"],
            "Did you mean 'Isaac-Reach-UR10'",
        ),
        (
            ["il", "train", "--dataset=DATA", "--output=OUT/run", "--check-every=9"],
            "--task: checks need a task to play",
        ),
        (["vla", "train", "--dataset=DATA", "--output=OUT/run", "--start=OUT/none"], "none: holds no config.json"),
        (["rl", "train", "--task=Isaac-Cartpol", "--output=OUT/run"], "Did you mean 'Isaac-Cartpole'?"),
        (
            ["rl", "train", "--task=Isaac-Cartpole", "--output=OUT/run", "--start-from=OUT/no.pt"],
            "no.pt: is no model file",
        ),
        (["rl", "play", "OUT/none"], "OUT/none/run.json: no rl-run here"),
        (["package", "build", "OUT/none", "--output=OUT/package"], "OUT/none/run.json: no training-run here"),
        (["package", "verify", "OUT/none"], "OUT/none/package.json: no policy-package here"),
    ],
)
def test_bad_input_is_one_line_and_exit_1(
    args: list[str],
    message: str,
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filled = [arg.replace("DATA", str(dataset)).replace("OUT", str(tmp_path)) for arg in args]
    assert physai(monkeypatch, "training", *filled) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert len(lines) == 1
    assert message.replace("OUT", str(tmp_path)) in lines[0]
    assert not list(tmp_path.iterdir()), "nothing is left behind"


@pytest.mark.parametrize(
    "args", [["il", "train"], ["il", "train", "--steps=x"], ["package", "build"], ["package", "sign"]]
)
def test_misuse_is_exit_2(args: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert physai(monkeypatch, "training", *args) == 2
