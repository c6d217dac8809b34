"""The rehearsal on a device: deadlines, holding, the ladder, the clock; then the whole way over a slow link."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from physai.evaluation.examples.link import linked
from physai.evaluation.hil.clock import measure_offset
from physai.evaluation.hil.ladder import Ladder, Limited, NoCommand
from physai.evaluation.hil.realtime import AbortError, RealTimePolicy
from physai.evaluation.hil.report import HilReport
from physai.evaluation.hil.run import Rehearsal, rehearse
from physai.evaluation.sil.device import DeviceReading, power
from physai.evaluation.sil.entrants import read_entrants
from physai.evaluation.sil.host import PolicyHost
from physai.evaluation.sil.profile import read_profile
from physai.evaluation.sil.served import ServedPolicy
from physai.evaluation.sil.server import running
from physai.infrastructure.contracts import ConditionSet, JointLimits
from physai.infrastructure.fit import MisfitError

from .lstm_package import build_lstm_package

LIMITS = (JointLimits(joint="elbow", lower_rad=-3.0, upper_rad=3.0),)
HERE = {"observation.state": np.array([[0.5]], np.float32)}
FIRST = np.array([0])


class Device:
    """A policy that answers when the test lets it: action k of answer n is n + k / 10."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.answered = threading.Semaphore(0)
        self.answers = 0

    def infer(self, _: object) -> np.ndarray:
        self.may_answer.wait()
        number, self.answers = self.answers, self.answers + 1
        return (number + np.arange(4) / 10).astype(np.float32).reshape(1, 4, 1)


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def make_policy(device: Device) -> Iterator[Callable[..., RealTimePolicy]]:
    made: list[RealTimePolicy] = []

    def make(rate_hz: float = 50.0, max_consecutive_misses: int = 3) -> RealTimePolicy:
        options = {"rate_hz": rate_hz, "max_consecutive_misses": max_consecutive_misses}
        made.append(RealTimePolicy(device.infer, action_steps=3, limits=LIMITS, **options))
        return made[-1]

    yield make
    device.may_answer.set()
    for policy in made:
        policy.close()


def test_a_chunk_is_asked_for_when_the_one_before_is_used_up(device: Device, make_policy: Callable) -> None:
    policy = make_policy(rate_hz=5.0)
    actions = [float(policy.act(HERE)[0, 0]) for _ in range(4)]
    assert actions == pytest.approx([0.0, 0.1, 0.2, 1.0])
    assert (policy.timing.misses, len(policy.timing.latencies_ms), len(policy.timing.lateness_ms)) == (0, 2, 4)


def test_what_comes_late_is_not_waited_for_and_its_past_is_left_out(device: Device, make_policy: Callable) -> None:
    policy = make_policy()
    device.may_answer.clear()
    assert policy.act(HERE).tolist() == [[0.5]]  # where it was measured: nothing was sent yet
    device.may_answer.set()
    assert policy._pending is not None
    policy._pending.result()
    assert policy.act(HERE)[0, 0] == pytest.approx(0.1)  # action 0 was for the step before
    assert (policy.timing.misses, policy.timing.longest_miss) == (1, 1)


def test_an_answer_that_is_wholly_past_is_dropped_and_asked_for_again(device: Device, make_policy: Callable) -> None:
    policy = make_policy(max_consecutive_misses=5)
    device.may_answer.clear()
    for _ in range(3):
        policy.act(HERE)
    device.may_answer.set()
    assert policy._pending is not None
    policy._pending.result()
    assert policy.act(HERE)[0, 0] == pytest.approx(1.0)  # three actions, three steps too late: the next answer
    assert policy.timing.misses == 3


def test_too_many_steps_without_an_action_abort(device: Device, make_policy: Callable) -> None:
    policy = make_policy(max_consecutive_misses=2)
    device.may_answer.clear()
    for _ in range(2):
        policy.act(HERE)
    with pytest.raises(AbortError, match="3 control steps in a row had no action in time"):
        policy.act(HERE)


@pytest.mark.parametrize(("action", "says"), [(4.0, "elbow was sent to 4.000 rad"), (np.nan, "not a finite number")])
def test_an_action_that_must_not_be_sent_aborts(action: float, says: str) -> None:
    answer = np.full((1, 4, 1), action, np.float32)
    policy = RealTimePolicy(lambda _: answer, rate_hz=50, action_steps=3, limits=LIMITS, max_consecutive_misses=3)
    with pytest.raises(AbortError, match=says):
        policy.act(HERE)
    policy.close()


def test_a_new_episode_does_not_use_the_answer_to_an_old_question(device: Device, make_policy: Callable) -> None:
    policy = make_policy()
    policy.act(HERE)
    policy.reset(FIRST)
    assert policy.act(HERE)[0, 0] == pytest.approx(1.0)


class Fixed:
    """Always asks for the same."""

    def __init__(self, *targets: float) -> None:
        self.targets = np.array([targets], np.float32)

    def reset(self, envs: np.ndarray) -> None:
        pass

    def act(self, observation: object) -> np.ndarray:
        return self.targets


