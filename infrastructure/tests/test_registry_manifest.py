"""The manifest of a package: one folder, one digest."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from physai.infrastructure.errors import MissingFileError
from physai.infrastructure.registry import Manifest, NotAPackageError, TamperedError, manifest_digest
from physai.infrastructure.registry.manifest import EMPTY_CONFIG, TITLE, Descriptor, describe

EMPTY_SHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # printf '' | sha256sum
BRACES_SHA = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # printf '{}' | sha256sum

names = st.from_regex(r"[a-z0-9_]{1,8}(\.(onnx|npz|bin))?", fullmatch=True)
folders: SearchStrategy[dict[str, bytes]] = st.dictionaries(names, st.binary(max_size=64), max_size=5)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def layer(title: str) -> Descriptor:
    return Descriptor(
        media_type="text/plain", digest=f"sha256:{EMPTY_SHA}", size=0, annotations={} if not title else {TITLE: title}
    )


def test_the_manifest_is_the_one_that_the_specification_describes(tmp_path: Path) -> None:
    folder = write(tmp_path / "package", {"package.json": b"{}", "model/a.onnx": b""})
    by_hand = (
        '{"artifactType":"application/vnd.physai.policy-package.v1",'
        f'"config":{{"digest":"sha256:{BRACES_SHA}","mediaType":"application/vnd.oci.empty.v1+json","size":2}},'
        '"layers":['
        '{"annotations":{"org.opencontainers.image.title":"model/a.onnx"},'
        f'"digest":"sha256:{EMPTY_SHA}","mediaType":"application/vnd.onnx","size":0}},'
        '{"annotations":{"org.opencontainers.image.title":"package.json"},'
        f'"digest":"sha256:{BRACES_SHA}","mediaType":"application/json","size":2}}'
        '],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}'
    )
    assert describe(folder).raw.decode() == by_hand
    assert manifest_digest(folder) == f"sha256:{hashlib.sha256(by_hand.encode()).hexdigest()}"


@given(files=folders)
def test_neither_order_nor_times_of_files_count(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    root = tmp_path_factory.mktemp("order")
    content = files | {"package.json": b"{}"}
    first = write(root / "first", content)
    second = write(root / "second", dict(reversed(content.items())))
    for path in second.iterdir():
        os.utime(path, (0, 0))
    assert manifest_digest(first) == manifest_digest(second)


@given(files=folders.filter(bool), data=st.data())
def test_every_bit_counts(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], data: st.DataObject
) -> None:
    folder = write(tmp_path_factory.mktemp("bit") / "package", files | {"package.json": b"{}"})
    before = manifest_digest(folder)
    path = folder / data.draw(st.sampled_from(sorted(files)))
    content = bytearray(path.read_bytes() or b"\0")
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    assert manifest_digest(folder) != before


@given(files=folders)
def test_a_manifest_survives_its_bytes(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    folder = write(tmp_path_factory.mktemp("bytes") / "package", files | {"package.json": b"{}"})
    manifest = describe(folder)
    assert Manifest.parse("here", manifest.raw, manifest_digest(folder)) == manifest


def test_a_folder_without_package_json_is_no_package(tmp_path: Path) -> None:
    with pytest.raises(NotAPackageError, match=r"no package\.json.*training package build"):
        manifest_digest(write(tmp_path / "package", {"policy.onnx": b"x"}))


def test_a_missing_folder_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no policy package here"):
        manifest_digest(tmp_path / "nothing")


def test_a_link_is_refused_since_its_target_would_not_travel(tmp_path: Path) -> None:
    folder = write(tmp_path / "package", {"package.json": b"{}"})
    (folder / "policy.onnx").symlink_to("/etc/hostname")
    with pytest.raises(NotAPackageError, match=r"'policy\.onnx' is no plain file"):
        manifest_digest(folder)


def test_a_manifest_with_other_bytes_is_tampered_with(tmp_path: Path) -> None:
    manifest = describe(write(tmp_path / "package", {"package.json": b"{}"}))
    with pytest.raises(TamperedError, match=r"expected sha256:0{64}"):
        Manifest.parse("here", manifest.raw, "sha256:" + "0" * 64)


@pytest.mark.parametrize("title", ["../escape", "/etc/passwd", "a/../b", "a//b", ".", ""])
def test_a_file_name_cannot_leave_the_folder(title: str) -> None:
    fields = json.loads(Manifest(config=EMPTY_CONFIG, layers=(layer("package.json"), layer("x"))).raw)
    fields["layers"][1]["annotations"] = {TITLE: title}
    with pytest.raises(NotAPackageError, match="here: not a policy package"):
        parse(fields)


@pytest.mark.parametrize(
    ("titles", "why"),
    [
        (("package.json", "package.json"), "two files have the same name"),
        (("package.json", "a", "a/b"), "two files have the same name"),
        (("policy.onnx",), r"no package\.json"),
        (("package.json", ""), "has no file name"),
    ],
)
def test_file_names_must_make_a_folder(titles: tuple[str, ...], why: str) -> None:
    manifest = Manifest(config=EMPTY_CONFIG, layers=tuple(layer(title) for title in titles))
    with pytest.raises(NotAPackageError, match=why):
        parse(json.loads(manifest.raw))


def test_an_image_is_no_policy_package() -> None:
    fields = json.loads(Manifest(config=EMPTY_CONFIG, layers=(layer("package.json"),)).raw)
    fields["artifactType"] = "application/vnd.oci.image.config.v1+json"
    with pytest.raises(NotAPackageError, match="artifactType"):
        parse(fields)


def parse(fields: object) -> Manifest:
    raw = json.dumps(fields).encode()
    return Manifest.parse("here", raw, f"sha256:{hashlib.sha256(raw).hexdigest()}")
