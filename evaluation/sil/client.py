"""The client side: asking a policy host, ours or Triton, for action chunks."""

import time
from collections.abc import Mapping
from http.client import HTTPException
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from physai.infrastructure.contracts import Digest, PolicyPackage
from physai.infrastructure.registry.verify import reproduces

from ..errors import HostError, WrongPolicyError
from .protocol import DATATYPES
from .transports import NETWORK_S, Answer, Metadata, transport

POLL_S = 0.2


class PolicyClient:
    """One model on a policy host, over HTTP, gRPC or openpi's websocket."""

    def __init__(
        self,
        url: str,
        model: str,
        package: PolicyPackage,
        digest: Digest,
        timeout_s: float = NETWORK_S,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            url: Of the host, e.g. `http://127.0.0.1:8000`, `grpc://127.0.0.1:8001`, `ws://127.0.0.1:8000`.
            model: Name of the model there.
            package: Contract of the package that the model must be.
            digest: Of that package.
            timeout_s: How long one answer may take; a host that hangs is a failure then.
            headers: Of every request, over HTTP.

        Raises:
            HostError: If the URL cannot be used.
        """
        self.url, self.model, self.package, self.digest = url, model, package, digest
        self._name = uuid4().hex  # no other client's sequences are ours
        self.round_trips_ms: list[float] = []
        """Of every inference so far."""
        self._host = transport(url, timeout_s, headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: BaseException | type[BaseException] | TracebackType | None) -> None:
        self._host.close()

    def wait(self, deadline_s: float) -> None:
        """Wait until the model is ready.

        Raises:
            HostError: If it is not ready in time; the last failure is named.
        """
        end = time.monotonic() + deadline_s
        while (reason := self._why_not_ready()) is not None:
            if time.monotonic() >= end:
                raise HostError(
                    self.url,
                    f"{reason}, after {deadline_s:g} s",
                    "Start it with `physai evaluation serve`, or wait longer.",
                )
            time.sleep(POLL_S)

    def _why_not_ready(self) -> str | None:
        try:
            return None if self._host.ready(self.model) else f"model '{self.model}' is not ready"
        except (OSError, HTTPException, InferenceServerException) as error:
            return f"no answer ({error})"

    def check_identity(self) -> None:
        """Make sure that the model is the package: by its digest and its tensors, where the host states them.

        Raises:
            WrongPolicyError: If it is another.
            HostError: If the host does not answer, or the package has a state that it cannot carry.
        """
        found: Metadata | None = self._ask(lambda: self._host.metadata(self.model))
        if found is None:
            if self.package.states:
                raise HostError(self.url, "its protocol carries no state", "Serve it with `physai evaluation serve`.")
            return
        if found.digest not in (None, self.digest):
            raise WrongPolicyError(self.url, self.model, f"it is {found.digest}, wanted {self.digest}")
        for kind, specs, got in (
            ("inputs", self.package.inputs, found.inputs),
            ("outputs", self.package.outputs, found.outputs),
        ):
            wanted = {spec.name: (DATATYPES[spec.dtype], [-1, *spec.shape]) for spec in specs}
            if got != wanted:
                raise WrongPolicyError(self.url, self.model, f"its {kind} are {got}, wanted {wanted}")

    def check_golden(self, golden: Mapping[str, NDArray[Any]]) -> float:
        """Play the package's golden vectors through the host, in one request.

        Args:
            golden: Recorded inputs and output by name, first axis the sample.

        Returns:
            The round trip in ms.

        Raises:
            WrongPolicyError: If the answer differs.
            HostError: If the host does not answer.
        """
        answer, output = self.infer(golden), golden[self.package.outputs[0].name]
        if not reproduces(answer, output):
            difference = float(np.abs(answer - output).max()) if answer.shape == output.shape else float("inf")
            reason = f"golden vectors differ by {difference:g}"
            raise WrongPolicyError(self.url, self.model, reason)
        took_ms = self.round_trips_ms[-1]
        self.round_trips_ms.clear()
        return took_ms

    def infer_sequences(
        self, observation: Mapping[str, NDArray[Any]], rows: NDArray[np.intp], begins: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Likewise of a stateful policy, whose state the host keeps for every row of ours.

        Args:
            observation: First axis the rows that are asked.
            rows: Their numbers.
            begins: Whether an episode begins there.
        """
        answers = []
        for index, (row, start) in enumerate(zip(rows, begins, strict=True)):
            one = {name: values[index : index + 1] for name, values in observation.items()}
            answers.append(self.infer(one, f"{self._name}-{row}", start=bool(start)))
        return np.concatenate(answers)

    def infer(
        self, observation: Mapping[str, NDArray[Any]], sequence: str = "", *, start: bool = False
    ) -> NDArray[np.float32]:
        """The first output for a batch of observations; entries that the policy does not take are left out.

        Args:
            observation: Inputs by name, first axis the batch.
            sequence: Under which the host keeps the policy's state; it is then not among the inputs.
            start: Whether this is the first request of the sequence.

        Raises:
            HostError: If the host refuses, fails or does not answer.
            WrongPolicyError: If another package answered.
        """
        kept = {state.input for state in self.package.states} if sequence else set()
        specs = [spec for spec in self.package.inputs if spec.name not in kept]
        inputs = {spec.name: np.asarray(observation[spec.name], dtype=spec.dtype) for spec in specs}
        wanted = self.package.outputs[0].name
        began = time.perf_counter()
        answer: Answer = self._ask(lambda: self._host.infer(self.model, inputs, wanted, sequence, start=start))
        self.round_trips_ms.append((time.perf_counter() - began) * 1e3)
        if answer.digest not in (None, self.digest):
            raise WrongPolicyError(self.url, self.model, f"{answer.digest} answered, wanted {self.digest}")
        return answer.output

    def _ask(self, call: Any) -> Any:
        try:
            return call()
        except InferenceServerException as error:
            raise HostError(self.url, f"model '{self.model}': {error.message()}", "See the host's log.") from error
        except (OSError, HTTPException) as error:  # the latter where it hangs up in the middle of an answer
            raise HostError(self.url, f"no answer ({error})", "Check that it still runs, and its log.") from error
