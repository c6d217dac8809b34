"""A package names the terms of its parts as their owners state them, and nothing where they state none."""

import json
from pathlib import Path

import pytest

from physai.infrastructure.contracts import LicensedPart, PolicyPackage
from physai.training import licences
from physai.training.benchmark.actor_runs import write_run
from physai.training.errors import CardError, LicenceError
from physai.training.packaging.actors import build
from physai.training.packaging.sbom import make_sbom

pytestmark = pytest.mark.filterwarnings("ignore")  # inside PyTorch's exporter


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small actor of skrl with random weights."""
    folder = tmp_path_factory.mktemp("licences")
    build(write_run(folder / "run", "skrl MLP 2x32"), folder / "package", licence="cc-by-4.0")
    return folder / "package"


def test_a_package_names_the_licences_of_its_parts(package: Path) -> None:
    assert PolicyPackage.read(package / "package.json").licences == (
        LicensedPart(part="policy", name="isaac-seven-skrl", licence="CC-BY-4.0"),
        LicensedPart(part="code", name="physai-training", licence="MIT"),
        LicensedPart(part="code", name="isaaclab", licence="BSD-3-Clause"),
        LicensedPart(part="code", name="skrl", licence="MIT"),
    )


def test_the_bill_of_materials_states_them_too(package: Path) -> None:
    bill = json.loads(make_sbom(package))
    assert bill["metadata"]["component"]["licenses"] == [{"license": {"id": "CC-BY-4.0"}}]
    stated = {part["name"]: part.get("licenses") for part in bill["components"]}
    assert stated["lerobot"] == [{"license": {"id": "Apache-2.0"}}]


def test_a_licence_that_is_none_is_refused(package: Path, tmp_path: Path) -> None:
    with pytest.raises(LicenceError, match=r"licence 'free beer' is no SPDX expression\. Write for example MIT"):
        build(package.parent / "run", tmp_path / "package", licence="free beer")
    assert not (tmp_path / "package").exists()


def test_a_package_without_licences_is_still_read(package: Path, tmp_path: Path) -> None:
    contract = json.loads((package / "package.json").read_text())
    del contract["licences"]
    (tmp_path / "package.json").write_text(json.dumps(contract))
    assert PolicyPackage.read(tmp_path / "package.json").licences == ()


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\n---\n", "Apache-2.0"),
        ("---\nlicense: [mit, cc-by-4.0]\n---\n", "MIT AND CC-BY-4.0"),
        ("---\nlicense: other\nlicense_name: Robot Data v2\n---\n", "LicenseRef-Robot-Data-v2"),
        ("---\nlicense: unknown\n---\n", "NOASSERTION"),
        ("---\nlicense: 4.0\n---\n", "NOASSERTION"),
        ("# Reaching\n", "NOASSERTION"),
        (None, "NOASSERTION"),
    ],
)
def test_data_is_under_what_its_card_says(tmp_path: Path, card: str | None, licence: str) -> None:
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert licences.of_dataset(tmp_path, "sha256:0").licence == licence
    assert licences.of_checkpoint(tmp_path, "sha256:0").part == "weights"


@pytest.mark.parametrize("head", [b"license: [mit", b"- mit", b"license: \xff"])
def test_a_card_that_cannot_be_read_is_named(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "README.md").write_bytes(b"---\n" + head + b"\n---\n")
    with pytest.raises(CardError, match=r"README\.md: its head is no card of Hugging Face \(.*\)\. Mend the YAML"):
        licences.of_dataset(tmp_path, "sha256:0")


@pytest.mark.parametrize(
    ("of", "licence"), [("lerobot", "Apache-2.0"), ("rsl-rl-lib", "BSD-3-Clause"), ("torch", "BSD-3-Clause")]
)
def test_code_is_under_what_its_metadata_says(of: str, licence: str) -> None:
    assert licences.of_code(of) == (LicensedPart(part="code", name=of, licence=licence),)
