"""A pipeline job as a YAML file that people can read, beside the workflow that it comes from."""

from pathlib import Path

import yaml

from ...plain_yaml import PlainDumper
from .pipeline import Pipeline

HEADER = "# Rendered from ../osmo/{name} by `physai jobs render`: edit it there, then render again."


class _Dumper(PlainDumper):
    """Writes scripts as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def pipeline_text(pipeline: Pipeline, source: Path) -> str:
    """The file, with what differs from OSMO at its head."""
    lines = [HEADER.format(name=source.name)]
    lines += [f"# Datastore {store.name}: azure://{store.account}/{store.container}" for store in pipeline.datastores]
    lines += [f"# Note: {note}." for note in pipeline.notes]
    body = yaml.dump(pipeline.job, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return "\n".join(lines) + "\n" + body


def rendered_path(source: Path) -> Path:
    """`…/workflows/osmo/train.yaml` → `…/workflows/azureml/train.yaml`; elsewhere `train.azureml.yaml` beside it."""
    if source.parent.name == "osmo":
        return source.parent.parent / "azureml" / source.name
    return source.with_suffix(f".azureml{source.suffix}")
