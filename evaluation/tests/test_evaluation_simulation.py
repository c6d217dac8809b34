"""The whole way through the real simulator, by the command line: conditions, host, rollouts, report, gate."""

import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest

from physai.evaluation.report import check_report
from physai.evaluation.sil.host import PolicyHost
from physai.evaluation.sil.served import ServedPolicy
from physai.evaluation.sil.server import running
from physai.infrastructure.contracts import ConditionSet, EvaluationReport
from physai.infrastructure.datasets import Dataset
from physai.infrastructure.registry import manifest_digest

from .lstm_package import build_lstm_package, replayed

pytestmark = pytest.mark.simulation
PHYSAI = (sys.executable, "-c", "from physai.infrastructure.cli import main; main()", "evaluation")
EPISODES = 5
HORIZON_S = 2.0


class Played(NamedTuple):
    """An evaluation that was killed once and finished by a second run."""

    output: Path
    report: EvaluationReport
    second_run: str
    """What it said on stderr."""


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PHYSAI, *map(str, arguments)], capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def conditions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("conditions") / "conditions.json"
    options = ("--episodes", EPISODES, "--seed", 3, "--horizon-s", HORIZON_S, "--output", path)
    created = run("conditions", "create", *options)
    assert created.returncode == 0, created.stderr
    return path


