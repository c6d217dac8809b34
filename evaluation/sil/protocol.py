"""Open Inference Protocol v2 over HTTP: requests into arrays, arrays into responses.

Source: kserve.github.io, "Open Inference Protocol (V2)" and "Binary Tensor Data Extension", which Triton speaks too.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from physai.infrastructure.contracts import Digest, TensorSpec

from ..errors import RequestError

HEADER_LENGTH = "Inference-Header-Content-Length"
DATATYPES = {"float32": "FP32", "uint8": "UINT8"}
KINDS = {"FP32": "iuf", "UINT8": "iu"}  # NumPy kinds that a JSON list may have
LITTLE_ENDIAN = {"FP32": "<f4", "UINT8": "u1"}

Tensors = dict[str, NDArray[Any]]


class Message(BaseModel):
    """Part of a request. Unknown keys are the protocol's room for extensions."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class InputParameters(Message):
    """Options of one input."""

    binary_data_size: int | None = Field(default=None, ge=0)


class InputTensor(Message):
    """One input: its data here, or in the bytes after the JSON."""

    name: str
    shape: list[Annotated[int, Field(ge=0)]]
    datatype: str
    parameters: InputParameters = InputParameters()
    data: list[Any] | None = None


class OutputParameters(Message):
    """Options of one output."""

    binary_data: bool = False


class RequestedOutput(Message):
    """An output that is asked for."""

    name: str
    parameters: OutputParameters = OutputParameters()


class RequestParameters(Message):
    """Options of the whole request."""

    binary_data_output: bool = False
    sequence_id: int | str = 0
    """Of a stateful policy's episode; 0 and empty are none."""
    sequence_start: bool = False
    sequence_end: bool = False


class InferenceRequest(Message):
    """The JSON part of a request."""

    id: str | None = None
    parameters: RequestParameters = RequestParameters()
    inputs: list[InputTensor] = Field(min_length=1)
    outputs: list[RequestedOutput] = []

    @classmethod
    def checked(cls, content: bytes | dict[str, Any]) -> Self:
        """From JSON, or from what JSON would say.

        Raises:
            RequestError: If it is not a request.
        """
        try:
            return cls.model_validate_json(content) if isinstance(content, bytes) else cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "body"
            raise RequestError(f"request: {where}: {first['msg']}.") from error


def read_request(body: bytes, header_length: str | None) -> tuple[InferenceRequest, bytes]:
    """The JSON part and the binary part of a request.

    Raises:
        RequestError: If the body is not a request.
    """
    length = len(body)
    if header_length is not None:
        if not header_length.isascii() or not header_length.isdigit() or int(header_length) > len(body):
            raise RequestError(
                f"header {HEADER_LENGTH}: '{header_length:.40}' does not fit a body of {len(body)} bytes."
            )
        length = int(header_length)
    return InferenceRequest.checked(body[:length]), body[length:]


def read_inputs(request: InferenceRequest, binary: bytes, specs: tuple[TensorSpec, ...]) -> Tensors:
    """The arrays of a request, checked against the package's contract; they share one batch size.

    Raises:
        RequestError: If an input is missing, unknown or given twice, or its type, shape or data is wrong.
    """
    known = {spec.name: spec for spec in specs}
    arrays: Tensors = {}
    offset = 0
    for tensor in request.inputs:
        if tensor.name not in known or tensor.name in arrays:
            what = "given twice" if tensor.name in arrays else "unknown"
            raise RequestError(f"input '{tensor.name}' is {what}. Inputs: {', '.join(known)}.")
        check_type_and_shape(tensor, known[tensor.name])
        size = tensor.parameters.binary_data_size
        chunk = b"" if size is None else binary[offset : offset + size]
        offset += size or 0
        arrays[tensor.name] = to_array(tensor, chunk)
    if missing := known.keys() - arrays.keys():
        raise RequestError(f"input '{min(missing)}' is missing. Inputs: {', '.join(known)}.")
    if offset != len(binary):
        raise RequestError(f"binary data: the inputs speak of {offset} bytes, {len(binary)} came.")
    if len({len(array) for array in arrays.values()}) > 1:
        sizes = ", ".join(f"{name} {len(array)}" for name, array in arrays.items())
        raise RequestError(f"inputs differ in batch size: {sizes}.")
    return arrays


