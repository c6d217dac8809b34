"""The blob store against Azurite, Microsoft's own emulator of Azure Storage."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.identity import CredentialUnavailableError
from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    generate_container_sas,
)

from physai.infrastructure.contracts import digest_bytes, digest_file
from physai.infrastructure.storage import (
    AccessError,
    DamagedError,
    Link,
    MissingContainerError,
    MissingKeyError,
    UnreachableError,
    credentials,
    open_store,
)
from physai.infrastructure.storage import blob_upload as blob_upload_module
from physai.infrastructure.storage.blob import BlobStore
from physai.infrastructure.storage.blob_upload import plan, upload
from physai.infrastructure.storage.concurrent import each
from physai.infrastructure.storage.credentials import CONNECTION_STRING, connection_account
from physai.infrastructure.storage.errors import BadUriError, ChangedError, TakenKeyError
from physai.infrastructure.storage.uri import BlobLocation
from physai.infrastructure.tests.storage_azurite import ACCOUNT, KEY, azurite, connection_string

pytestmark = pytest.mark.azurite


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azurite(tmp_path_factory.mktemp("azurite")) as found:
        yield found


@pytest.fixture
def connection(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    text = connection_string(endpoint)
    monkeypatch.setenv(CONNECTION_STRING, text)
    return text


@pytest.fixture
def container(connection: str, request: pytest.FixtureRequest) -> Iterator[ContainerClient]:
    name = f"t{abs(hash(request.node.nodeid))}"
    with BlobServiceClient.from_connection_string(connection) as service:
        with service.create_container(name) as client:
            yield client
        service.delete_container(name)


@pytest.fixture
def store(container: ContainerClient) -> BlobStore:
    opened = open_store(f"azure://{ACCOUNT}/{container.container_name}/deep/path")
    assert isinstance(opened, BlobStore)
    return opened


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_what_is_put_comes_back_with_its_digest(store: BlobStore, container: ContainerClient, tmp_path: Path) -> None:
    digest = store.put(write(tmp_path / "a", b"abc"), "reach/ä b.json")
    assert digest == digest_bytes(b"abc")
    assert [blob.name for blob in container.list_blobs()] == ["deep/path/reach/ä b.json"]
    assert container.get_blob_client("deep/path/reach/ä b.json").get_blob_properties().metadata["sha256"] == digest[7:]
    assert store.get("reach/ä b.json", tmp_path / "b") == digest
    assert (tmp_path / "b").read_bytes() == b"abc"
    assert store.digest("reach/ä b.json") == digest
    assert store.exists("reach/ä b.json")
    store.delete("reach/ä b.json")
    store.delete("reach/ä b.json")
    assert not store.exists("reach/ä b.json")


def test_an_empty_file_makes_the_round_trip(store: BlobStore, tmp_path: Path) -> None:
    store.put(write(tmp_path / "empty", b""), "empty")
    store.get("empty", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b""


def test_a_large_file_is_uploaded_in_blocks_and_comes_back(
    store: BlobStore, container: ContainerClient, tmp_path: Path
) -> None:
    content = os.urandom(20 << 20)
    digest = store.put(write(tmp_path / "large", content), "large")
    committed, _ = container.get_blob_client("deep/path/large").get_block_list("committed")
    assert [block.size for block in committed] == [8 << 20, 8 << 20, 4 << 20]
    assert store.get("large", tmp_path / "back") == digest == digest_file(tmp_path / "back")


def test_equal_bytes_are_not_uploaded_again(store: BlobStore, container: ContainerClient, tmp_path: Path) -> None:
    store.put(write(tmp_path / "a", b"abc"), "a")
    before = container.get_blob_client("deep/path/a").get_blob_properties().etag
    store.put(tmp_path / "a", "a")
    assert container.get_blob_client("deep/path/a").get_blob_properties().etag == before
    store.put(write(tmp_path / "a", b"abd"), "a")
    assert container.get_blob_client("deep/path/a").get_blob_properties().etag != before


KILLED = """
import os, signal, sys
from pathlib import Path
from azure.storage.blob import BlobClient
from physai.infrastructure.storage import Link
from physai.infrastructure.storage.blob_upload import upload
staged = 0
stage_block = BlobClient.stage_block
def stage_then_die(self, *args, **kwargs):
    global staged
    result = stage_block(self, *args, **kwargs)
    staged += 1
    if staged == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
