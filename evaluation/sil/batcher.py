"""Requests of several clients, answered by one run of a graph: whoever comes first waits a little for the others."""

import threading
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from ..errors import EvaluationError
from .protocol import Tensors

MAX_ROWS = 256


class Batcher:
    """Gathers requests for a bounded time; each gets the rows that it would get alone."""

    def __init__(self, infer: Callable[[Tensors], Tensors], wait_s: float, max_rows: int = MAX_ROWS) -> None:
        """Nothing is asked yet.

        Args:
            infer: Answers a batch.
            wait_s: How long the first request waits for others, at most.
            max_rows: With so many there is no more waiting.
        """
        self._infer, self._wait_s, self._max_rows = infer, wait_s, max_rows
        self._changed = threading.Condition()
        self._waiting: list[tuple[Tensors, Future[Tensors]]] = []

    def infer(self, inputs: Tensors) -> Tensors:
        """The outputs for these inputs; called from as many threads as there are requests.

        Raises:
            EvaluationError: If the graph fails on them.
        """
        answer: Future[Tensors] = Future()
        with self._changed:
            first = not self._waiting
            self._waiting.append((inputs, answer))
            if first:
                self._changed.wait_for(self._full, timeout=self._wait_s)
                gathered, self._waiting = self._waiting, []
            else:
                self._changed.notify()
        if first:
            self._answer(gathered)
        return answer.result()

    def _full(self) -> bool:
        return sum(_rows(inputs) for inputs, _ in self._waiting) >= self._max_rows

    def _answer(self, gathered: list[tuple[Tensors, Future[Tensors]]]) -> None:
        names = gathered[0][0]
        try:
            outputs = self._infer({name: np.concatenate([inputs[name] for inputs, _ in gathered]) for name in names})
        except Exception as error:  # noqa: BLE001  raised again by each request that waits for it
            if len(gathered) == 1 or not isinstance(error, EvaluationError):
                for _, answer in gathered:
                    answer.set_exception(error)
                return
            for one in gathered:  # whose rows it were: the others must not fail with them
                self._answer([one])
            return
        start = 0
        for inputs, answer in gathered:
            end = start + _rows(inputs)
            answer.set_result({name: array[start:end] for name, array in outputs.items()})
            start = end


def _rows(inputs: Tensors) -> int:
    return len(next(iter(inputs.values())))
