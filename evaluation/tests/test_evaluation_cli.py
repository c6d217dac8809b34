import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from physai.evaluation.cli import app
from physai.infrastructure.contracts import EvaluationReport, GateVerdict
from physai.infrastructure.errors import PhysaiError
from physai.infrastructure.registry import manifest_digest

Make = Callable[..., EvaluationReport]
PHYSAI = (sys.executable, "-c", "from physai.infrastructure.cli import main; main()", "evaluation")
runner = CliRunner()


def physai(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PHYSAI, *map(str, arguments)], capture_output=True, text=True, timeout=60)


@pytest.fixture
def serving(package: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A host as its own process, and its URL once it says that it is ready."""
    command = [*PHYSAI, "serve", f"hold={package}", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        ready = next((line for line in process.stderr if line.startswith("ready at ")), "")
        yield process, ready.removeprefix("ready at ").strip()
        process.kill()


def test_serve_says_when_it_is_ready_and_stops_in_peace_at_sigterm(serving: tuple[subprocess.Popen[str], str]) -> None:
    process, url = serving
    assert httpx.get(f"{url}/v2/health/ready").status_code == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_serve_on_a_port_in_use_fails_in_one_line(serving: tuple[subprocess.Popen[str], str], package: Path) -> None:
    port = serving[1].rpartition(":")[2]
    result = physai("serve", package, "--port", port)
    assert result.returncode == 1
    assert re.fullmatch(rf"error: 127\.0\.0\.1:{port}: cannot listen: Address already in use\. .*\n", result.stderr)


def test_serve_refuses_a_package_that_was_changed(package: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(package, tmp_path / "changed")
    with (changed / "policy.onnx").open("ab") as file:
        file.write(b"\0")
    result = physai("serve", changed, "--port", "0")
    assert result.returncode == 1
    assert re.fullmatch(r"error: .*policy\.onnx.*\n", result.stderr)


def test_two_packages_under_one_name_are_misuse(package: Path) -> None:
    result = runner.invoke(app, ["serve", str(package), str(package)])
    assert result.exit_code == 2
    assert "two packages are named 'linear'" in result.output


@pytest.mark.parametrize(
    ("policies", "says"),
    [
        (["package"], "write ROLE=PACKAGE"),
        (["best=package"], "write ROLE=PACKAGE"),
        (["expert=package"], "write ROLE=PACKAGE"),
        (["candidate=a", "candidate=b"], "the role candidate is given twice"),
        (["untrained=a"], "a policy candidate=PACKAGE is needed"),
    ],
)
def test_roles_that_make_no_sense_are_misuse(policies: list[str], says: str) -> None:
    options = [option for policy in policies for option in ("--policy", policy)]
    result = runner.invoke(app, ["sil", "run", "--conditions", "c.json", "--output", "out", *options])
    assert result.exit_code == 2
    assert says in " ".join(re.sub(r"[│\n]", " ", result.output).split())


def test_an_evaluation_without_conditions_or_package_is_refused(tmp_path: Path, package: Path) -> None:
    run = ["sil", "run", "--output", str(tmp_path / "out"), "--policy"]
    with pytest.raises(PhysaiError, match="no condition-set here"):
        runner.invoke(
            app, [*run, f"candidate={package}", "--conditions", str(tmp_path / "c.json")], catch_exceptions=False
        )
    assert not (tmp_path / "out").exists()


@pytest.fixture
def report(make_evaluation: Make, package: Path, tmp_path: Path) -> Callable[[int], Path]:
    """Writes a report in which the package succeeds that often of 60."""

    def write(successes: int) -> Path:
        outcomes = [i < successes for i in range(60)]
        evaluation = make_evaluation(manifest_digest(package), candidate=outcomes, untrained=[False] * 60)
        return evaluation.write(tmp_path / "report.json")

    return write


@pytest.mark.parametrize(("successes", "code", "verdict"), [(55, 0, "PASS"), (15, 1, "FAIL"), (38, 3, "INCONCLUSIVE")])
def test_the_gates_exit_code_is_its_verdict(
    report: Callable[[int], Path], package: Path, tmp_path: Path, successes: int, code: int, verdict: str
) -> None:
    output = tmp_path / "verdict.json"
    options = ["--package", str(package), "--output", str(output), "--json"]
    result = runner.invoke(app, ["gate", "check", str(report(successes)), *options])
    assert result.exit_code == code
    written = GateVerdict.read(output)
    assert written.verdict == verdict
    assert json.loads(result.stdout) == json.loads(output.read_text())


def test_a_refused_check_leaves_no_old_verdict(
    report: Callable[[int], Path], package: Path, other_package: Path, tmp_path: Path
) -> None:
    output = tmp_path / "verdict.json"
    path = str(report(55))
    assert (
        runner.invoke(app, ["gate", "check", path, "--package", str(package), "--output", str(output)]).exit_code == 0
    )
    result = physai("gate", "check", path, "--package", other_package, "--output", output)
    assert result.returncode == 1
    assert re.fullmatch(r"error: .*not the package in question.*\n", result.stderr)
    assert not output.exists()


def test_rules_of_ones_own_are_used(report: Callable[[int], Path], package: Path, tmp_path: Path) -> None:
    gates = tmp_path / "gates.yaml"
    gates.write_text("rules:\n- {metric: success.value, bound: 0.99}\n")
    options = ["--package", str(package), "--output", str(tmp_path / "v.json"), "--gates", str(gates)]
    assert runner.invoke(app, ["gate", "check", str(report(55)), *options]).exit_code == 1


def test_help_is_there_without_loading_the_simulator() -> None:
    environment = os.environ | {"PYTHONPROFILEIMPORTTIME": "1"}
    result = subprocess.run([*PHYSAI, "--help"], capture_output=True, text=True, env=environment, timeout=60)
    assert result.returncode == 0
    assert not re.search(r"\|\s+(torch|isaaclab|onnxruntime|scipy|tritonclient)\s", result.stderr)
