"""The policy host over gRPC: the same protocol, policies and refusals as over HTTP.

Source: kserve.github.io, "Open Inference Protocol (V2)", gRPC; the messages are Triton's own, from `tritonclient`.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import grpc
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc.service_pb2_grpc import (
    GRPCInferenceServiceServicer,
    add_GRPCInferenceServiceServicer_to_server,
)

from ..errors import AddressError, EvaluationError, RequestError
from .host import PolicyHost
from .protocol import LITTLE_ENDIAN, InferenceRequest, describe, model_parameters
from .served import VERSION

SHUTDOWN_S = 5  # time that requests in flight have to finish
THREADS = 4
CONTENTS = {"FP32": "fp32_contents", "UINT8": "uint_contents"}
SEQUENCE = ("sequence_id", "sequence_start", "sequence_end")
STATUS = {
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


class GrpcHost(GRPCInferenceServiceServicer):  # type: ignore[misc]  # generated code is not typed
    """Answers for the policies of a host."""

    def __init__(self, host: PolicyHost) -> None:
        self.host = host

    def ServerLive(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ARG002, N802
        """Packages are loaded before the host listens, so whoever is answered finds it live."""
        return messages.ServerLiveResponse(live=True)

    def ServerReady(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ARG002, N802
        """And ready."""
        return messages.ServerReadyResponse(ready=True)

    def ModelReady(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ARG002, N802
        """Whether one model is ready."""
        known = request.name in self.host.policies and request.version in ("", VERSION)
        return messages.ModelReadyResponse(ready=known)

    def ServerMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ARG002, N802
        """What this host is."""
        return messages.ServerMetadataResponse(name="physai", version=version("physai-evaluation"))

    def ModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Inputs and outputs of one model; the package digest is in the trailing metadata."""
        return _answered(context, lambda: self._metadata(request, context))

    def ModelInfer(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Ask one model."""
        return _answered(context, lambda: self._infer(request))

    def _metadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        policy = self.host.find(request.name, request.version or VERSION)
        context.set_trailing_metadata((("physai-package-digest", policy.digest),))
        response = messages.ModelMetadataResponse(name=policy.name, versions=[VERSION], platform="onnxruntime_onnx")
        for field, specs in ((response.inputs, policy.package.inputs), (response.outputs, policy.package.outputs)):
            for tensor in describe(specs):
                field.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        return response

    def _infer(self, request: Any) -> Any:
        policy = self.host.find(request.model_name, request.model_version or VERSION)
        asked, binary = read(request)
        outputs = self.host.ask(policy, asked, binary)
        response = messages.ModelInferResponse(model_name=policy.name, model_version=VERSION, id=request.id)
        for name, value in model_parameters(policy.digest, policy.package.task).items():
            response.parameters[name].string_param = value
        datatypes = {tensor.name: tensor.datatype for tensor in describe(policy.package.outputs)}
        for name, array in outputs.items():
            response.outputs.add(name=name, datatype=datatypes[name], shape=array.shape)
            response.raw_output_contents.append(array.astype(LITTLE_ENDIAN[datatypes[name]], copy=False).tobytes())
        return response


def read(request: Any) -> tuple[InferenceRequest, bytes]:
    """A gRPC request in the form of an HTTP one: a description, and the bytes of its tensors.

    Raises:
        RequestError: If it gives some tensors as bytes and others as numbers.
    """
    raw = list(request.raw_input_contents)
    if raw and len(raw) != len(request.inputs):
        raise RequestError(f"raw_input_contents: {len(raw)} for {len(request.inputs)} inputs. Give one for each.")
    inputs: list[dict[str, Any]] = []
    for index, tensor in enumerate(request.inputs):
        entry: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
        if raw:
            entry["parameters"] = {"binary_data_size": len(raw[index])}
        else:
            entry["data"] = list(getattr(tensor.contents, CONTENTS.get(tensor.datatype, "fp32_contents")))
        inputs.append(entry)
    outputs = [{"name": output.name} for output in request.outputs]
    content = {"inputs": inputs, "outputs": outputs, "parameters": _sequence(request)}
    return InferenceRequest.checked(content), b"".join(raw)


def _sequence(request: Any) -> dict[str, Any]:
    """What the request says of its sequence."""
    given = {name: request.parameters[name] for name in SEQUENCE if name in request.parameters}
    return {name: getattr(value, value.WhichOneof("parameter_choice")) for name, value in given.items()}


def _answered(context: grpc.ServicerContext, answer: Callable[[], Any]) -> Any:
    """The answer, or the refusal as the status that fits it."""
    try:
        return answer()
    except RequestError as error:
        context.abort(STATUS.get(error.status, grpc.StatusCode.INVALID_ARGUMENT), str(error))
    except EvaluationError as error:
        context.abort(grpc.StatusCode.INTERNAL, str(error))


@contextmanager
def running_grpc(host: PolicyHost, address: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """The `address:port` of the host over gRPC, while it runs; requests in flight are answered at the end.

    Raises:
        AddressError: If the port cannot be listened on.
    """
    limits = [("grpc.max_receive_message_length", host.max_body_bytes), ("grpc.so_reuseport", 0)]
    server = grpc.server(ThreadPoolExecutor(THREADS, thread_name_prefix="policy-host-grpc"), options=limits)
    add_GRPCInferenceServiceServicer_to_server(GrpcHost(host), server)
    try:
        bound = server.add_insecure_port(f"{address}:{port}")
    except RuntimeError as error:
        raise AddressError(address, port, "it is in use, or not an address of this machine") from error
    server.start()
    try:
        yield f"{address}:{bound}"
    finally:
        server.stop(SHUTDOWN_S).wait()
