"""The host over gRPC, asked by NVIDIA's own client; and its HTTP interface, asked by schemathesis."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from physai.evaluation.errors import AddressError
from physai.evaluation.sil.grpc_host import running_grpc
from physai.evaluation.sil.host import PolicyHost
from physai.evaluation.sil.openapi import openapi
from physai.evaluation.sil.served import ServedPolicy
from physai.evaluation.sil.server import running
from physai.infrastructure.registry import manifest_digest

STATE, TARGET, ACTION = "observation.state", "observation.environment_state", "action"
CHUNK = 4


@pytest.fixture(scope="module")
def host(package: Path, other_package: Path) -> PolicyHost:
    policies = [ServedPolicy.load(package, "hold"), ServedPolicy.load(other_package, "double")]
    return PolicyHost(policies, max_body_bytes=100_000)


@pytest.fixture(scope="module")
def triton(host: PolicyHost) -> Iterator[InferenceServerClient]:
    with running_grpc(host) as address, InferenceServerClient(address) as client:
        yield client


def tensors(state: np.ndarray) -> list[InferInput]:
    found = []
    for name, array in ((STATE, state), (TARGET, np.zeros((len(state), 7), np.float32))):
        tensor = InferInput(name, list(array.shape), "FP32")
        tensor.set_data_from_numpy(array)
        found.append(tensor)
    return found


def test_the_official_client_finds_server_and_models_ready(triton: InferenceServerClient) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("hold", "1")
    assert not triton.is_model_ready("absent")
    assert triton.get_server_metadata().name == "physai"


def test_metadata_says_what_the_package_says(triton: InferenceServerClient) -> None:
    metadata = triton.get_model_metadata("hold")
    assert [(tensor.name, tensor.datatype, list(tensor.shape)) for tensor in metadata.inputs] == [
        (STATE, "FP32", [-1, 6]),
        (TARGET, "FP32", [-1, 7]),
    ]
    assert [list(tensor.shape) for tensor in metadata.outputs] == [[-1, CHUNK, 6]]


def test_the_official_client_gets_the_policys_answer_and_its_digest(
    triton: InferenceServerClient, other_package: Path
) -> None:
    state = np.arange(12, dtype=np.float32).reshape(2, 6)
    result = triton.infer("double", tensors(state), outputs=[InferRequestedOutput(ACTION)], request_id="seven")
    np.testing.assert_array_equal(result.as_numpy(ACTION), np.repeat(2 * state[:, None], CHUNK, axis=1))
    response = result.get_response()
    assert response.id == "seven"
    assert response.parameters["package_digest"].string_param == manifest_digest(other_package)


def test_both_ways_give_the_same_bytes(host: PolicyHost, triton: InferenceServerClient) -> None:
    state = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    data = [
        {"name": STATE, "shape": [5, 6], "datatype": "FP32", "data": state.ravel().tolist()},
        {"name": TARGET, "shape": [5, 7], "datatype": "FP32", "data": [0.0] * 35},
    ]
    with running(host) as url:
        answer = httpx.post(f"{url}/v2/models/double/infer", json={"inputs": data}).json()
    over_http = np.array(answer["outputs"][0]["data"], np.float32)
    np.testing.assert_array_equal(triton.infer("double", tensors(state)).as_numpy(ACTION).ravel(), over_http)


@pytest.mark.parametrize(
    ("state", "model", "status", "says"),
    [
        (np.zeros((2, 5), np.float32), "hold", "INVALID_ARGUMENT", "should be [N, 6]"),
        (np.full((2, 6), np.nan, np.float32), "hold", "INVALID_ARGUMENT", "not finite"),
        (np.zeros((2, 6), np.float64), "hold", "INVALID_ARGUMENT", "should be FP32"),
        (np.zeros((2, 6), np.float32), "absent", "NOT_FOUND", "Served: hold, double"),
    ],
)
def test_a_wrong_request_is_refused_by_name(
    triton: InferenceServerClient, state: np.ndarray, model: str, status: str, says: str
) -> None:
    first = InferInput(STATE, list(state.shape), "FP64" if state.dtype == np.float64 else "FP32")
    first.set_data_from_numpy(state)
    with pytest.raises(InferenceServerException) as caught:
        triton.infer(model, [first, tensors(np.zeros((2, 6), np.float32))[1]])
    assert status in str(caught.value.status())
    assert says in caught.value.message()


def test_an_answer_that_is_not_finite_is_an_internal_error(triton: InferenceServerClient) -> None:
    state = np.full((1, 6), 3e38, np.float32)  # doubled, it is beyond float32
    with pytest.raises(InferenceServerException, match="values that are not finite") as caught:
        triton.infer("double", tensors(state))
    assert "INTERNAL" in str(caught.value.status())


def test_a_message_larger_than_allowed_is_refused(triton: InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException) as caught:
        triton.infer("hold", tensors(np.zeros((5000, 6), np.float32)))
    assert "RESOURCE_EXHAUSTED" in str(caught.value.status())


def test_a_port_in_use_is_named(host: PolicyHost) -> None:
    with running_grpc(host) as address:
        port = int(address.rpartition(":")[2])
        with pytest.raises(AddressError, match=f"127.0.0.1:{port}: cannot listen"), running_grpc(host, port=port):
            pytest.fail("listens twice")


def test_prometheus_finds_what_was_asked_and_how_it_ended(package: Path) -> None:
    fresh = PolicyHost([ServedPolicy.load(package, "hold")])
    right = [
        {"name": STATE, "shape": [3, 6], "datatype": "FP32", "data": [0.0] * 18},
        {"name": TARGET, "shape": [3, 7], "datatype": "FP32", "data": [0.0] * 21},
    ]
    with running(fresh) as url:
        httpx.post(f"{url}/v2/models/hold/infer", json={"inputs": right})
        httpx.post(f"{url}/v2/models/hold/infer", json={"inputs": right[:1]})
        lines = httpx.get(f"{url}/metrics").text.splitlines()
    assert 'physai_inference_requests_total{model="hold",outcome="answered"} 1.0' in lines
    assert 'physai_inference_requests_total{model="hold",outcome="refused"} 1.0' in lines
    assert 'physai_inference_rows_total{model="hold"} 3.0' in lines
    assert f'physai_served_package{{digest="{manifest_digest(package)}",model="hold"}} 1.0' in lines


schema = schemathesis.openapi.from_dict(openapi(("hold", "double")))


@schema.parametrize()
def test_the_http_interface_is_as_described(case: schemathesis.Case, url: str) -> None:
    """No 5xx, no status or body that the description does not name, whatever is sent.

    A request of the right form is still refused if it does not fit the package, which JSON Schema cannot tell.
    """
    case.call_and_validate(base_url=url, excluded_checks=[positive_data_acceptance])