BlobClient.stage_block = stage_then_die
upload(Path(sys.argv[1]), BlobClient.from_connection_string(sys.argv[2], sys.argv[3], "f"), Link(block_bytes=100_000))
"""


def test_a_killed_upload_shows_nothing_and_the_next_one_stages_only_the_rest(
    container: ContainerClient, connection: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "f", os.urandom(1_050_000))  # ten blocks of 100,000 bytes and one of 50,000
    command = [sys.executable, "-c", KILLED, str(path), connection, container.container_name]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert list(container.list_blobs()) == []
    blob = container.get_blob_client("f")
    left = len(blob.get_block_list("uncommitted")[1])
    assert 3 <= left < 11

    staged: list[str] = []
    stage_block = type(blob).stage_block

    def count(self: object, block_id: str, *args: object, **kwargs: object) -> object:
        staged.append(block_id)
        return stage_block(self, block_id, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(type(blob), "stage_block", count)
    digest = upload(path, blob, Link(block_bytes=100_000))
    assert len(staged) == 11 - left
    assert digest_bytes(blob.download_blob().readall()) == digest == digest_file(path)


def test_a_file_that_changes_during_its_upload_is_refused(
    container: ContainerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "f", b"a" * 250_000)

    def plan_then_write(source: Path, block_bytes: int) -> object:
        planned = plan(source, block_bytes)
        write(source, b"b" * 250_000)
        return planned

    monkeypatch.setattr(blob_upload_module, "plan", plan_then_write)
    for block_bytes in (100_000, 300_000):
        with pytest.raises(ChangedError, match="changed while it was read"):
            upload(path, container.get_blob_client("f"), Link(block_bytes=block_bytes))
        write(path, b"a" * 250_000)
    assert list(container.list_blobs()) == []


def test_a_download_goes_on_where_it_stopped(
    store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, container: ContainerClient
) -> None:
    content = os.urandom(300_000)
    digest = store.put(write(tmp_path / "a", content), "a")
    write(tmp_path / f".b.{digest[7:23]}.part", content[:200_000])
    offsets: list[object] = []
    client = type(container.get_blob_client("a"))
    download_blob = client.download_blob

    def watch(self: object, *args: object, **kwargs: object) -> object:
        offsets.append(kwargs["offset"])
        return download_blob(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(client, "download_blob", watch)
    store.get("a", tmp_path / "b")
    assert offsets == [200_000]
    assert (tmp_path / "b").read_bytes() == content


def test_bytes_that_do_not_match_their_digest_are_refused(
    store: BlobStore, container: ContainerClient, tmp_path: Path
) -> None:
    blob = container.get_blob_client("deep/path/a")
    blob.upload_blob(b"tampered", metadata={"sha256": digest_bytes(b"original")[7:]})
    with pytest.raises(DamagedError, match="damaged or replaced"):
        store.get("a", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_blob_of_another_tool_has_no_digest_until_it_is_read(
    store: BlobStore, container: ContainerClient, tmp_path: Path
) -> None:
    container.upload_blob("deep/path/foreign", b"abc")
    container.upload_blob("deep/path/folder", b"", metadata={"hdi_isfolder": "true"})
    assert [(stored.key, stored.digest) for stored in store.list()] == [("foreign", None)]
    assert store.digest("foreign") == digest_bytes(b"abc")
    assert store.get("foreign", tmp_path / "f") == digest_bytes(b"abc")
    assert store.sync_down("", tmp_path).transferred == ("foreign",)
    assert store.sync_down("", tmp_path).unchanged == 1


def test_a_prefix_is_a_folder_and_not_the_start_of_a_name(
    store: BlobStore, container: ContainerClient, tmp_path: Path
) -> None:
    for key in ("lap-1/a", "lap-1/b/c", "lap-10/a", "top"):
        store.put(write(tmp_path / "a", key.encode()), key)
    container.upload_blob("deep/path-2/x", b"")
    assert [stored.key for stored in store.list("lap-1/")] == ["lap-1/a", "lap-1/b/c"]
    assert [stored.key for stored in store.list()] == ["lap-1/a", "lap-1/b/c", "lap-10/a", "top"]
    whole = open_store(f"azure://{ACCOUNT}/{container.container_name}")
    assert [stored.key for stored in whole.list("deep/path-2")] == ["deep/path-2/x"]


def test_a_sync_goes_up_and_down_and_copies_only_what_differs(store: BlobStore, tmp_path: Path) -> None:
    for index in range(30):
        write(tmp_path / "set" / f"{index % 3}" / f"{index:02}", f"{index}".encode())
    assert len(store.sync_up(tmp_path / "set", "reach").transferred) == 30
    write(tmp_path / "set" / "0" / "00", b"x")  # one byte, as before
    again = store.sync_up(tmp_path / "set", "reach")
    assert (again.transferred, again.unchanged) == (("0/00",), 29)
    down = store.sync_down("reach", tmp_path / "copy")
    assert (len(down.transferred), down.unchanged, down.size_bytes) == (30, 0, 10 + 2 * 20)
    assert (tmp_path / "copy" / "0" / "00").read_bytes() == b"x"
    assert store.sync_down("reach", tmp_path / "copy").unchanged == 30


def test_a_missing_container_is_named(connection: str, tmp_path: Path) -> None:
    missing = open_store(f"azure://{ACCOUNT}/nowhere/x")
    for attempt in (
        lambda: missing.put(write(tmp_path / "a", b"abc"), "a"),
        lambda: missing.get("a", tmp_path / "b"),
        lambda: missing.list(),
    ):
        with pytest.raises(MissingContainerError, match=r"no container 'nowhere'\. Create it with `az storage"):
            attempt()


def test_a_missing_blob_is_named(store: BlobStore, tmp_path: Path) -> None:
    for attempt in (lambda: store.get("a", tmp_path / "b"), lambda: store.digest("a")):
        with pytest.raises(MissingKeyError, match="no file 'a'"):
            attempt()
    with pytest.raises(MissingKeyError):
        store.sync_down("nothing", tmp_path)


def sas_store(container: ContainerClient, endpoint: str, *, write_too: bool) -> BlobStore:
    sas = generate_container_sas(
        ACCOUNT,
        container.container_name,
        account_key=KEY,
        permission=ContainerSasPermissions(read=True, list=True, write=write_too),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    return BlobStore(BlobLocation(ACCOUNT, container.container_name, "deep/path", endpoint, sas))


def test_a_sas_token_lets_in_as_far_as_it_goes(
    store: BlobStore, container: ContainerClient, endpoint: str, tmp_path: Path
) -> None:
    write(tmp_path / "a", b"abc")
    reader = sas_store(container, endpoint, write_too=False)
    with pytest.raises(AccessError, match="no permission") as caught:
        reader.put(tmp_path / "a", "a")
    assert "sig=" not in str(caught.value)
    assert "\n" not in str(caught.value)
    sas_store(container, endpoint, write_too=True).put(tmp_path / "a", "a")
    assert reader.get("a", tmp_path / "b") == digest_bytes(b"abc")


def test_a_wrong_key_is_no_permission(
    container: ContainerClient, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONNECTION_STRING, connection.replace(KEY, "AAAA" + KEY[4:]))
    with pytest.raises(AccessError, match="no permission"):
        open_store(f"azure://{ACCOUNT}/{container.container_name}").list()


def test_an_account_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{probe.getsockname()[1]}/{ACCOUNT}"
    location = BlobLocation(ACCOUNT, "container", "", closed)
    client = ContainerClient(closed, "container", credential=KEY, retry_total=0)
    with pytest.raises(UnreachableError, match="no answer") as caught:
        BlobStore(location, client).list()
    assert "\n" not in str(caught.value)


class Identity:
    """An identity of Azure, as `azure.core.credentials.TokenCredential` has it."""

    def __init__(self, token: AccessToken | None) -> None:
        self.token = token

    def get_token(self, *scopes: str, **_kwargs: object) -> AccessToken:
        if self.token is None:
            raise CredentialUnavailableError("tried this\nand that")
        return self.token


def test_without_any_credential_the_ways_to_get_one_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONNECTION_STRING, raising=False)
    monkeypatch.setattr(credentials, "azure_identity", lambda: Identity(None))
    with pytest.raises(AccessError, match="no Azure credential was found") as caught:
        open_store("azure://robots/datasets")
    assert "az login" in str(caught.value)
    assert CONNECTION_STRING in str(caught.value)


def test_a_connection_string_serves_only_the_account_it_names(connection: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "azure_identity", lambda: Identity(AccessToken("token", 2**31)))
    assert connection_account(connection) == ACCOUNT
    assert connection_account("BlobEndpoint=https://robots.blob.core.windows.net;SharedAccessSignature=x") == "robots"
    with pytest.raises(BadUriError, match="no connection string"):
        connection_account("nonsense")
    other = open_store("azure://another/container")
    assert isinstance(other, BlobStore)
    assert urlsplit(other._container.url).hostname == "another.blob.core.windows.net"


def test_azure_checks_the_md5_of_a_block(container: ContainerClient) -> None:
    """The emulator checks as Azure does: what this store relies on."""
    blob = container.get_blob_client("x")
    with pytest.raises(HttpResponseError) as caught:
        blob.stage_block("AAAA", b"abc", validate_content=False, headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="})
    assert caught.value.status_code == 400


def test_a_blob_is_created_once_and_never_replaced(store: BlobStore) -> None:
    assert store.create("said/a.json", b"one") == store.create("said/a.json", b"one") == digest_bytes(b"one")
    with pytest.raises(TakenKeyError, match=r"'said/a\.json' is there already"):
        store.create("said/a.json", b"two")
    assert b"".join(store.read("said/a.json")) == b"one"

    def write(number: int) -> bool:
        try:
            store.create("said/b.json", str(number).encode())
        except TakenKeyError:
            return False
        return True

    assert sorted(each(write, range(12), 6)) == [False] * 11 + [True]