def test_a_recurrent_policy_is_refused_before_the_device_is_asked(
    make_conditions: Callable[[int], ConditionSet], tmp_path: Path
) -> None:
    (entrant,) = read_entrants({"candidate": build_lstm_package(tmp_path / "lstm")})
    asked = Rehearsal(make_conditions(1), entrant, "http://127.0.0.1:9", "candidate", Ladder(), wait_s=0.0)
    with pytest.raises(MisfitError, match=r"its memory is \['h_in', 'c_in'\], the robot's is none"):
        rehearse(asked, tmp_path / "report.json", lambda *_: None)


def test_on_the_first_rung_the_robot_stands_where_it_is() -> None:
    policy = NoCommand(Fixed(2.0))
    assert policy.act(HERE).tolist() == [[0.5]]
    assert policy.act({"observation.state": np.array([[0.6]], np.float32)}).tolist() == [[0.5]]  # it sags, and is held


def test_on_the_second_rung_no_joint_goes_faster_than_allowed() -> None:
    policy = Limited(Fixed(0.62), rad_per_step=0.05)
    assert [policy.act(HERE)[0, 0] for _ in range(4)] == pytest.approx([0.55, 0.6, 0.62, 0.62])


def test_the_clock_of_the_shortest_exchange_is_believed() -> None:
    # asked at 0, answered 1_000_000_100 ns, back at 100: 1 s + 50 ns, give or take 50 ns; the others take longer
    ours = iter(
        [0, 100, *(stamp for exchange in range(1, 16) for stamp in (exchange * 10_000, exchange * 10_000 + 900))]
    )
    theirs = iter([1_000_000_100, *([5_000_000_000] * 15)])
    offset = measure_offset(lambda: next(theirs), lambda: next(ours))
    assert offset.offset_s == pytest.approx(1.00000005, abs=1e-12)
    assert offset.uncertainty_s == pytest.approx(50e-9)


def test_power_is_read_from_rails_that_have_it_or_voltage_and_current(tmp_path: Path) -> None:
    board = {"name": "ina3221\n", "in1_input": "19000\n", "curr1_input": "500\n", "in1_label": "VDD_IN\n"}
    server = {"name": "amd_energy\n", "power1_input": "42500000\n"}
    for number, files in enumerate((board, server)):
        (tmp_path / f"hwmon{number}").mkdir()
        for name, text in files.items():
            (tmp_path / f"hwmon{number}" / name).write_text(text)
    (tmp_path / "hwmon1" / "power2_input").mkdir()  # answers with an error, as a rail that is switched off
    # 19 V times 0.5 A; 42.5 W
    assert power(tmp_path) == {"VDD_IN": pytest.approx(9.5), "amd_energy power1": pytest.approx(42.5)}


def test_a_host_tells_its_clock_and_its_counters(package: Path) -> None:
    with running(PolicyHost([ServedPolicy.load(package)])) as url:
        assert isinstance(httpx.get(f"{url}/clock").json()["time_ns"], int)
        reading = DeviceReading.model_validate(httpx.get(f"{url}/device").json())
    assert 0 < reading.memory_share < 1


PHYSAI = (sys.executable, "-c", "from physai.infrastructure.cli import main; main()", "evaluation")


@pytest.mark.simulation
def test_a_slow_and_lossy_link_is_measured_and_a_link_that_breaks_stops_the_robot(
    package: Path, tmp_path: Path
) -> None:
    conditions = tmp_path / "conditions.json"
    drawn = [*PHYSAI, "conditions", "create", "--episodes", "3", "--horizon-s", "1", "--output", str(conditions)]
    assert subprocess.run(drawn, capture_output=True).returncode == 0
    with running(PolicyHost([ServedPolicy.load(package)])) as url, linked(url) as (slow, link):
        command = [*PHYSAI, "hil", "run", "--conditions", str(conditions), "--package", str(package)]
        command += ["--server", slow, "--max-misses", "150", "--output", str(tmp_path / "hil.json")]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("limited: episode 1"):
                    link.delay_s = 0.005  # each way, for each part of a message; the policy plans two steps of 33 ms
                    link.loss = 0.15
                if line.startswith("full: episode 1"):
                    link.cut.set()
                    break
            said = process.stderr.read()
            assert process.wait(120) == 1
            assert "Traceback" not in said, said[-2000:]
    report = HilReport.read(tmp_path / "hil.json")
    watched, limited, full = report.rungs
    assert (watched.rung, watched.episodes, watched.aborted) == ("no-command", 2, None)
    assert (limited.episodes, limited.aborted) == (2, None)
    assert limited.latency_ms["p90"] >= 10 > watched.latency_ms["p50"]
    assert link.lost > 0
    assert limited.latency_ms["p100"] >= 200  # what was lost came again, six control steps late, and was missed
    assert limited.misses >= 4
    assert read_profile(tmp_path / "hil.json").latency_ms[-1] == full.latency_ms["p100"]
    assert full.episodes < 3
    assert full.aborted is not None
    assert full.success is None
    assert report.after is None
    assert json.loads((tmp_path / "hil.json").read_text())["clock"]["uncertainty_s"] > 0
