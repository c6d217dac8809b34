"""Azure Machine Learning as an engine: a workflow rendered to a pipeline job; submit, follow, logs, cancel, fetch."""

from .pipeline import Pipeline, make_pipeline
from .text import pipeline_text, rendered_path

__all__ = ["Pipeline", "make_pipeline", "pipeline_text", "rendered_path"]