def check_type_and_shape(tensor: InputTensor, spec: TensorSpec) -> None:
    """Refuse an input that is not as the contract says."""
    if tensor.datatype != DATATYPES[spec.dtype]:
        raise RequestError(f"input '{tensor.name}': datatype '{tensor.datatype}' should be {DATATYPES[spec.dtype]}.")
    if tuple(tensor.shape[1:]) != spec.shape or not tensor.shape or tensor.shape[0] == 0:
        raise RequestError(
            f"input '{tensor.name}': shape {tensor.shape} should be [N, {', '.join(map(str, spec.shape))}] with N >= 1."
        )


def to_array(tensor: InputTensor, chunk: bytes) -> NDArray[Any]:
    """One input as an array of its shape, from its bytes or from its JSON list (nested or flat)."""
    count = int(np.prod(tensor.shape, dtype=object))
    dtype = np.dtype(LITTLE_ENDIAN[tensor.datatype])
    if (tensor.data is None) == (tensor.parameters.binary_data_size is None):
        raise RequestError(f"input '{tensor.name}': give either data or parameters.binary_data_size.")
    if tensor.data is None:
        if len(chunk) != count * dtype.itemsize or tensor.parameters.binary_data_size != len(chunk):
            raise RequestError(
                f"input '{tensor.name}': shape {tensor.shape} needs {count * dtype.itemsize} bytes, {len(chunk)} came."
            )
        array = np.frombuffer(chunk, dtype)
    else:
        array = from_list(tensor, dtype)
    if array.size != count:
        raise RequestError(f"input '{tensor.name}': shape {tensor.shape} needs {count} values, {array.size} came.")
    if not np.isfinite(array).all():
        raise RequestError(f"input '{tensor.name}': holds values that are not finite {dtype.name} numbers.")
    return array.reshape(tensor.shape)


def from_list(tensor: InputTensor, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A JSON list as numbers; words, booleans, gaps and values out of range are refused."""
    try:
        values = np.array(tensor.data)
    except ValueError as error:
        raise RequestError(f"input '{tensor.name}': data is ragged.") from error
    if values.dtype.kind not in KINDS[tensor.datatype]:
        raise RequestError(f"input '{tensor.name}': data should be {tensor.datatype} numbers only.")
    if dtype.kind == "u" and values.size and not 0 <= values.min() <= values.max() <= np.iinfo(dtype).max:
        raise RequestError(f"input '{tensor.name}': data should lie in 0 to {np.iinfo(dtype).max}.")
    with np.errstate(over="ignore"):  # becomes infinite, which is refused
        return values.astype(dtype)


def wanted_outputs(request: InferenceRequest, specs: tuple[TensorSpec, ...]) -> dict[str, bool]:
    """Name of each output to return → whether as binary data."""
    if not request.outputs:
        return {spec.name: request.parameters.binary_data_output for spec in specs}
    known = [spec.name for spec in specs]
    for output in request.outputs:
        if output.name not in known:
            raise RequestError(f"output '{output.name}' is unknown. Outputs: {', '.join(known)}.")
    return {output.name: output.parameters.binary_data for output in request.outputs}


def write_outputs(
    outputs: Mapping[str, NDArray[Any]], wanted: Mapping[str, bool]
) -> tuple[list[dict[str, Any]], bytes]:
    """The JSON descriptions of the wanted outputs, and the bytes that follow them."""
    described, chunks = [], []
    for name, as_binary in wanted.items():
        array = np.ascontiguousarray(outputs[name])
        entry: dict[str, Any] = {"name": name, "datatype": DATATYPES[array.dtype.name], "shape": list(array.shape)}
        if as_binary:
            chunk = array.astype(LITTLE_ENDIAN[entry["datatype"]], copy=False).tobytes()
            chunks.append(chunk)
            entry["parameters"] = {"binary_data_size": len(chunk)}
        else:
            entry["data"] = array.ravel().tolist()
        described.append(entry)
    return described, b"".join(chunks)


class TensorMetadata(Message):
    """One input or output of a served model; -1 is the batch."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(Message):
    """What a host says of a model."""

    name: str
    versions: list[str] = ["1"]
    platform: Literal["onnxruntime_onnx"] = "onnxruntime_onnx"
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    parameters: dict[str, str]
    """`package_digest` and `task`; our extension of the protocol."""


def describe(specs: tuple[TensorSpec, ...]) -> list[TensorMetadata]:
    """Inputs or outputs as the protocol describes them."""
    return [TensorMetadata(name=s.name, datatype=DATATYPES[s.dtype], shape=[-1, *s.shape]) for s in specs]


def model_parameters(digest: Digest, task: str) -> dict[str, str]:
    """What tells a client which artifact answers it."""
    return {"package_digest": digest, "task": task}
