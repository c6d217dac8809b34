import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from physai.evaluation.errors import AddressError, HostError, WrongPolicyError
from physai.evaluation.sil.client import PolicyClient
from physai.evaluation.sil.host import PolicyHost
from physai.evaluation.sil.served import ServedPolicy
from physai.evaluation.sil.server import listen, running
from physai.infrastructure.contracts import PolicyPackage, digest_bytes
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.registry.verify import read_golden

STATE, TARGET, ACTION = "observation.state", "observation.environment_state", "action"
CHUNK = 4


@pytest.fixture
def triton(url: str) -> Iterator[InferenceServerClient]:
    client = InferenceServerClient(url.removeprefix("http://"))
    yield client
    client.close()


def tensors(state: np.ndarray, binary: bool = True) -> list[InferInput]:
    return [
        InferInput(STATE, list(state.shape), "FP32").set_data_from_numpy(state, binary_data=binary),
        InferInput(TARGET, [len(state), 7], "FP32").set_data_from_numpy(
            np.zeros((len(state), 7), np.float32), binary_data=binary
        ),
    ]


def body(rows: int = 2, **changes: object) -> dict[str, object]:
    """A right JSON request, with entries of its first input replaced."""
    first = {"name": STATE, "shape": [rows, 6], "datatype": "FP32", "data": [0.5] * 6 * rows} | changes
    second = {"name": TARGET, "shape": [rows, 7], "datatype": "FP32", "data": [0.0] * 7 * rows}
    return {"inputs": [first, second]}


def post(url: str, content: object, model: str = "hold", **headers: str) -> httpx.Response:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return httpx.post(f"{url}/v2/models/{model}/infer", content=data, headers=headers)


def test_the_official_client_finds_server_and_models_ready(triton: InferenceServerClient) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("hold")
    assert triton.is_model_ready("double", "1")
    assert not triton.is_model_ready("absent")
    assert triton.get_server_metadata()["extensions"] == ["binary_tensor_data"]


def test_metadata_says_what_the_package_says(triton: InferenceServerClient, package: Path) -> None:
    metadata = triton.get_model_metadata("hold")
    assert metadata["inputs"][0] == {"name": STATE, "datatype": "FP32", "shape": [-1, 6]}
    assert metadata["outputs"] == [{"name": ACTION, "datatype": "FP32", "shape": [-1, CHUNK, 6]}]
    assert metadata["parameters"]["package_digest"] == manifest_digest(package)


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_the_official_client_gets_the_policys_answer(
    triton: InferenceServerClient, binary_in: bool, binary_out: bool
) -> None:
    state = np.arange(12, dtype=np.float32).reshape(2, 6)
    asked = [InferRequestedOutput(ACTION, binary_data=binary_out)]
    result = triton.infer("double", tensors(state, binary_in), outputs=asked, request_id="seven")
    assert result.get_response()["id"] == "seven"
    np.testing.assert_array_equal(result.as_numpy(ACTION), np.repeat(2 * state[:, None], CHUNK, axis=1))


def test_outputs_that_are_not_asked_for_by_name_come_in_the_form_asked_for(url: str) -> None:
    in_json = post(url, body())
    assert in_json.json()["outputs"][0]["data"] == [0.5] * 2 * CHUNK * 6
    in_bytes = post(url, body() | {"parameters": {"binary_data_output": True}})
    length = int(in_bytes.headers["Inference-Header-Content-Length"])
    assert json.loads(in_bytes.content[:length])["outputs"][0]["parameters"] == {"binary_data_size": 2 * CHUNK * 6 * 4}
    assert np.frombuffer(in_bytes.content[length:], "<f4").tolist() == [0.5] * 2 * CHUNK * 6


@settings(max_examples=50, deadline=None)
@given(
    state=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 20), st.just(6)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    ),
    binary=st.booleans(),
)
def test_any_finite_tensor_makes_the_round_trip_bit_by_bit(url: str, state: np.ndarray, binary: bool) -> None:
    with InferenceServerClient(url.removeprefix("http://")) as client:
        answer = client.infer("hold", tensors(state, binary)).as_numpy(ACTION)
    np.testing.assert_array_equal(answer, np.repeat(state[:, None], CHUNK, axis=1))


