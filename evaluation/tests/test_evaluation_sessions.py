"""Stateful policies: the host keeps what they carry, by sequence, bounded and for a while."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from onnx import helper
from tritonclient.utils import InferenceServerException

from physai.evaluation.errors import RequestError
from physai.evaluation.examples.packages import graph, write_package
from physai.evaluation.sil.conditions import create_conditions
from physai.evaluation.sil.entrants import read_entrants
from physai.evaluation.sil.evaluate import Plan, evaluate
from physai.evaluation.sil.grpc_host import running_grpc
from physai.evaluation.sil.host import PolicyHost
from physai.evaluation.sil.served import ServedPolicy
from physai.evaluation.sil.server import running
from physai.evaluation.sil.sessions import Sessions
from physai.infrastructure.contracts import RecurrentState, TensorSpec, World

STATE, ACTION = "observation.state", "action"
PENDULUM = "gymnasium:Pendulum-v1"


def summing(folder: Path) -> Path:
    """A recurrent policy: h' = h + state, and the action is the first element of h'."""
    nodes = [
        helper.make_node("Add", [STATE, "h_in"], ["h_out"]),
        helper.make_node("MatMul", ["h_out", "first"], ["flat"]),
        helper.make_node("Unsqueeze", ["flat", "axis"], [ACTION]),
    ]
    constants = {"first": np.array([[1], [0], [0]], np.float32), "axis": np.array([1], np.int64)}
    state, h = np.eye(3, dtype=np.float32), np.full((3, 3), 0.5, np.float32)
    tensor = {"dtype": "float32", "shape": (3,)}
    return write_package(
        folder,
        graph(nodes, {STATE: (3,), "h_in": (3,)}, {ACTION: (1, 1), "h_out": (3,)}, constants),
        {STATE: state, "h_in": h, ACTION: (state + h)[:, :1, None], "h_out": state + h},
        name="summing",
        policy_type="summing",
        task=PENDULUM,
        robot="Pendulum-v1",
        inputs=(TensorSpec(name=STATE, **tensor), TensorSpec(name="h_in", **tensor)),
        outputs=(TensorSpec(name=ACTION, dtype="float32", shape=(1, 1)), TensorSpec(name="h_out", **tensor)),
        states=(RecurrentState(input="h_in", output="h_out"),),
        rate_hz=20.0,
        action_meaning="joint-effort",
        action_steps=1,
    )


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return summing(tmp_path_factory.mktemp("recurrent") / "summing")


@pytest.fixture(scope="module", params=["http", "grpc"])
def ask(request: pytest.FixtureRequest, recurrent: Path) -> Iterator[object]:
    """Asks a host for one action, with the official client."""
    host, module = PolicyHost([ServedPolicy.load(recurrent)]), getattr(tritonclient, request.param)
    with running(host) as url, running_grpc(host) as address:
        where = url.removeprefix("http://") if request.param == "http" else address
        with module.InferenceServerClient(where) as client:

            def infer(value: float, sequence: str, rows: int = 1, **options: bool) -> float:
                tensor = module.InferInput(STATE, [rows, 3], "FP32")
                tensor.set_data_from_numpy(np.full((rows, 3), value, np.float32))
                result = client.infer("summing", [tensor], sequence_id=sequence, **options)
                return float(result.as_numpy(ACTION)[0, 0, 0])

            yield infer


def test_the_host_carries_the_state_of_each_sequence_apart(ask) -> None:
    assert ask(1.0, "a", sequence_start=True) == 1.0
    assert ask(10.0, "b", sequence_start=True) == 10.0
    assert [ask(2.0, "a"), ask(20.0, "b"), ask(3.0, "a")] == [3.0, 30.0, 6.0]
    assert ask(1.0, "a", sequence_start=True) == 1.0  # begun anew
    assert ask(1.0, "b", sequence_end=True) == 31.0
    with pytest.raises(InferenceServerException, match="sequence 'b' is unknown"):
        ask(1.0, "b")


def test_a_refused_request_leaves_its_sequence_as_it_was(ask) -> None:
    assert ask(1.0, "c", sequence_start=True) == 1.0
    with pytest.raises(InferenceServerException, match="2 rows, and 1 when it began"):
        ask(1.0, "c", rows=2)
    assert ask(1.0, "c") == 2.0


def test_sequences_are_bounded_and_forgotten_when_nobody_asks() -> None:
    now_s = [0.0]
    sessions = Sessions(max_sessions=2, idle_s=10.0, clock=lambda: now_s[0])

    def step(sequence: int, *, start: bool) -> None:
        with sessions.step(("m", sequence), start=start, end=False) as state:
            state["h"] = np.ones(1)

    step(1, start=True)
    now_s[0] = 6.0
    step(2, start=True)
    with pytest.raises(RequestError, match="2 sequences are open"):
        step(3, start=True)
    now_s[0] = 11.0  # the first was asked 11 s ago, the second 5 s
    step(3, start=True)
    step(2, start=False)
    with pytest.raises(RequestError, match=r"sequence 1 is unknown, or was not asked for 10 s"):
        step(1, start=False)


def test_one_sequence_is_asked_one_at_a_time_and_ends_when_it_says_so() -> None:
    sessions = Sessions()
    with sessions.step(("m", 1), start=True, end=False) as state:
        state["h"] = np.ones(1)
        with pytest.raises(RequestError, match="Ask one at a time"), sessions.step(("m", 1), start=False, end=False):
            pass
    with sessions.step(("m", 1), start=False, end=True) as state:
        assert state["h"].tolist() == [1.0]
    assert len(sessions) == 0


def test_a_recurrent_policy_plays_the_same_in_any_batch(recurrent: Path, tmp_path: Path) -> None:
    options = {"episodes": 5, "seed": 3, "horizon_s": 1.0, "success": "return >= -100"}
    conditions = create_conditions(PENDULUM, World(name="nominal"), **options)
    entrants = read_entrants({"candidate": recurrent})
    reports = [
        evaluate(Plan(conditions, entrants, False, None, 10.0, envs), tmp_path / str(envs), lambda *_: None)
        for envs in (1, 4)
    ]
    first, second = ([(e.steps, e.kpis) for e in report.policies[0].episodes] for report in reports)
    assert first == second
    assert len({kpis["return"] for _, kpis in first}) == 5
