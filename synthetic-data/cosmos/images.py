"""How the containers of the Cosmos projects are built, each from a pinned commit upon a pinned base."""

from collections.abc import Iterator

from physai.infrastructure.contracts import Contract

from ..cost import ModelInfo, models


class ImageCommands(Contract):
    """Command lines, to run in the root of this repository."""

    build: tuple[str, ...]
    """In order; the last one takes the digest that the first push prints."""
    pull: tuple[str, ...]
    """Of models that are served by an image as it is."""


def image_commands(registry: str) -> ImageCommands:
    """The commands for all models of `cosmos/models.json`.

    Args:
        registry: Where images are pushed to, e.g. `robots.azurecr.io`.
    """
    found = models().models
    built = {name: info for name, info in found.items() if info.built}
    transfer = f"{registry}/cosmos-transfer2.5"
    ours = (
        f"docker build --file synthetic-data/cosmos/Containerfile --build-arg TRANSFER={transfer}@sha256:DIGEST "
        f"--tag {registry}/physai-cosmos:{_short(found['transfer2.5'])} ."
    )
    return ImageCommands(
        build=(*(line for name, info in built.items() for line in _project(registry, name, info)), ours),
        pull=tuple(f"docker pull {info.image}" for info in found.values() if not info.built),
    )


def _project(registry: str, name: str, info: ModelInfo) -> Iterator[str]:
    """The project's own Dockerfile at its commit; `STANDALONE` has it copy its code into the image."""
    tag = f"{registry}/cosmos-{name}:{_short(info)}"
    yield (
        f"docker build --build-arg BASE_IMAGE={info.image} --build-arg STANDALONE=true "
        f"--tag {tag} {info.repository}.git#{info.commit}"
    )
    yield f"docker push {tag}"


def _short(info: ModelInfo) -> str:
    return info.commit[:7]
