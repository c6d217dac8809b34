"""What the policy host tells Prometheus of itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..errors import EvaluationError, RequestError

BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class HostMetrics:
    """Counts and times inferences by model; a registry of its own, so that two hosts do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "physai_inference_requests", "Inferences, by how they ended.", ["model", "outcome"], registry=self.registry
        )
        self._rows = Counter(
            "physai_inference_rows", "Observations that were answered.", ["model"], registry=self.registry
        )
        self._seconds = Histogram(
            "physai_inference_seconds",
            "Time in the policy's graph.",
            ["model"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._served = Gauge(
            "physai_served_package", "1 for each package served.", ["model", "digest"], registry=self.registry
        )

    def serve(self, model: str, digest: str) -> None:
        """A package is served under this name."""
        self._served.labels(model, digest).set(1)

    @contextmanager
    def inference(self, model: str) -> Iterator[None]:
        """Count one inference by how the block ends."""
        try:
            yield
        except RequestError:
            self._requests.labels(model, "refused").inc()
            raise
        except EvaluationError:
            self._requests.labels(model, "failed").inc()
            raise
        self._requests.labels(model, "answered").inc()

    @contextmanager
    def graph(self, model: str, rows: int) -> Iterator[None]:
        """Time the policy itself."""
        with self._seconds.labels(model).time():
            yield
        self._rows.labels(model).inc(rows)

    def text(self) -> bytes:
        """In Prometheus's text format."""
        return generate_latest(self.registry)
