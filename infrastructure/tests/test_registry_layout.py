"""The registry in a folder: round trips, many writers, damage, kills and full disks."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physai.infrastructure.contracts import PolicyPackage, digest_bytes, digest_tree
from physai.infrastructure.registry import (
    ForeignLayoutError,
    NotAPackageError,
    OciLayout,
    RegistryError,
    TamperedError,
    TargetExistsError,
    UnknownReferenceError,
    WriteError,
    manifest_digest,
)
from physai.infrastructure.registry.verify import verify_package
from physai.infrastructure.tests.registry_packages import make_package
from physai.infrastructure.tests.registry_server import SKOPEO


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("packages") / "reach")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_package(tmp_path_factory.mktemp("packages") / "other", shift_rad=0.1)


def with_files(package: Path, folder: Path, files: dict[str, bytes]) -> Path:
    """A copy of a package with further files, listed as they must be."""
    shutil.copytree(package, folder)
    contract = PolicyPackage.read(folder / "package.json")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    listed = contract.files | {name: digest_bytes(content) for name, content in files.items()}
    contract.model_copy(update={"files": listed}).write(folder / "package.json")
    return folder


def blob(layout: OciLayout, digest: str) -> Path:
    return layout.root / "blobs/sha256" / digest.removeprefix("sha256:")


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(".part")]


def test_what_is_pushed_is_pulled_and_runs(tmp_path: Path, package: Path) -> None:
    layout = OciLayout(tmp_path / "registry")
    digest = layout.push(package, "reach-v1")
    assert digest == manifest_digest(package)
    for reference in (digest, "reach-v1"):
        target = layout.pull(reference, tmp_path / reference)
        assert digest_tree(target) == digest_tree(package)
        assert verify_package(target, digest).name == "reach"
    assert leftovers(tmp_path) == []


@settings(max_examples=30)
@given(files=st.dictionaries(st.from_regex(r"[a-z]{1,6}\.bin", fullmatch=True), st.binary(max_size=200), max_size=4))
def test_any_files_make_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, package: Path, files: dict[str, bytes]
) -> None:
    root = tmp_path_factory.mktemp("trip")
    folder = with_files(package, root / "package", files)
    layout = OciLayout(root / "registry")
    assert digest_tree(layout.pull(layout.push(folder), root / "pulled")) == digest_tree(folder)


def test_pushing_again_changes_no_byte(tmp_path: Path, package: Path) -> None:
    layout = OciLayout(tmp_path / "registry")
    layout.push(package, "v1")
    before = digest_tree(layout.root)
    assert layout.push(package, "v1") == layout.push(package)
    assert digest_tree(layout.root) == before


def test_a_tag_moves_and_the_digest_stays(tmp_path: Path, package: Path, other: Path) -> None:
    layout = OciLayout(tmp_path / "registry")
    first, second = layout.push(package, "latest"), layout.push(other, "latest")
    assert layout.tags() == {"latest": second}
    assert {entry.digest: entry.tags for entry in layout.entries()} == {first: (), second: ("latest",)}
    layout.push(package, "stable")
    layout.push(package, "oldest")
    assert {entry.digest: entry.tags for entry in layout.entries()} == {
        first: ("oldest", "stable"),
        second: ("latest",),
    }


def test_a_package_tells_of_itself(tmp_path: Path, package: Path) -> None:
    layout = OciLayout(tmp_path / "registry")
    artifact = layout.show(layout.push(package, "v1"))
    assert (artifact.tags, artifact.package.robot) == (("v1",), "ur10")
    assert artifact.files["policy.onnx"] == (package / "policy.onnx").stat().st_size


def test_a_damaged_blob_is_never_pulled_and_a_push_mends_it(tmp_path: Path, package: Path) -> None:
    layout = OciLayout(tmp_path / "registry")
    digest = layout.push(package)
    graph = blob(layout, PolicyPackage.read(package / "package.json").files["policy.onnx"])
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)
    with pytest.raises(TamperedError, match=r"policy\.onnx.*expected sha256.*Push the package again"):
        layout.pull(digest, tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()
    layout.push(package)
    assert verify_package(layout.pull(digest, tmp_path / "pulled"), digest)


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"{}")])
def test_a_damaged_manifest_is_never_pulled(tmp_path: Path, package: Path, damage: Callable[[Path], object]) -> None:
    layout = OciLayout(tmp_path / "registry")
    digest = layout.push(package)
    damage(blob(layout, digest))
    with pytest.raises(TamperedError):
        layout.pull(digest, tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()


def test_a_blob_that_grew_is_cut_off_at_its_size(tmp_path: Path, package: Path) -> None:
    layout = OciLayout(tmp_path / "registry")
    digest = layout.push(package)
    golden = blob(layout, PolicyPackage.read(package / "package.json").files["golden.npz"])
    golden.write_bytes(golden.read_bytes() + b"more")
    with pytest.raises(TamperedError, match="more"):
        layout.pull(digest, tmp_path / "pulled")


def test_an_unknown_reference_names_those_there_are(tmp_path: Path, package: Path) -> None:
    layout = OciLayout(tmp_path / "registry")
    with pytest.raises(UnknownReferenceError, match="It is empty"):
        layout.pull("v1", tmp_path / "pulled")
    layout.push(package, "v1")
    with pytest.raises(UnknownReferenceError, match=r"no artifact 'v2'\. Known: v1"):
        layout.pull("v2", tmp_path / "pulled")


def test_pulling_onto_itself_is_done_already_and_onto_others_refused(
    tmp_path: Path, package: Path, other: Path
) -> None:
    layout = OciLayout(tmp_path / "registry")
    digest = layout.push(package)
    target = layout.pull(digest, tmp_path / "pulled")
    assert layout.pull(digest, target) == target
    second = layout.push(other)
    with pytest.raises(TargetExistsError, match="is there already and is not"):
        layout.pull(second, target)
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers/note").write_text("mine")
    with pytest.raises(TargetExistsError):
        layout.pull(digest, tmp_path / "papers")
    assert (tmp_path / "papers/note").read_text() == "mine"


def test_what_an_earlier_pull_left_damaged_is_fetched_anew(tmp_path: Path, package: Path) -> None:
    layout = OciLayout(tmp_path / "registry")
    digest = layout.push(package)
    aside = tmp_path / f".pulled.{digest[7:19]}.part"
    aside.mkdir()
    (aside / "stray").write_text("not of this package")
    (aside / "policy.onnx").write_bytes(b"not the beginning of the graph")
    (aside / "golden.npz").write_bytes((package / "golden.npz").read_bytes() + b"too long")
    assert digest_tree(layout.pull(digest, tmp_path / "pulled")) == digest_tree(package)
    assert not aside.exists()


def test_a_package_that_is_not_what_it_lists_is_not_pushed(tmp_path: Path, package: Path) -> None:
    layout = OciLayout(tmp_path / "registry")
    folder = shutil.copytree(package, tmp_path / "package")
    (folder / "notes.txt").write_text("not listed")
    with pytest.raises(NotAPackageError, match=r"'notes\.txt' is not listed"):
        layout.push(folder)
    (folder / "notes.txt").unlink()
    (folder / "golden.npz").write_bytes(b"other")
    with pytest.raises(TamperedError, match=r"golden\.npz"):
        layout.push(folder)
    assert not layout.root.exists()


@pytest.mark.parametrize("tag", ["", "a b", "../x", "-v1", "x" * 129])
def test_a_word_that_is_no_tag_is_refused(tmp_path: Path, package: Path, tag: str) -> None:
    with pytest.raises(RegistryError, match="not a valid tag"):
        OciLayout(tmp_path / "registry").push(package, tag)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"thesis.tex": "x"}, "no oci-layout file"),
        ({"oci-layout": '{"imageLayoutVersion": "2.0.0"}'}, r"version '2\.0\.0' is not 1\.0\.0"),
        ({"oci-layout": '{"imageLayoutVersion": "1.0.0"}', "index.json": "[]"}, "not an OCI image index"),
        ({"oci-layout": '{"imageLayoutVersion": "1.0.0"}', "index.json": '{"manifests": [3]}'}, "not an OCI image"),
        ({"oci-layout": "oops"}, "no oci-layout file"),
    ],
)
def test_a_foreign_folder_is_refused(tmp_path: Path, files: dict[str, str], why: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(ForeignLayoutError, match=why):
        OciLayout(tmp_path)


def test_a_file_is_no_layout(tmp_path: Path) -> None:
    (tmp_path / "registry").write_text("x")
    with pytest.raises(ForeignLayoutError):
        OciLayout(tmp_path / "registry")


def test_images_of_others_stay_in_the_index(tmp_path: Path, package: Path) -> None:
    layout = OciLayout(tmp_path / "registry")
    layout.push(package)
    index = json.loads((layout.root / "index.json").read_text())
    foreign = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": "sha512:" + "0" * 128,
        "size": 1,
        "platform": {"architecture": "arm64", "os": "linux"},
    }
    index["manifests"].append(foreign)
    (layout.root / "index.json").write_text(json.dumps(index))
    layout.push(package, "v1")
    assert foreign in json.loads((layout.root / "index.json").read_text())["manifests"]
    assert len(layout.entries()) == 1


def test_many_push_and_pull_at_once(tmp_path: Path, package: Path) -> None:
    folders = [with_files(package, tmp_path / f"p{i}", {"extra.bin": bytes([i])}) for i in range(8)]

    def trip(i: int) -> str:
        layout = OciLayout(tmp_path / "registry")
        digest = layout.push(folders[i % 8], f"tag-{i}")
        layout.pull(digest, tmp_path / f"pulled-{i % 8}")
        return digest

    with ThreadPoolExecutor(16) as pool:
        digests = list(pool.map(trip, range(24)))
    layout = OciLayout(tmp_path / "registry")
    assert layout.tags() == {f"tag-{i}": digests[i] for i in range(24)}
    assert {entry.digest for entry in layout.entries()} == set(digests)
    for i in range(8):
        assert manifest_digest(tmp_path / f"pulled-{i}") == digests[i]
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("what", ["push", "pull"])
def test_a_kill_at_any_moment_leaves_nothing_that_looks_whole(tmp_path: Path, package: Path, what: str) -> None:
    script = Path(__file__).with_name("registry_crash.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), what, str(package), str(tmp_path)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 8, "the process was killed at several different steps"


@pytest.mark.parametrize("what", ["push", "pull"])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, package: Path, what: str) -> None:
    layout = OciLayout(tmp_path / "registry")
    folder = with_files(package, tmp_path / "package", {"big.bin": bytes(1 << 20)})
    if what == "pull":
        layout.push(folder)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, before[1]))  # no file may grow beyond half a megabyte
    try:
        with pytest.raises(WriteError, match=r"cannot be written: File too large\. Free space") as error:
            layout.push(folder) if what == "push" else layout.pull(manifest_digest(folder), tmp_path / "pulled")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "pulled").exists()
    if what == "push":
        assert layout.entries() == ()
        assert leftovers(layout.root) == []
    layout.push(folder)
    assert manifest_digest(layout.pull(manifest_digest(folder), tmp_path / "pulled")) == manifest_digest(folder)


@pytest.mark.skipif(SKOPEO is None, reason="skopeo is not installed")
def test_skopeo_reads_the_layout_and_copies_every_blob(tmp_path: Path, package: Path) -> None:
    layout = OciLayout(tmp_path / "registry")
    digest = layout.push(package, "v1")
    assert SKOPEO is not None
    source, copy = f"oci:{layout.root}:v1", tmp_path / "copy"
    raw = subprocess.run([SKOPEO, "inspect", "--raw", source], capture_output=True, check=True).stdout
    assert digest_bytes(raw) == digest
    subprocess.run([SKOPEO, "copy", "--quiet", source, f"oci:{copy}:v1"], capture_output=True, check=True)
    assert OciLayout(copy).tags() == {"v1": digest}
    assert digest_tree(OciLayout(copy).pull("v1", tmp_path / "pulled")) == digest_tree(package)
