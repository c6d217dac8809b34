"""The same package behind every kind of host: the same episodes, the same proof of what answers."""

import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from physai.evaluation.errors import HostError, WrongPolicyError
from physai.evaluation.examples.classic_control import ACTION, PENDULUM, STATE, swinging
from physai.evaluation.sil.client import PolicyClient
from physai.evaluation.sil.conditions import create_conditions
from physai.evaluation.sil.entrants import read_entrants
from physai.evaluation.sil.evaluate import Plan, evaluate
from physai.evaluation.sil.grpc_host import running_grpc
from physai.evaluation.sil.host import PolicyHost
from physai.evaluation.sil.openpi import decode, pack, unpack
from physai.evaluation.sil.served import ServedPolicy
from physai.evaluation.sil.server import running
from physai.infrastructure.contracts import World
from physai.infrastructure.registry.verify import read_golden

from .openpi_server import openpi


@pytest.fixture(scope="module")
def swing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return swinging(tmp_path_factory.mktemp("transports") / "swing")


def client_of(url: str, package: Path, timeout_s: float = 5.0) -> PolicyClient:
    (entrant,) = read_entrants({"candidate": package})
    return PolicyClient(url, "candidate", entrant.package, entrant.digest, timeout_s)


def test_episodes_are_the_same_over_http_grpc_openpis_websocket_and_in_process(swing: Path, tmp_path: Path) -> None:
    options = {"episodes": 6, "seed": 3, "horizon_s": 1.0, "success": "return >= -100"}
    conditions = create_conditions(PENDULUM, World(name="nominal"), **options)
    entrants = read_entrants({"candidate": swing})
    served = ServedPolicy.load(swing, "candidate")

    def answer(observation: dict[str, np.ndarray]) -> np.ndarray:
        return served.infer({STATE: observation["observation/state"][None]})[ACTION][0]

    def play(url: str | None, name: str) -> list[tuple[int, bool, int, dict[str, float]]]:
        plan = Plan(conditions, entrants, False, url, 10.0, 4)
        (result,) = evaluate(plan, tmp_path / name, lambda *_: None).policies
        return [(e.condition, e.success, e.steps, e.kpis) for e in result.episodes]

    host = PolicyHost([served])
    with running(host) as http, running_grpc(host) as address, openpi(answer) as websocket:
        urls = {"http": http, "grpc": f"grpc://{address}", "openpi": websocket, "here": None}
        played = {name: play(url, name) for name, url in urls.items()}
    assert len(played["http"]) == 6
    for name in ("grpc", "openpi", "here"):
        assert played[name] == played["http"], name


def test_arrays_and_numbers_survive_openpis_encoding() -> None:
    sent = {"image": np.arange(12, dtype=np.uint8).reshape(2, 2, 3), "prompt": "lift", "gain": np.float32(0.5)}
    found = unpack(pack(sent))
    np.testing.assert_array_equal(found["image"], sent["image"])
    assert found["image"].dtype == np.uint8
    assert (found["prompt"], found["gain"]) == ("lift", np.float32(0.5))
    with pytest.raises(TypeError, match="object cannot be sent"):
        pack({"what": object()})


def fails(_: dict[str, np.ndarray]) -> np.ndarray:
    raise ValueError("no such camera")


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (fails, r"its policy failed: ValueError: no such camera"),
        (lambda _: np.zeros(3, np.float32), r"no 'actions' of shape \(chunk, action\)"),
        (lambda _: np.array([["a"]]), "no 'actions'"),
        (lambda _: {b"__ndarray__": True, b"data": bytes(16), b"dtype": "O", b"shape": [1, 2]}, "no 'actions'"),
        (lambda _: {b"__ndarray__": True, b"data": bytes(2), b"dtype": "<f4", b"shape": [1, 2]}, "no 'actions'"),
        (lambda _: {b"__ndarray__": True}, "no 'actions'"),
        (lambda _: b"\xc1", "no 'actions'"),
        (lambda _: b"", "no 'actions'"),
        (lambda _: "", "its policy failed"),
    ],
)
def test_an_openpi_server_that_fails_is_named(policy: Callable, says: str, swing: Path) -> None:
    with openpi(policy) as url, client_of(url, swing) as client, pytest.raises(HostError, match=says):
        client.infer({STATE: np.zeros((1, 3), np.float32)})


def test_objects_of_an_openpi_server_are_not_received() -> None:
    with pytest.raises(TypeError, match="object cannot be received"):
        decode({b"__ndarray__": True, b"data": bytes(16), b"dtype": "O", b"shape": [2]})


def test_an_openpi_server_with_another_policy_is_found_out_by_golden_vectors(swing: Path) -> None:
    (entrant,) = read_entrants({"candidate": swing})
    with openpi(lambda _: np.zeros((4, 1), np.float32)) as url, client_of(url, swing) as client:
        client.wait(5.0)
        client.check_identity()
        with pytest.raises(WrongPolicyError, match="golden vectors differ"):
            client.check_golden(read_golden(swing / "golden.npz", entrant.package))


@pytest.mark.parametrize("scheme", ["http", "grpc", "ws"])
def test_a_host_that_never_answers_is_one_named_failure(scheme: str, swing: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        with client_of(url, swing, timeout_s=0.3) as client, pytest.raises(HostError, match=url):
            client.wait(0.1)


def test_a_url_that_names_no_way_is_refused(swing: Path) -> None:
    with pytest.raises(HostError, match="Give one like http://"):
        client_of("ftp://127.0.0.1:9", swing)
