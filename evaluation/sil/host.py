"""The policy host as a web application: Open Inference Protocol v2 for verified packages."""

import time
from collections.abc import Iterable
from importlib.metadata import version

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import EvaluationError, RequestError
from .batcher import Batcher
from .device import read_device
from .host_metrics import HostMetrics
from .openapi import openapi
from .protocol import (
    HEADER_LENGTH,
    InferenceRequest,
    ModelMetadata,
    Tensors,
    describe,
    model_parameters,
    read_inputs,
    read_request,
    wanted_outputs,
    write_outputs,
)
from .served import VERSION, ServedPolicy
from .sessions import Sessions

DIGEST_HEADER = "Physai-Package-Digest"
MAX_BODY_BYTES = 64 * 2**20


class PolicyHost:
    """Answers for a few policies by name."""

    def __init__(
        self, policies: Iterable[ServedPolicy], max_body_bytes: int = MAX_BODY_BYTES, batch_wait_s: float = 0.0
    ) -> None:
        """Nothing is served yet.

        Args:
            policies: Verified, each under a name of its own.
            max_body_bytes: Larger requests are refused.
            batch_wait_s: How long a request waits for others to be answered with it; 0 answers each alone.
        """
        self.policies = {policy.name: policy for policy in policies}
        self.max_body_bytes = max_body_bytes
        self.metrics = HostMetrics()
        self.sessions = Sessions()
        self._infer = {
            name: Batcher(policy.infer, batch_wait_s).infer if batch_wait_s > 0 else policy.infer
            for name, policy in self.policies.items()
        }
        for policy in self.policies.values():
            self.metrics.serve(policy.name, policy.digest)

    def app(self) -> Starlette:
        """The routes of the protocol."""
        model = "/v2/models/{model}"
        return Starlette(
            routes=[
                Route("/v2", self.server),
                Route("/v2/health/live", self.healthy),
                Route("/v2/health/ready", self.healthy),
                Route("/metrics", self.scraped),
                Route("/clock", self.time),
                Route("/device", self.device),
                Route("/openapi.json", self.described),
                *(
                    Route(prefix + path, endpoint, methods=[method])
                    for prefix in (model, model + "/versions/{version}")
                    for path, endpoint, method in (
                        ("", self.metadata, "GET"),
                        ("/ready", self.ready, "GET"),
                        ("/infer", self.infer, "POST"),
                    )
                ),
            ],
            exception_handlers={RequestError: refused, EvaluationError: failed, HTTPException: http_error},
        )

    def server(self, _: Request) -> Response:
        """What this host is."""
        return JSONResponse(
            {"name": "physai", "version": version("physai-evaluation"), "extensions": ["binary_tensor_data"]}
        )

    def healthy(self, _: Request) -> Response:
        """Packages are loaded before the host listens, so whoever is answered finds it ready."""
        return Response()

    def scraped(self, _: Request) -> Response:
        """Counts and times, for Prometheus."""
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    def time(self, _: Request) -> Response:
        """This machine's clock, so that a rehearsal knows how far it is from its own."""
        return JSONResponse({"time_ns": time.time_ns()})

    def device(self, _: Request) -> Response:
        """Load, temperature and power of this machine."""
        return JSONResponse(read_device().model_dump())

    def described(self, _: Request) -> Response:
        """This interface, as OpenAPI."""
        return JSONResponse(openapi(tuple(self.policies)))

    def find(self, name: str, version: str = VERSION) -> ServedPolicy:
        """The policy that is served under a name.

        Raises:
            RequestError: If there is none.
        """
        if name not in self.policies:
            raise RequestError(f"model '{name}' is unknown. Served: {', '.join(self.policies)}.", status=404)
        if version != VERSION:
            raise RequestError(f"model '{name}' has only version {VERSION}.", status=404)
        return self.policies[name]

    def ask(self, policy: ServedPolicy, asked: InferenceRequest, binary: bytes) -> Tensors:
        """The outputs that are wanted, whatever the way the request came.

        Raises:
            RequestError: If it does not fit the package's contract.
            EvaluationError: If the policy cannot answer.
        """
        with self.metrics.inference(policy.name):
            wanted = wanted_outputs(asked, policy.package.outputs)
            sequence = asked.parameters.sequence_id
            if sequence and policy.package.states:
                outputs = self._step(policy, asked, binary, sequence)
            else:
                outputs = self._run(policy, read_inputs(asked, binary, policy.package.inputs))
            return {name: outputs[name] for name in wanted}

    def _run(self, policy: ServedPolicy, inputs: Tensors) -> Tensors:
        with self.metrics.graph(policy.name, len(next(iter(inputs.values())))):
            return self._infer[policy.name](inputs)

    def _step(self, policy: ServedPolicy, asked: InferenceRequest, binary: bytes, sequence: int | str) -> Tensors:
        """One step of a sequence: its state is not among the inputs but kept here, all zeros when it begins."""
        start, end = asked.parameters.sequence_start, asked.parameters.sequence_end
        states = {state.input: state.output for state in policy.package.states}
        given = tuple(spec for spec in policy.package.inputs if spec.name not in states)
        with self.sessions.step((policy.name, sequence), start=start, end=end) as kept:
            inputs = read_inputs(asked, binary, given)
            rows = len(next(iter(inputs.values())))
            for spec in policy.package.inputs:
                if spec.name in states:
                    inputs[spec.name] = kept.get(spec.name, np.zeros((rows, *spec.shape), spec.dtype))
            if kept and (before := len(next(iter(kept.values())))) != rows:
                raise RequestError(f"sequence {sequence!r}: {rows} rows, and {before} when it began.")
            outputs = self._run(policy, inputs)
            kept.update({name: outputs[output] for name, output in states.items()})
        return outputs

    def ready(self, request: Request) -> Response:
        """Whether one model is ready."""
        return Response(headers={DIGEST_HEADER: self._find(request).digest})

    def metadata(self, request: Request) -> Response:
        """Inputs, outputs and the package digest of one model."""
        policy = self._find(request)
        package = policy.package
        described = ModelMetadata(
            name=policy.name,
            inputs=describe(package.inputs),
            outputs=describe(package.outputs),
            parameters=model_parameters(policy.digest, package.task),
        )
        return JSONResponse(described.model_dump(), headers={DIGEST_HEADER: policy.digest})

    async def infer(self, request: Request) -> Response:
        """Ask one model."""
        policy = self._find(request)
        package = policy.package
        body = await self._body(request)
        asked, binary = read_request(body, request.headers.get(HEADER_LENGTH))
        answers = await run_in_threadpool(self.ask, policy, asked, binary)
        outputs, tail = write_outputs(answers, wanted_outputs(asked, package.outputs))
        answer = {
            "model_name": policy.name,
            "model_version": VERSION,
            "parameters": model_parameters(policy.digest, package.task),
            "outputs": outputs,
        }
        if asked.id is not None:
            answer["id"] = asked.id
        headers = {DIGEST_HEADER: policy.digest}
        header = JSONResponse(answer, headers=headers)
        if not tail:
            return header
        headers[HEADER_LENGTH] = str(len(header.body))
        return Response(bytes(header.body) + tail, media_type="application/octet-stream", headers=headers)

    def _find(self, request: Request) -> ServedPolicy:
        return self.find(request.path_params["model"], request.path_params.get("version", VERSION))

    async def _body(self, request: Request) -> bytes:
        """The body, unless it is compressed or larger than allowed."""
        if request.headers.get("content-encoding", "identity") != "identity":
            raise RequestError("compressed bodies are not supported. Send the body as it is.", status=415)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self.max_body_bytes:
                raise RequestError(f"the body is larger than {self.max_body_bytes} bytes.", status=413)
        return bytes(body)


def refused(_: Request, error: Exception) -> Response:
    """A request that the client must mend."""
    assert isinstance(error, RequestError)
    return JSONResponse({"error": str(error)}, status_code=error.status)


def failed(_: Request, error: Exception) -> Response:
    """A request that was right, but the policy could not answer."""
    return JSONResponse({"error": str(error)}, status_code=500)


def http_error(request: Request, error: Exception) -> Response:
    """An unknown path or method."""
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}. This host speaks Open Inference Protocol v2."
    return JSONResponse({"error": message}, status_code=error.status_code, headers=error.headers)
