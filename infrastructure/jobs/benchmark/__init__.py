"""What the engine, the checks and the stores cost, each beside the plain way of doing the same."""

from ...benchmark import Row
from .engine import measure_many, measure_overhead, measure_planning
from .storage import measure_large, measure_small
from .validation import measure_validation

ROWS = (
    Row("overhead", measure_overhead),
    Row("many", measure_many),
    Row("planning", measure_planning),
    Row("validation", measure_validation),
    Row("storage-large", measure_large),
    Row("storage-small", measure_small),
)
"""In the order in which they are measured."""
VERSIONS = ("azure-ai-ml", "azure-storage-blob", "jinja2", "pydantic", "pyyaml")