@pytest.fixture(scope="module")
def played(conditions: Path, package: Path, other_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The candidate holds still, the champion is the same package; the first run is killed after the candidate.

    The candidate plays in 4 environments, of which one is used twice, the champion in 5.
    """
    output = tmp_path_factory.mktemp("sil") / "evaluation"
    served = {"candidate": package, "champion": package, "untrained": other_package}
    with running(PolicyHost([ServedPolicy.load(folder, role) for role, folder in served.items()])) as url:
        policies = [option for role, folder in served.items() for option in ("--policy", f"{role}={folder}")]
        options = ["--conditions", conditions, "--server", url, *policies, "--expert", "--output", output]
        fewer = ["sil", "run", *map(str, options), "--num-envs", "4"]
        kill_when(output.with_name(".evaluation.part") / "candidate.json", fewer)
        assert not output.exists()
        second = run("sil", "run", *options)
    assert second.returncode == 0, second.stderr
    return Played(output, EvaluationReport.read(output / "report.json"), second.stderr)


def kill_when(path: Path, command: list[str]) -> None:
    """Start a command and kill it as soon as `path` is there."""
    with subprocess.Popen([*PHYSAI, *command], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not path.exists():
            time.sleep(0.05)
        process.kill()
        assert path.exists(), process.stderr.read().decode() if process.stderr else ""


def test_drawing_conditions_again_gives_the_same_and_more_of_them_begin_alike(conditions: Path, tmp_path: Path) -> None:
    first = ConditionSet.read(conditions)
    more = tmp_path / "more.json"
    assert run("conditions", "create", "--episodes", EPISODES + 2, "--seed", 3, "--output", more).returncode == 0
    assert ConditionSet.read(more).conditions[:EPISODES] == first.conditions


def test_a_killed_evaluation_keeps_what_was_finished(played: Played) -> None:
    assert "candidate: finished by an earlier run, kept" in played.second_run
    assert "champion: finished" not in played.second_run


def test_the_report_holds_every_policy_by_its_package(played: Played, package: Path, other_package: Path) -> None:
    digests = {result.role: result.package for result in played.report.policies}
    assert digests == {
        "candidate": manifest_digest(package),
        "champion": manifest_digest(package),
        "untrained": manifest_digest(other_package),
        "expert": None,
    }
    check_report(played.report, played.output / "report.json")


def test_the_expert_succeeds_and_a_robot_that_holds_still_does_not(played: Played) -> None:
    successes = {result.role: result.success.successes for result in played.report.policies}
    assert successes == {"candidate": 0, "champion": 0, "untrained": 0, "expert": EPISODES}


def test_the_same_package_does_the_same_whatever_the_number_of_environments(played: Played) -> None:
    candidate, champion = played.report.policies[:2]
    for ours, theirs in zip(candidate.episodes, champion.episodes, strict=True):
        assert (ours.success, ours.steps) == (theirs.success, theirs.steps)
        assert ours.kpis == pytest.approx(theirs.kpis, rel=1e-4)


def test_episodes_that_fail_last_to_the_horizon_and_have_all_kpis(played: Played) -> None:
    for episode in played.report.policies[0].episodes:
        assert episode.steps == round(HORIZON_S * 30)
        moved = {"path_length_rad", "path_efficiency", "smoothness_sparc", "jerk_rms_rad_s3"}
        assert set(episode.kpis) == {"final_error_m", "limit_violations"} | moved
        assert set(episode.inference_ms) == {"p50", "p99"}
        assert episode.kpis["final_error_m"] > 0.02
    assert played.report.policies[0].inference_ms.keys() == {"p50", "p99"}


def test_the_rollouts_are_a_dataset_that_names_condition_outcome_and_package(played: Played, package: Path) -> None:
    dataset = Dataset(played.output / "rollouts")
    dataset.verify()
    assert dataset.num_episodes == EPISODES
    for index, source in enumerate(dataset.required_provenance.episodes):
        assert (source.generator, source.outcome) == (manifest_digest(package), "failure")
        assert (source.source, source.source_episode) == (played.report.conditions, index)
        episode = dataset.episode(index)
        assert len(episode["action"]) == played.report.policies[0].episodes[index].steps
        # the policy repeats the state that it saw, for two steps
        np.testing.assert_array_equal(episode["action"][::2], episode["observation.state"][::2])
        assert episode["next.done"].tolist() == [False] * (len(episode["action"]) - 1) + [True]
        assert not episode["next.success"].any()


def test_the_film_can_be_played(played: Played) -> None:
    with av.open(str(played.output / "rollout.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert frames[0].shape == (300, 400, 3)
    assert len(frames) > 30
    assert frames[0].std() > 10


def test_the_output_holds_nothing_else(played: Played) -> None:
    names = sorted(path.name for path in played.output.iterdir())
    assert names == ["conditions.json", "report.html", "report.json", "rollout.mp4", "rollouts"]


def test_an_evaluation_that_is_done_is_not_done_again(
    played: Played, conditions: Path, package: Path, other_package: Path
) -> None:
    policies = ("--policy", f"candidate={package}", "--policy", f"champion={package}")
    more = ("--policy", f"untrained={other_package}", "--expert", "--conditions", conditions)
    again = run("sil", "run", *policies, *more, "--output", played.output)
    assert again.returncode == 0
    assert "is up to date" in again.stderr


def test_the_gate_rejects_a_policy_that_holds_still(played: Played, package: Path, tmp_path: Path) -> None:
    report = played.output / "report.json"
    result = run("gate", "check", report, "--package", package, "--output", tmp_path / "verdict.json")
    assert result.returncode == 1
    assert "FAIL" in result.stdout


def test_a_recurrent_policy_begins_each_episode_with_nothing_remembered(conditions: Path, tmp_path: Path) -> None:
    """Five episodes in four environments, so that one is used twice, and ends while the others go on."""
    package = build_lstm_package(tmp_path / "lstm")
    options = ("--conditions", conditions, "--policy", f"candidate={package}", "--num-envs", 4)
    result = run("sil", "run", *options, "--output", tmp_path / "evaluation")
    assert result.returncode == 0, result.stderr
    dataset = Dataset(tmp_path / "evaluation/rollouts")
    assert dataset.num_episodes == EPISODES
    for index in range(EPISODES):
        episode = dataset.episode(index)
        states = np.asarray(episode["observation.state"], np.float32)
        expected = replayed(package, states)
        np.testing.assert_allclose(episode["action"], expected, atol=1e-6)
        forgetful = np.concatenate([replayed(package, row[None]) for row in states])
        assert np.abs(expected - forgetful).max() > 1e-3  # what it remembers matters


@pytest.fixture(scope="module")
def compared(package: Path, other_package: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Two policies that reach nothing, in blocks of 8; the design is coarse, so that 24 conditions are enough."""
    folder = tmp_path_factory.mktemp("compare")
    path = folder / "conditions.json"
    assert (
        run("conditions", "create", "--episodes", 24, "--seed", 3, "--horizon-s", 1, "--output", path).returncode == 0
    )
    options = ["--reference", 0.2, "--improvement", 0.7, "--candidate", other_package, "--champion", package]
    return folder / "out", [*map(str, ["sil", "compare", "--conditions", path, *options, "--output", folder / "out"])]


def test_two_that_reach_nothing_are_not_told_apart(compared: tuple[Path, list[str]], other_package: Path) -> None:
    output, command = compared
    result = run(*command)
    assert result.returncode == 3, result.stderr
    assert "undecided after 24 conditions: 0 wins, 0 losses" in result.stderr
    report = EvaluationReport.read(output / "report.json")
    check_report(report, output / "report.json")
    assert [episode.condition for episode in report.policies[0].episodes] == list(range(24))
    dataset = Dataset(output / "rollouts")
    assert dataset.num_episodes == 24
    assert {source.generator for source in dataset.required_provenance.episodes} == {manifest_digest(other_package)}
    again = run(*command)
    assert again.returncode == 3
    assert "played" not in again.stderr  # the report is there
    other = run(*command, "--power", "0.9")
    assert (other.returncode, "holds another evaluation" in other.stderr) == (1, True)


def test_a_host_that_never_comes_is_named_before_the_simulator_starts(
    conditions: Path, package: Path, tmp_path: Path
) -> None:
    options = ("--server", "http://127.0.0.1:9", "--wait-s", 0.5, "--output", tmp_path / "out")
    result = run("sil", "run", "--conditions", conditions, "--policy", f"candidate={package}", *options)
    assert result.returncode == 1
    assert result.stderr.startswith("error: http://127.0.0.1:9: no answer")
    assert len(result.stderr.splitlines()) == 1
