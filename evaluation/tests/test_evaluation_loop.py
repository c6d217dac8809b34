"""What a robot is told while its policy answers late: by hand, step by step."""

from pathlib import Path

import numpy as np
import pytest

from physai.evaluation.errors import ProfileError
from physai.evaluation.hil.report import HilReport
from physai.evaluation.sil.loop import LinkedPolicy, link_kpis
from physai.evaluation.sil.profile import DeviceProfile, read_profile
from physai.infrastructure.contracts import TensorSpec, digest_bytes
from physai.infrastructure.control import ChunkedPolicy

from .test_evaluation_gymnasium import profile as profile

ROW = np.array([0])
STEPS = 3


class Counting:
    """Answer n of a row is n, n + 0.1, n + 0.2."""

    def __init__(self) -> None:
        self.answers = 0

    def infer(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        number, self.answers = self.answers, self.answers + 1
        rows = len(observation["observation.state"])
        return np.tile((number + np.arange(STEPS) / 10).astype(np.float32)[None, :, None], (rows, 1, 1))


def always(latency_ms: float) -> DeviceProfile:
    return DeviceProfile(digest_bytes(b"profile"), (0.0, 1.0), (latency_ms, latency_ms))


def told(latency_ms: float | None, steps: int) -> tuple[list[float], dict[str, float]]:
    """What a robot at 0.5 is told at 100 Hz, and the measures of its link."""
    profile = None if latency_ms is None else always(latency_ms)
    policy = LinkedPolicy(Counting().infer, STEPS, 1, rate_hz=100.0, profile=profile)
    policy.reset(ROW)
    policy.begin(ROW, np.array([7]))
    here = {"observation.state": np.array([[0.5]], np.float32)}
    actions = [round(float(policy.act(here)[0, 0]), 3) for _ in range(steps)]
    return actions, link_kpis(policy.links[7])


def test_answers_in_time_are_played_as_they_are() -> None:
    expected = [0.0, 0.1, 0.2, 1.0, 1.1]
    assert told(None, 5) == (expected, {})
    actions, kpis = told(9.9, 5)  # within one control step of 10 ms
    assert actions == expected
    assert (kpis["deadline_misses"], kpis["dropped_actions"]) == (0, 0)


def test_an_answer_one_step_late_holds_once_and_skips_its_first_action() -> None:
    actions, kpis = told(15.0, 6)
    assert actions == [0.5, 0.1, 0.2, 0.2, 1.1, 1.2]
    assert (kpis["deadline_misses"], kpis["dropped_actions"], kpis["injected_p99_ms"]) == (2, 2, 15.0)


def test_an_answer_later_than_its_chunk_is_dropped_and_asked_for_again() -> None:
    actions, kpis = told(30.0, 6)
    assert actions == [0.5] * 6
    assert kpis["deadline_misses"] == 6
    assert kpis["dropped_actions"] == 3  # the second answer is due after the last step


def test_without_latency_it_is_the_chunked_policy() -> None:
    specs = [TensorSpec(name="observation.state", dtype="float32", shape=(2, 1), history=2)]
    ours = LinkedPolicy(Counting().infer, STEPS, 2, specs, rate_hz=100.0)
    theirs = ChunkedPolicy(Counting().infer, STEPS, 2, specs)
    for step in range(9):
        here = {"observation.state": np.full((2, 1), step, np.float32)}
        np.testing.assert_array_equal(ours.act(here), theirs.act(here))
        if step == 4:
            ours.reset(ROW)
            theirs.reset(ROW)


def test_latencies_of_an_episode_are_its_own_whatever_the_row() -> None:
    even = DeviceProfile(digest_bytes(b"profile"), (0.0, 0.5, 1.0), (10.0, 20.0, 100.0))
    drawn = []
    for row in (0, 2):
        policy = LinkedPolicy(Counting().infer, STEPS, 3, rate_hz=100.0, profile=even, seed=5)
        policy.begin(np.array([row]), np.array([11]))
        for _ in range(30):
            policy.act({"observation.state": np.zeros((3, 1), np.float32)})
        drawn.append(policy.links[11].injected_ms)
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == len(drawn[0]) > 3
    rng = np.random.default_rng(0)
    latencies = [even.draw_ms(rng) for _ in range(4000)]
    assert np.median(latencies) == pytest.approx(20.0, rel=0.05)
    assert np.percentile(latencies, 75) == pytest.approx(60.0, rel=0.05)  # half way from 20 to 100


def test_a_rehearsal_without_answers_is_no_profile(profile: Path, tmp_path: Path) -> None:
    report = HilReport.read(profile)
    silent = report.model_copy(update={"rungs": (report.rungs[0].model_copy(update={"latency_ms": {}}),)})
    silent.write(tmp_path / "silent.json")
    with pytest.raises(ProfileError, match="answered on no rung"):
        read_profile(tmp_path / "silent.json")
    assert read_profile(profile).digest == report.digest
