"""The inference images: one description of them all, each upon its own pinned base.

Source of the bases: docs.nvidia.com/deeplearning/triton-inference-server/release-notes; `-igpu` is Triton for Jetson
with JetPack 6 (L4T 36). A digest pins more, and differs for each mirror: give it with `--base-image`.
"""

import shlex
from typing import Literal

from physai.infrastructure.contracts import Contract

Name = Literal["scratch", "cpu", "cuda", "l4t"]
Architecture = Literal["amd64", "arm64"]

TRITON = "nvcr.io/nvidia/tritonserver:25.06-py3"
MODELS = "/models"
ENTRY_POINT = ("tritonserver", f"--model-repository={MODELS}", "--exit-on-error=true")
PORTS = ("8000/tcp", "8001/tcp", "8002/tcp")
"""HTTP, gRPC and metrics."""
USER = "1000"
"""`triton-server` of the base."""


class Variant(Contract):
    """What an inference image stands on, and what it runs on."""

    base: str | None
    """None: the image holds the models alone, for a pod to mount beside its server."""
    architectures: tuple[Architecture, ...]
    """The first is the usual one."""
    kind: Literal["KIND_CPU", "KIND_GPU"] | None = None
    """Where Triton runs the model; None leaves it to Triton."""


VARIANTS: dict[Name, Variant] = {
    "scratch": Variant(base=None, architectures=("amd64", "arm64")),
    "cpu": Variant(base=TRITON, architectures=("amd64", "arm64"), kind="KIND_CPU"),
    "cuda": Variant(base=TRITON, architectures=("amd64", "arm64"), kind="KIND_GPU"),
    "l4t": Variant(base=f"{TRITON}-igpu", architectures=("arm64",), kind="KIND_GPU"),
}


def containerfile(base: str, labels: dict[str, str]) -> str:
    """The build description; beside it is the folder `models`."""
    entry = ", ".join(f'"{word}"' for word in ENTRY_POINT)
    return "\n".join(
        [
            "# Written by `physai training package image`. The build argument BASE takes a mirror, or a digest.",
            f"ARG BASE={base}",
            "FROM ${BASE}",
            f"COPY {MODELS.strip('/')}/ {MODELS}/",
            *(f"LABEL {name}={_quoted(value)}" for name, value in labels.items()),
            f"EXPOSE {' '.join(PORTS)}",
            f"USER {USER}",
            f"ENTRYPOINT [{entry}]",
            "CMD []",
            "",
        ]
    )


def _quoted(text: str) -> str:
    """A word in which nothing is a variable. Source: docs.docker.com, "Dockerfile reference"."""
    escaped = " ".join(text.split()).replace("\\", r"\\").replace('"', r"\"").replace("$", r"\$")
    return f'"{escaped}"'


def build_commands(context: str, tag: str, architecture: Architecture) -> dict[str, str]:
    """Who can build it → command line; ACR Tasks build in the cloud, where a base of NGC can be pulled.

    Args:
        context: Folder with the build description.
        tag: `HOST/REPOSITORY:TAG`; of an Azure registry `NAME.azurecr.io/…`.
        architecture: Of the image.
    """
    platform = f"--platform linux/{architecture}"
    context = shlex.quote(context)
    host, _, image = tag.partition("/")
    commands = {"buildah": f"buildah build {platform} --tag {tag} {context}"}
    if host.endswith(".azurecr.io"):
        name = host.removesuffix(".azurecr.io")
        commands["acr"] = f"az acr build --registry {name} --image {image} {platform} --file Containerfile {context}"
    return commands
