from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.infrastructure.storage import BadKeyError, BadUriError, open_store
from physai.infrastructure.storage.folder import FolderStore
from physai.infrastructure.storage.keys import check_key, check_prefix
from physai.infrastructure.storage.uri import BlobLocation, FolderLocation, parse


def test_a_plain_path_and_a_file_uri_are_folders() -> None:
    assert parse("out/datasets") == FolderLocation(Path("out/datasets"))
    assert parse("file:///data/my%20sets") == FolderLocation(Path("/data/my sets"))
    assert parse("file://localhost/data") == FolderLocation(Path("/data"))


def test_both_spellings_of_a_blob_path_are_one_location() -> None:
    as_osmo = parse("azure://robots/datasets/reach/v1")
    as_azure = parse("https://robots.blob.core.windows.net/datasets/reach/v1/")
    assert as_osmo == as_azure
    assert as_osmo == BlobLocation("robots", "datasets", "reach/v1", "https://robots.blob.core.windows.net")
    assert as_osmo.uri == "azure://robots/datasets/reach/v1"


def test_other_clouds_keep_their_endpoint() -> None:
    location = parse("https://robots.blob.core.usgovcloudapi.net/datasets")
    assert isinstance(location, BlobLocation)
    assert location.endpoint == "https://robots.blob.core.usgovcloudapi.net"


def test_a_sas_token_is_kept_apart_from_what_is_shown() -> None:
    location = parse("https://robots.blob.core.windows.net/datasets/a?sv=2024&sig=SECRET")
    assert isinstance(location, BlobLocation)
    assert location.sas == "sv=2024&sig=SECRET"
    assert "SECRET" not in location.uri


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("s3://bucket/x", "unknown scheme 's3'"),
        ("http://robots.blob.core.windows.net/c/x", "unknown scheme 'http'"),
        ("https://example.org/c/x", "not the blob endpoint"),
        ("azure://Robots/datasets", "'Robots' is no account name"),
        ("azure://ab/datasets", "'ab' is no account name"),
        ("azure://robots", "'' is no container name"),
        ("azure://robots/My_Data/x", "'My_Data' is no container name"),
        ("azure://robots/a--b/x", "'a--b' is no container name"),
        ("azure://robots/ab/x", "'ab' is no container name"),
        ("file://host/data", "three slashes"),
        ("file://", "no path"),
        ("", "an empty URI"),
    ],
)
def test_a_uri_that_names_no_store_is_refused_with_the_schemes_that_are_known(uri: str, why: str) -> None:
    with pytest.raises(BadUriError, match="Known: file:///folder, a plain path, azure://") as caught:
        parse(uri)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_refused_uri_does_not_print_its_secret() -> None:
    with pytest.raises(BadUriError) as caught:
        parse("https://example.org/c/x?sig=SECRET")
    assert "SECRET" not in str(caught.value)


def test_a_path_opens_a_folder(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    assert isinstance(store, FolderStore)
    assert store.uri == (tmp_path / "store").as_uri()


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".", "a\\b", "a\nb", "a/.x.12.part"]
)
def test_a_key_that_leaves_the_store_is_refused(key: str) -> None:
    with pytest.raises(BadKeyError):
        check_key(key)


@given(st.text())
def test_a_key_that_passes_stays_inside_the_store(text: str) -> None:
    try:
        key = check_key(text)
    except BadKeyError:
        return
    root = Path("/store")
    assert (root / key).is_relative_to(root)
    assert ".." not in (root / key).parts
    assert check_prefix(f"{key}/") == key
