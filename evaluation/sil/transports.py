"""The ways to a policy: Open Inference Protocol v2 over HTTP or gRPC, and openpi's websocket."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from tritonclient import grpc as over_grpc
from tritonclient import http as over_http

from ..errors import HostError
from .protocol import DATATYPES

type Arrays = Mapping[str, NDArray[Any]]
NETWORK_S = 60.0


class Answer(NamedTuple):
    """One output, and what the host says of itself with it."""

    output: NDArray[Any]
    digest: str | None
    """Of the package that answered, where the host states one."""


class Metadata(NamedTuple):
    """What a host says of a model."""

    inputs: dict[str, tuple[str, list[int]]]
    """Name → datatype of the protocol and shape, -1 for the batch."""
    outputs: dict[str, tuple[str, list[int]]]
    digest: str | None


class Transport(Protocol):
    """One connection to a host; errors are the client library's own."""

    def ready(self, model: str) -> bool:
        """Whether a model can be asked."""

    def metadata(self, model: str) -> Metadata | None:
        """What the host says of it; None if its protocol has no words for that."""

    def infer(self, model: str, inputs: Arrays, output: str, sequence: str, *, start: bool) -> Answer:
        """One output for a batch of inputs."""

    def close(self) -> None:
        """Hang up."""


def transport(url: str, timeout_s: float = NETWORK_S, headers: Mapping[str, str] | None = None) -> Transport:
    """The way that a URL names; nothing is sent yet.

    Args:
        url: `http://…`, `https://…`, `grpc://host:port`, or `ws://…` and `wss://…` of an openpi server.
        timeout_s: How long one answer may take.
        headers: Of every request, such as who asks; over HTTP alone.

    Raises:
        HostError: If the URL names none.
    """
    address = urlsplit(url)
    make = TRANSPORTS.get(address.scheme)
    if make is None or not address.netloc:
        raise HostError(url, "not a URL of a policy host", f"Give one like {', '.join(EXAMPLES)}.")
    if headers:
        if make is not HttpTransport:
            raise HostError(url, "headers go over HTTP alone", "Give a URL with http:// or https://.")
        return HttpTransport(url, timeout_s, headers)
    return make(url, timeout_s)


class _Headers(over_http.InferenceServerClientPlugin):  # type: ignore[misc] # the client has no types
    """Adds the same headers to every request."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def __call__(self, request: Any) -> None:
        request.headers.update(self._headers)


class HttpTransport:
    """NVIDIA's client over HTTP."""

    def __init__(self, url: str, timeout_s: float, headers: Mapping[str, str] | None = None) -> None:
        address = urlsplit(url)
        self._client = over_http.InferenceServerClient(
            address.netloc + address.path.rstrip("/"),
            ssl=address.scheme == "https",
            connection_timeout=timeout_s,
            network_timeout=timeout_s,
        )
        if headers:
            self._client.register_plugin(_Headers(headers))

    def ready(self, model: str) -> bool:
        """Whether a model can be asked."""
        return bool(self._client.is_model_ready(model))

    def metadata(self, model: str) -> Metadata:
        """What the host says of it."""
        found = self._client.get_model_metadata(model)
        inputs, outputs = (
            {entry["name"]: (entry["datatype"], entry["shape"]) for entry in found[kind]}
            for kind in ("inputs", "outputs")
        )
        return Metadata(inputs, outputs, found.get("parameters", {}).get("package_digest"))

    def infer(self, model: str, inputs: Arrays, output: str, sequence: str, *, start: bool) -> Answer:
        """One output for a batch of inputs."""
        result = self._client.infer(
            model,
            _tensors(over_http, inputs),
            outputs=[over_http.InferRequestedOutput(output)],
            sequence_id=sequence,
            sequence_start=start,
        )
        return Answer(result.as_numpy(output), result.get_response().get("parameters", {}).get("package_digest"))

    def close(self) -> None:
        """Hang up."""
        self._client.close()


class GrpcTransport:
    """NVIDIA's client over gRPC."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._client = over_grpc.InferenceServerClient(urlsplit(url).netloc)
        self._timeout_s = timeout_s

    def ready(self, model: str) -> bool:
        """Whether a model can be asked."""
        return bool(self._client.is_model_ready(model, client_timeout=self._timeout_s))

    def metadata(self, model: str) -> Metadata:
        """What the host says of it; over gRPC it states the digest with every answer."""
        found = self._client.get_model_metadata(model, client_timeout=self._timeout_s)
        inputs, outputs = (
            {entry.name: (entry.datatype, list(entry.shape)) for entry in entries}
            for entries in (found.inputs, found.outputs)
        )
        return Metadata(inputs, outputs, None)

    def infer(self, model: str, inputs: Arrays, output: str, sequence: str, *, start: bool) -> Answer:
        """One output for a batch of inputs."""
        result = self._client.infer(
            model,
            _tensors(over_grpc, inputs),
            outputs=[over_grpc.InferRequestedOutput(output)],
            sequence_id=sequence or 0,
            sequence_start=start,
            client_timeout=self._timeout_s,
        )
        stated = result.get_response().parameters
        digest = stated["package_digest"].string_param if "package_digest" in stated else None
        return Answer(result.as_numpy(output), digest)

    def close(self) -> None:
        """Hang up."""
        self._client.close()


def _tensors(library: Any, inputs: Arrays) -> list[Any]:
    return [
        library.InferInput(name, list(array.shape), DATATYPES[array.dtype.name]).set_data_from_numpy(
            np.ascontiguousarray(array)
        )
        for name, array in inputs.items()
    ]


def _openpi(url: str, timeout_s: float) -> Transport:
    from .openpi import OpenpiTransport

    return OpenpiTransport(url, timeout_s)


TRANSPORTS: dict[str, Callable[[str, float], Transport]] = {
    "http": HttpTransport,
    "https": HttpTransport,
    "grpc": GrpcTransport,
    "ws": _openpi,
    "wss": _openpi,
}
EXAMPLES = ("http://127.0.0.1:8000", "grpc://127.0.0.1:8001", "ws://127.0.0.1:8000")
