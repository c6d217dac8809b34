"""Processes killed at random moments: one named failure, or a whole report in which nothing counts twice."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from physai.evaluation.errors import HostError
from physai.evaluation.examples.classic_control import CARTPOLE, balancing
from physai.evaluation.report import check_report
from physai.evaluation.sil.conditions import create_conditions
from physai.evaluation.sil.entrants import read_entrants
from physai.evaluation.sil.evaluate import Plan, evaluate
from physai.infrastructure.contracts import ConditionSet, EvaluationReport, Role, World
from physai.infrastructure.datasets import Dataset

PHYSAI = (sys.executable, "-c", "from physai.infrastructure.cli import main; main()", "evaluation")
EPISODES = 8


@pytest.fixture(scope="module")
def balance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return balancing(tmp_path_factory.mktemp("kills") / "balance")


@pytest.fixture(scope="module")
def conditions() -> ConditionSet:
    options = {"episodes": EPISODES, "seed": 3, "horizon_s": 2.0, "success": "steps >= 100"}
    return create_conditions(CARTPOLE, World(name="nominal"), **options)


def planned(package: Path, conditions: ConditionSet, server: str | None = None) -> Plan:
    entrants = read_entrants({"candidate": package, "champion": package})
    return Plan(conditions, entrants, expert=False, server=server, wait_s=10.0, envs=2, timeout_s=1.0)


@pytest.fixture(scope="module")
def whole(balance: Path, conditions: ConditionSet, tmp_path_factory: pytest.TempPathFactory) -> EvaluationReport:
    """What an evaluation says that nobody disturbs."""
    output = tmp_path_factory.mktemp("whole") / "out"
    return evaluate(planned(balance, conditions), output, lambda *_: None)


@contextmanager
def host(package: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A host in a process of its own, and its URL."""
    command = [*PHYSAI, "serve", f"candidate={package}", f"champion={package}", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            line = next(line for line in process.stderr if line.startswith("ready at "))
            yield line.removeprefix("ready at ").strip(), process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def assert_whole(output: Path, report: EvaluationReport, whole: EvaluationReport) -> None:
    """Each condition once, with the outcome that it has undisturbed, and each rollout once."""
    check_report(report, output / "report.json")
    for ours, theirs in zip(report.policies, whole.policies, strict=True):
        assert [(e.condition, e.success, e.steps, e.kpis) for e in ours.episodes] == [
            (e.condition, e.success, e.steps, e.kpis) for e in theirs.episodes
        ]
    dataset = Dataset(output / "rollouts")
    dataset.verify()
    sources = [source.source_episode for source in dataset.required_provenance.episodes]
    assert sources == list(range(EPISODES))
    assert not output.with_name(f".{output.name}.part").exists()


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP])
def test_a_host_that_dies_or_hangs_is_one_named_failure_and_the_run_goes_on_with_the_next(
    sent: signal.Signals, balance: Path, conditions: ConditionSet, whole: EvaluationReport, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    when = random.randrange(2 * EPISODES - 1)  # the last two end at one step, and then nobody asks
    episodes = 0

    with host(balance) as (url, process):

        def strike(role: Role, done: int, total: int) -> None:
            nonlocal episodes
            episodes += 1
            if episodes == when:
                process.send_signal(sent)

        if when == 0:
            process.send_signal(sent)
        with pytest.raises(HostError) as failure:
            evaluate(planned(balance, conditions, url)._replace(wait_s=1.0), output, strike)
    assert str(failure.value).startswith(f"{url}: no answer"), f"struck at episode {when}"
    assert not output.exists()
    kept: list[Role] = []
    with host(balance) as (url, _):
        report = evaluate(planned(balance, conditions, url), output, lambda role, *_: kept.append(role))
    # episodes that end at one step are told one after the other: some may follow the strike
    assert ("candidate" not in kept) == (episodes >= EPISODES), f"struck at episode {when}, {episodes} ended"
    assert_whole(output, report, whole)


def test_what_a_stopped_run_kept_gets_the_interval_that_is_asked_for_now(
    balance: Path, conditions: ConditionSet, tmp_path: Path
) -> None:
    output = tmp_path / "out"

    def stop(role: Role, done: int, total: int) -> None:
        if role == "champion":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(planned(balance, conditions), output, stop)
    again = planned(balance, conditions)._replace(interval="clopper-pearson")
    report = evaluate(again, output, lambda *_: None)
    check_report(report, output / "report.json")
    assert [result.success.method for result in report.policies] == ["clopper-pearson"] * 2


def test_a_client_killed_again_and_again_ends_with_a_whole_report(
    balance: Path, conditions: ConditionSet, whole: EvaluationReport, tmp_path: Path
) -> None:
    drawn, output = tmp_path / "conditions.json", tmp_path / "out"
    conditions.write(drawn)
    command = [*PHYSAI, "sil", "run", "--conditions", str(drawn), "--num-envs", "1", "--output", str(output)]
    command += ["--policy", f"candidate={balance}", "--policy", f"champion={balance}"]
    part = output.with_name(".out.part")
    for _ in range(2):
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and not part.exists():
                time.sleep(0.01)
            time.sleep(random.uniform(0, 0.8))
            process.kill()
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    assert_whole(output, EvaluationReport.read(output / "report.json"), whole)
