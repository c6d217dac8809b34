"""A registry on the network, over the OCI distribution API: Azure Container Registry, Docker's registry, Zot, Harbor.

Source: github.com/opencontainers/distribution-spec v1.1, spec.md.
"""

import re
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import override
from urllib.parse import urljoin

import httpx

from ..contracts import Digest, digest_bytes
from .auth import RegistryAuth
from .errors import RegistryError, TamperedError, UnknownReferenceError, UnreachableError
from .manifest import INDEX_TYPE, MANIFEST_TYPE, Descriptor
from .referrers import Referrer, read_index, with_line
from .store import Entry, Registry
from .tags import check_tag, is_attached_tag, is_digest, referrers_tag, signature_tag

BLOCK = 1 << 20  # bytes
MANIFEST_LIMIT = 4 << 20  # bytes; the size that the specification asks registries to accept
TIMEOUT_S = 30.0
RETRIES = 3  # of a download that broke off, each from where it stopped
PLACE = re.compile(r"[A-Za-z0-9.\-:\[\]]+(/[a-z0-9]+([._-]+[a-z0-9]+)*)+")  # Source: the same, "Pulling manifests"
LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?")


class OciRegistry(Registry):
    """One repository of a registry, e.g. `fleet.azurecr.io/policies`. Loopback hosts are spoken to without TLS."""

    def __init__(self, host: str, repository: str, transport: httpx.BaseTransport | None = None) -> None:
        """Prepare to speak to a registry; nothing is sent yet.

        Args:
            host: `host` or `host:port`.
            repository: Path of the repository.
            transport: Another way to send requests than the network.

        Raises:
            RegistryError: If that is no name of a repository.
        """
        self.host = host
        self.name = f"{host}/{repository}"
        if not PLACE.fullmatch(self.name):
            raise RegistryError(
                f"{self.name}: not the name of a repository. Write it as host[:port]/path, in lower case."
            )
        scheme = "http" if LOOPBACK.fullmatch(host) else "https"
        self._client = httpx.Client(
            base_url=f"{scheme}://{host}/v2/{repository}/",
            auth=RegistryAuth(host),
            transport=transport,
            timeout=TIMEOUT_S,
            follow_redirects=True,
        )
        weakref.finalize(self, self._client.close)

    @override
    def resolve(self, reference: str) -> Digest:
        accept = {"Accept": MANIFEST_TYPE}
        answer = self._send("GET", f"manifests/{_plain(reference)}", headers=accept, expect=(200, 404))
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise UnknownReferenceError(self.name, reference, sorted(self.tags()))
        digest = digest_bytes(answer.content)
        if is_digest(reference) and digest != reference:
            raise TamperedError(f"{self.name} manifest", reference, digest)
        return digest

    @override
    def tags(self) -> dict[str, Digest]:
        found = {}
        page: str | None = "tags/list"
        while page:
            answer = self._send("GET", page, expect=(200, 404))
            for tag in self._tags_of(answer) if answer.is_success else []:
                head = self._send("GET", f"manifests/{tag}", headers={"Accept": MANIFEST_TYPE}, expect=(200, 404))
                if head.is_success:
                    found[tag] = digest_bytes(head.content)
            page = str(answer.url.join(answer.links["next"]["url"])) if "next" in answer.links else None
        return found

    def _tags_of(self, answer: httpx.Response) -> list[str]:
        try:
            tags = [check_tag(str(tag)) for tag in answer.json()["tags"] or []]
            return [tag for tag in tags if not is_attached_tag(tag)]
        except (ValueError, KeyError, TypeError) as error:
            raise self._no_registry(answer) from error

    @override
    def entries(self) -> tuple[Entry, ...]:
        """Tagged artifacts; the API does not list the others, though they can be pulled by digest."""
        found: dict[Digest, list[str]] = {}
        for tag, digest in self.tags().items():
            found.setdefault(digest, []).append(tag)
        return tuple(Entry(digest=digest, tags=tuple(sorted(tags))) for digest, tags in found.items())

    @override
    def _put_file(self, blob: Descriptor, path: Path) -> None:
        if location := self._begin_upload(blob):
            with path.open("rb") as file:
                self._finish_upload(blob, location, iter(lambda: file.read(BLOCK), b""))

    @override
    def _put_bytes(self, blob: Descriptor, content: bytes) -> None:
        if location := self._begin_upload(blob):
            self._finish_upload(blob, location, iter([content]))

    def _begin_upload(self, blob: Descriptor) -> str | None:
        """Where to send a blob to, or None if it is there already."""
        if self._send("HEAD", f"blobs/{blob.digest}", expect=(200, 404)).is_success:
            return None
        answer = self._send("POST", "blobs/uploads/", expect=(202,))
        if "Location" not in answer.headers:
            raise self._no_registry(answer)
        return urljoin(str(answer.url), answer.headers["Location"])

    def _finish_upload(self, blob: Descriptor, location: str, content: Iterator[bytes]) -> None:
        headers = {"Content-Length": str(blob.size), "Content-Type": "application/octet-stream"}
        url = httpx.URL(location).copy_merge_params({"digest": blob.digest})
        self._send("PUT", str(url), headers=headers, content=content, expect=(201,))

    @override
    def _put_manifest(self, raw: bytes, tag: str | None) -> Digest:
        digest = digest_bytes(raw)
        for reference in (digest, tag):
            if reference is not None:
                self._send(
                    "PUT",
                    f"manifests/{_plain(reference)}",
                    headers={"Content-Type": MANIFEST_TYPE},
                    content=raw,
                    expect=(201,),
                )
        return digest

    @override
    def _put_signature_manifest(self, raw: bytes, tag: str) -> None:
        self._send("PUT", f"manifests/{tag}", headers={"Content-Type": MANIFEST_TYPE}, content=raw, expect=(201,))

    @override
    def get_signatures(self, digest: Digest) -> bytes | None:
        place = f"manifests/{signature_tag(digest)}"
        answer = self._send("GET", place, headers={"Accept": MANIFEST_TYPE}, expect=(200, 404))
        return answer.content if answer.is_success else None

    @override
    def referrers(self, digest: Digest) -> tuple[Referrer, ...]:
        found: list[Referrer] = []
        page: str | None = f"referrers/{digest}"
        while page:
            answer = self._send("GET", page, headers={"Accept": INDEX_TYPE}, expect=(200, 404))
            if not answer.is_success:
                return self._tagged_referrers(digest)
            found += read_index(f"{self.name} referrers of {digest}", answer.content)
            page = str(answer.url.join(answer.links["next"]["url"])) if "next" in answer.links else None
        return tuple(found)

    def _tagged_referrers(self, digest: Digest) -> tuple[Referrer, ...]:
        """Of a registry that has no referrers API."""
        place = f"manifests/{referrers_tag(digest)}"
        answer = self._send("GET", place, headers={"Accept": INDEX_TYPE}, expect=(200, 404))
        return read_index(f"{self.name} {place}", answer.content) if answer.is_success else ()

    @override
    def _put_attachment(self, raw: bytes, subject: Digest, line: Referrer) -> None:
        answer = self._send(
            "PUT", f"manifests/{line.digest}", headers={"Content-Type": MANIFEST_TYPE}, content=raw, expect=(201,)
        )
        if "OCI-Subject" in answer.headers:  # the registry keeps the list itself
            return
        index = with_line(self._tagged_referrers(subject), line)
        place = f"manifests/{referrers_tag(subject)}"
        self._send("PUT", place, headers={"Content-Type": INDEX_TYPE}, content=index, expect=(201,))

    @override
    def _get_manifest(self, digest: Digest) -> bytes:
        answer = self._send("GET", f"manifests/{digest}", headers={"Accept": MANIFEST_TYPE}, expect=(200, 404))
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise UnknownReferenceError(self.name, digest, sorted(self.tags()))
        if len(answer.content) > MANIFEST_LIMIT:
            raise TamperedError(f"{self.name} manifest {digest}", f"at most {MANIFEST_LIMIT} bytes", "more")
        return answer.content

    @override
    def _get_blob(self, blob: Descriptor, offset: int) -> Iterator[bytes]:
        retries = RETRIES
        while offset < blob.size:
            try:
                for block in self._stream(blob, offset):
                    offset += len(block)
                    yield block
                return
            except httpx.TransportError as error:
                if not retries:
                    raise UnreachableError(self.name, f"the download broke off ({error})") from error
                retries -= 1

    def _stream(self, blob: Descriptor, offset: int) -> Iterator[bytes]:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
        with self._client.stream("GET", f"blobs/{blob.digest}", headers=headers) as answer:
            if answer.status_code == httpx.codes.NOT_FOUND:
                raise TamperedError(f"{self.name} blob", blob.digest, "nothing")
            self._check(answer, (200, 206))
            skip = 0 if answer.status_code == httpx.codes.PARTIAL_CONTENT else offset
            for block in answer.iter_raw():
                yield block[skip:]
                skip = max(0, skip - len(block))

    def _send(
        self,
        method: str,
        path: str,
        *,
        expect: tuple[int, ...],
        headers: dict[str, str] | None = None,
        content: Iterator[bytes] | bytes | None = None,
    ) -> httpx.Response:
        try:
            answer = self._client.request(method, path, headers=headers, content=content)
        except httpx.HTTPError as error:
            raise UnreachableError(self.name, f"no answer ({error})") from error
        self._check(answer, expect)
        return answer

    def _no_registry(self, answer: httpx.Response) -> UnreachableError:
        what = f"{answer.request.method} {answer.request.url.path}: answers as no registry does"
        return UnreachableError(self.name, what, "Check the setting 'registry'")

    def _check(self, answer: httpx.Response, expect: tuple[int, ...]) -> None:
        if answer.status_code in expect:
            return
        what = f"{answer.request.method} {answer.request.url.path}: HTTP {answer.status_code}"
        if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise UnreachableError(self.name, what, f"Log in with `docker login {self.host}` or `az acr login`")
        raise UnreachableError(self.name, what, "See the registry's log")


def _plain(reference: str) -> str:
    """A reference that can stand in a URL."""
    return reference if is_digest(reference) else check_tag(reference)
