"""Registries that several files test alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from physai.infrastructure.registry import OciLayout, Registry, open_registry
from physai.infrastructure.tests.registry_server import SERVER, serving


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a running registry. Each test has a repository of its own in it."""
    if SERVER is None:
        pytest.skip("docker-registry is not installed")
    with serving(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture(params=["layout", pytest.param("server", marks=pytest.mark.registry)])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    """An empty one: a folder, and a repository on the network."""
    if request.param == "layout":
        return OciLayout(tmp_path / "registry")
    return open_registry(f"{request.getfixturevalue('host')}/policies/{tmp_path.name.lower().replace('_', '-')}")