def test_every_answer_names_the_package(url: str, package: Path) -> None:
    digest = manifest_digest(package)
    for response in (httpx.get(f"{url}/v2/models/hold"), httpx.get(f"{url}/v2/models/hold/ready"), post(url, body())):
        assert response.headers["Physai-Package-Digest"] == digest
    assert post(url, body()).json()["parameters"]["package_digest"] == digest


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "state"}, "input 'state' is unknown. Inputs: observation.state, observation.environment_state."),
        ({"name": TARGET, "shape": [2, 7], "data": [0.0] * 14}, f"input '{TARGET}' is given twice"),
        ({"datatype": "FP64"}, f"input '{STATE}': datatype 'FP64' should be FP32."),
        ({"datatype": "BYTES", "data": ["a"]}, "datatype 'BYTES' should be FP32."),
        ({"shape": [2, 5]}, f"input '{STATE}': shape [2, 5] should be [N, 6] with N >= 1."),
        ({"shape": [12]}, "shape [12] should be [N, 6]"),
        ({"shape": []}, "shape [] should be [N, 6]"),
        ({"shape": [0, 6], "data": []}, "shape [0, 6] should be [N, 6]"),
        ({"shape": [-2, 6]}, "inputs.0.shape.0"),
        ({"shape": [2.0, 6]}, "inputs.0.shape.0"),
        ({"shape": [10**30, 6]}, "values, 12 came"),
        ({"shape": [10**12, 6]}, "values, 12 came"),
        ({"data": [0.5] * 11}, "needs 12 values, 11 came"),
        ({"data": [[0.5] * 6, [0.5] * 5]}, "data is ragged"),
        ({"data": ["0.5"] * 12}, "data should be FP32 numbers only"),
        ({"data": [True] * 12}, "data should be FP32 numbers only"),
        ({"data": [None] * 12}, "data should be FP32 numbers only"),
        ({"data": [1e39] * 12}, "not finite float32 numbers"),
        ({"data": None}, "give either data or parameters.binary_data_size"),
        ({"parameters": {"binary_data_size": 48}}, "give either data or parameters.binary_data_size"),
        ({"data": None, "parameters": {"binary_data_size": 48}}, "needs 48 bytes, 0 came"),
        ({"data": None, "parameters": {"binary_data_size": -1}}, "inputs.0.parameters.binary_data_size"),
        ({"shape": [3, 6], "data": [0.5] * 18}, f"inputs differ in batch size: {STATE} 3, {TARGET} 2."),
    ],
)
def test_a_wrong_input_is_refused_by_name(url: str, changes: dict[str, object], says: str) -> None:
    response = post(url, body(**changes))
    assert response.status_code == 400
    assert says in response.json()["error"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "request: body"),
        (b"\xff\xfe\x00", "request: body"),
        (b"[]", "request: body"),
        (b'{"inputs": []}', "request: inputs"),
        (b'{"inputs": [{"name": "a"}]}', "request: inputs.0.shape"),
        ({"inputs": body()["inputs"][:1]}, f"input '{TARGET}' is missing"),  # type: ignore[index]
        (body() | {"outputs": [{"name": "actions"}]}, "output 'actions' is unknown. Outputs: action."),
        (json.dumps(body()).replace("0.5", "NaN", 1).encode(), "not finite"),
    ],
)
def test_a_wrong_body_is_refused(url: str, content: object, says: str) -> None:
    response = post(url, content)
    assert response.status_code == 400
    assert says in response.json()["error"]


@pytest.mark.parametrize("length", ["-1", "x", "999999", "٣"])
def test_a_header_length_that_does_not_fit_is_refused(url: str, length: str) -> None:
    headers = [(b"Inference-Header-Content-Length", length.encode())]
    response = httpx.post(f"{url}/v2/models/hold/infer", content=json.dumps(body()).encode(), headers=headers)
    assert response.status_code == 400
    assert "does not fit a body of" in response.json()["error"]


def test_bytes_that_no_input_speaks_of_are_refused(url: str) -> None:
    head = json.dumps(body()).encode()
    response = post(url, head + b"12345", **{"Inference-Header-Content-Length": str(len(head))})
    assert response.status_code == 400
    assert "the inputs speak of 0 bytes, 5 came" in response.json()["error"]


names = st.sampled_from(["inputs", "name", "shape", "data"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=300) | json_values)
def test_no_body_is_answered_with_anything_but_a_refusal(url: str, content: object) -> None:
    assert post(url, content).status_code == 400


def test_an_unknown_model_or_version_is_not_found(url: str) -> None:
    for path in ("absent", "absent/ready", "hold/versions/2"):
        response = httpx.get(f"{url}/v2/models/{path}")
        assert response.status_code == 404
    assert httpx.get(f"{url}/v2/models/absent").json() == {"error": "model 'absent' is unknown. Served: hold, double."}
    assert post(url, body(), model="absent").status_code == 404


