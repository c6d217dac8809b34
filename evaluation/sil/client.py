"""The client side: asking a policy host, ours or Triton, for action chunks."""

import time
from collections.abc import Mapping
from http.client import HTTPException
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput, InferResult
from tritonclient.utils import InferenceServerException

from physai.infrastructure.contracts import Digest, PolicyPackage
from physai.infrastructure.registry.verify import reproduces

from ..errors import HostError, WrongPolicyError
from .protocol import DATATYPES

POLL_S = 0.2
NETWORK_S = 60.0


class PolicyClient:
    """One model on a policy host, spoken to with NVIDIA's own client."""

    def __init__(
        self, url: str, model: str, package: PolicyPackage, digest: Digest, timeout_s: float = NETWORK_S
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            url: Of the host, e.g. `http://127.0.0.1:8000`.
            model: Name of the model there.
            package: Contract of the package that the model must be.
            digest: Of that package.
            timeout_s: How long one answer may take; a host that hangs is a failure then.

        Raises:
            HostError: If the URL cannot be used.
        """
        address = urlsplit(url)
        if address.scheme not in ("http", "https") or not address.netloc:
            raise HostError(url, "not a URL of a policy host", "Give one like http://127.0.0.1:8000.")
        self.url, self.model, self.package, self.digest = url, model, package, digest
        self._name = uuid4().hex  # no other client's sequences are ours
        self.round_trips_ms: list[float] = []
        """Of every inference so far."""
        self._client = InferenceServerClient(
            address.netloc + address.path.rstrip("/"),
            ssl=address.scheme == "https",
            connection_timeout=timeout_s,
            network_timeout=timeout_s,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: BaseException | type[BaseException] | TracebackType | None) -> None:
        self._client.close()

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
            return None if self._client.is_model_ready(self.model) else f"model '{self.model}' is not ready"
        except (OSError, HTTPException, InferenceServerException) as error:
            return f"no answer ({error})"

    def check_identity(self) -> None:
        """Make sure that the model is the package: by its digest, where the host states one, and by its tensors.

        Raises:
            WrongPolicyError: If it is another.
            HostError: If the host does not answer.
        """
        metadata = self._ask(lambda: self._client.get_model_metadata(self.model))
        stated = metadata.get("parameters", {}).get("package_digest", self.digest)
        if stated != self.digest:
            raise WrongPolicyError(self.url, self.model, f"it is {stated}, wanted {self.digest}")
        for kind, specs in (("inputs", self.package.inputs), ("outputs", self.package.outputs)):
            wanted = {spec.name: (DATATYPES[spec.dtype], [-1, *spec.shape]) for spec in specs}
            got = {entry["name"]: (entry["datatype"], entry["shape"]) for entry in metadata[kind]}
            if got != wanted:
                raise WrongPolicyError(self.url, self.model, f"its {kind} are {got}, wanted {wanted}")

    def check_golden(self, golden: Mapping[str, NDArray[Any]]) -> None:
        """Play the package's golden vectors through the host.

        Args:
            golden: Recorded inputs and output by name, first axis the sample.

        Raises:
            WrongPolicyError: If the answer differs.
            HostError: If the host does not answer.
        """
        answer, output = self.infer(golden), golden[self.package.outputs[0].name]
        if not reproduces(answer, output):
            difference = float(np.abs(answer - output).max()) if answer.shape == output.shape else float("inf")
            reason = f"golden vectors differ by {difference:g}"
            raise WrongPolicyError(self.url, self.model, reason)
        self.round_trips_ms.clear()

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
        inputs = []
        kept = {state.input for state in self.package.states} if sequence else set()
        for spec in self.package.inputs:
            if spec.name in kept:
                continue
            array = np.ascontiguousarray(observation[spec.name], dtype=spec.dtype)
            tensor = InferInput(spec.name, list(array.shape), DATATYPES[spec.dtype])
            inputs.append(tensor.set_data_from_numpy(array))
        wanted = self.package.outputs[0].name
        asked = InferRequestedOutput(wanted)
        began = time.perf_counter()
        result: InferResult = self._ask(
            lambda: self._client.infer(self.model, inputs, outputs=[asked], sequence_id=sequence, sequence_start=start)
        )
        self.round_trips_ms.append((time.perf_counter() - began) * 1e3)
        answered = result.get_response().get("parameters", {}).get("package_digest", self.digest)
        if answered != self.digest:
            raise WrongPolicyError(self.url, self.model, f"{answered} answered, wanted {self.digest}")
        output: NDArray[np.float32] = result.as_numpy(wanted)
        return output

    def _ask(self, call: Any) -> Any:
        try:
            return call()
        except InferenceServerException as error:
            raise HostError(self.url, f"model '{self.model}': {error.message()}", "See the host's log.") from error
        except (OSError, HTTPException) as error:  # the latter where it hangs up in the middle of an answer
            raise HostError(self.url, f"no answer ({error})", "Check that it still runs, and its log.") from error