def test_unknown_paths_and_methods_are_told_in_json(url: str) -> None:
    assert httpx.get(f"{url}/v1/metrics").status_code == 404
    response = httpx.get(f"{url}/v2/models/hold/infer")
    assert response.status_code == 405
    assert "Open Inference Protocol v2" in response.json()["error"]


def test_a_body_that_is_too_large_is_refused(url: str) -> None:
    response = post(url, b" " * 200_000)
    assert response.status_code == 413
    assert "larger than 100000 bytes" in response.json()["error"]


def test_a_compressed_body_is_refused(triton: InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="compressed bodies are not supported"):
        triton.infer("hold", tensors(np.zeros((1, 6), np.float32)), request_compression_algorithm="gzip")


def test_an_answer_that_is_not_finite_is_an_error_of_the_policy(url: str) -> None:
    response = post(url, body(data=[3e38] * 12), model="double")
    assert response.status_code == 500
    assert "output 'action' holds values that are not finite" in response.json()["error"]


def test_a_port_in_use_is_told_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AddressError, match=rf"127\.0\.0\.1:{port}: cannot listen: Address already in use\. Choose"):
            listen("127.0.0.1", port)


def client_for(url: str, model: str, package: Path) -> PolicyClient:
    return PolicyClient(url, model, PolicyPackage.read(package / "package.json"), manifest_digest(package))


def test_our_client_proves_the_package_by_digest_and_golden_vectors(url: str, package: Path) -> None:
    with client_for(url, "hold", package) as client:
        client.wait(5)
        client.check_identity()
        client.check_golden(read_golden(package / "golden.npz", client.package))
        assert client.round_trips_ms == []
        state = np.ones((3, 6), np.float32)
        answer = client.infer({STATE: state, TARGET: np.zeros((3, 7), np.float32), "observation.more": state})
        assert answer.shape == (3, CHUNK, 6)
        assert len(client.round_trips_ms) == 1


def test_another_package_under_the_right_name_is_refused(url: str, package: Path) -> None:
    with client_for(url, "double", package) as client:
        with pytest.raises(WrongPolicyError, match="wanted sha256"):
            client.check_identity()
        with pytest.raises(WrongPolicyError, match="answered, wanted"):
            client.infer({STATE: np.ones((1, 6), np.float32), TARGET: np.zeros((1, 7), np.float32)})


def test_golden_vectors_tell_a_wrong_policy_even_if_the_host_states_no_digest(url: str, package: Path) -> None:
    golden = read_golden(package / "golden.npz", PolicyPackage.read(package / "package.json"))
    with client_for(url, "hold", package) as client, pytest.raises(WrongPolicyError, match="golden vectors differ by"):
        client.check_golden(golden | {ACTION: golden[ACTION] + 0.01})


def test_other_tensors_are_refused(url: str, package: Path) -> None:
    contract = PolicyPackage.read(package / "package.json")
    narrow = contract.inputs[0].model_copy(update={"shape": (7,)})
    changed = contract.model_copy(update={"inputs": (narrow, contract.inputs[1])})
    with (
        PolicyClient(url, "hold", changed, manifest_digest(package)) as client,
        pytest.raises(WrongPolicyError, match="its inputs are"),
    ):
        client.check_identity()


def test_a_host_that_is_not_there_is_named_after_the_wait(package: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with client_for(f"http://127.0.0.1:{port}", "hold", package) as client:
        with pytest.raises(HostError, match=r"Connection refused.*, after 0\.3 s\. Start it with"):
            client.wait(0.3)
        with pytest.raises(HostError, match="Check that it still runs"):
            client.check_identity()


def test_a_model_that_is_not_served_is_named_after_the_wait(url: str, package: Path) -> None:
    with (
        client_for(url, "champion", package) as client,
        pytest.raises(HostError, match="model 'champion' is not ready"),
    ):
        client.wait(0)


def test_a_host_that_goes_away_in_the_middle_is_named(package: Path) -> None:
    with running(PolicyHost([ServedPolicy.load(package, "hold")])) as url:
        client = client_for(url, "hold", package)
        client.wait(5)
    with client, pytest.raises(HostError, match="no answer"):
        client.infer({STATE: np.ones((1, 6), np.float32), TARGET: np.zeros((1, 7), np.float32)})


@pytest.mark.parametrize("url_of_host", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://", ""])
def test_a_url_that_cannot_be_a_host_is_refused(url_of_host: str, package: Path) -> None:
    with pytest.raises(HostError, match="not a URL of a policy host"):
        PolicyClient(url_of_host, "hold", PolicyPackage.read(package / "package.json"), digest_bytes(b""))
