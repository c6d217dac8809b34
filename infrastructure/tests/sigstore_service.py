"""A Sigstore instance on this machine: GitHub's issuer of tokens, Fulcio, Rekor, and the file that says to trust them.

Their public interfaces, with their cryptography: certificates with a signed timestamp (RFC 6962), a Merkle tree of two
leaves, a signed checkpoint. Sources: github.com/sigstore/fulcio, fulcio.proto (v2) and docs/oid-info.md;
github.com/sigstore/rekor, openapi.yaml (v1).
"""

import base64
import hashlib
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

WORKFLOW = "acme/robots/.github/workflows/release.yml@refs/heads/main"
IDENTITY, ISSUER = f"https://github.com/{WORKFLOW}", "https://token.actions.githubusercontent.com"
FULCIO_ISSUER, SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.57264.1.1"), ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
TOKEN_SECRET, REQUEST_SECRET = "of the issuer, known to Fulcio here", "request"
FIRST_LEAF = hashlib.sha256(b"\0the first entry").digest()


class Sigstore:
    """One instance: its keys, and what it has logged."""

    def __init__(self) -> None:
        self.url = ""
        self.claims = {"job_workflow_ref": WORKFLOW}
        """What the next token says beside issuer, audience and time."""
        self.logged: list[dict[str, Any]] = []
        self.refuses = ""
        """Path to which the next requests are answered with 503."""
        self.authority, self.ct, self.rekor = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fulcio.test")])
        now = datetime.now(UTC)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.root = (
            x509.CertificateBuilder(name, name, self.authority.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.authority.public_key()), critical=False)
            .sign(self.authority, hashes.SHA256())
        )

    def token(self) -> str:
        """An identity token, as GitHub issues it to a job."""
        now = datetime.now(UTC)
        said = {"iss": ISSUER, "aud": "sigstore", "sub": "repo:acme/robots:ref:refs/heads/main", "iat": now, "nbf": now}
        return jwt.encode({**said, "exp": now + timedelta(minutes=5), **self.claims}, TOKEN_SECRET, "HS256")

    def certify(self, request: dict[str, Any], token: str) -> dict[str, Any]:
        """Fulcio: a certificate for the key of a request, of whoever the token names."""
        said = jwt.decode(token, TOKEN_SECRET, ["HS256"], audience="sigstore")
        asked = x509.load_pem_x509_csr(base64.b64decode(request["certificateSigningRequest"]))
        assert asked.is_signature_valid
        now = datetime.now(UTC)
        identity = x509.UniformResourceIdentifier(f"https://github.com/{said['job_workflow_ref']}")
        key = self.authority.public_key()
        builder = (
            x509.CertificateBuilder(self.root.subject, x509.Name([]), asked.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(seconds=1))
            .not_valid_after(now + timedelta(minutes=10))
            .add_extension(x509.KeyUsage(True, *(False,) * 8), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key), critical=False)
            .add_extension(x509.SubjectAlternativeName([identity]), critical=True)
            .add_extension(x509.UnrecognizedExtension(FULCIO_ISSUER, said["iss"].encode()), critical=False)
        )
        unlogged = builder.sign(self.authority, hashes.SHA256()).tbs_certificate_bytes
        logged = builder.add_extension(x509.UnrecognizedExtension(SCT_LIST, self._timestamp(unlogged)), critical=False)
        chain = [logged.sign(self.authority, hashes.SHA256()), self.root]
        pem = [certificate.public_bytes(Encoding.PEM).decode() for certificate in chain]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": pem}}}

    def log(self, proposed: dict[str, Any]) -> dict[str, Any]:
        """Rekor: an entry of what was signed, promised, included and witnessed by a checkpoint."""
        content = proposed["spec"]["proposedContent"]
        envelope = json.loads(content["envelope"])
        payload = hashlib.sha256(base64.b64decode(envelope["payload"])).hexdigest()
        signatures = [{"signature": envelope["signatures"][0]["sig"], "verifier": content["verifiers"][0]}]
        entry = {
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": {
                    "algorithm": "sha256",
                    "value": hashlib.sha256(content["envelope"].encode()).hexdigest(),
                },
                "payloadHash": {"algorithm": "sha256", "value": payload},
                "signatures": signatures,
            },
        }
        self.logged.append(entry)
        body = rfc8785.dumps(entry)
        leaf = hashlib.sha256(b"\0" + body).digest()
        root = hashlib.sha256(b"\1" + FIRST_LEAF + leaf).digest()
        key_id = _key_id(self.rekor)
        told = {
            "body": base64.b64encode(body).decode(),
            "integratedTime": int(datetime.now(UTC).timestamp()),
            "logID": key_id.hex(),
            "logIndex": 1,
        }
        note = f"rekor.test - 1\n2\n{base64.b64encode(root).decode()}\n"
        signature = base64.b64encode(key_id[:4] + _sign(self.rekor, note.encode())).decode()
        proof = {
            "logIndex": 1,
            "treeSize": 2,
            "rootHash": root.hex(),
            "hashes": [FIRST_LEAF.hex()],
            "checkpoint": f"{note}\n\u2014 rekor.test {signature}\n",
        }
        promise = base64.b64encode(_sign(self.rekor, rfc8785.dumps(told))).decode()
        return {leaf.hex(): {**told, "verification": {"inclusionProof": proof, "signedEntryTimestamp": promise}}}

    def trust_config(self) -> str:
        """The file by which clients trust this instance."""
        since = {"start": (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")}
        service = {"url": self.url, "majorApiVersion": 1, "validFor": since, "operator": "test"}
        authority = {
            "subject": {"organization": "test", "commonName": "fulcio.test"},
            "uri": self.url,
            "certChain": {"certificates": [{"rawBytes": _b64(self.root.public_bytes(Encoding.DER))}]},
            "validFor": since,
        }
        root = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self._log_instance(self.rekor, since)],
            "certificateAuthorities": [authority],
            "ctlogs": [self._log_instance(self.ct, since)],
            "timestampAuthorities": [],
        }
        signing = {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": [service],
            "oidcUrls": [],
            "rekorTlogUrls": [service],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": [],
            "tsaConfig": {"selector": "ANY"},
        }
        kind = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
        return json.dumps({"mediaType": kind, "trustedRoot": root, "signingConfig": signing})

    def environment(self) -> dict[str, str]:
        """Of a job of a GitHub workflow that may ask for a token."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/token?job=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": REQUEST_SECRET,
        }

    def _timestamp(self, tbs: bytes) -> bytes:
        """A list with one signed certificate timestamp, in DER. Source: RFC 6962, sections 3.2 and 3.3."""
        milliseconds = int(datetime.now(UTC).timestamp() * 1000)
        issuer = hashlib.sha256(_der(self.authority)).digest()
        signed = struct.pack("!BBQH", 0, 0, milliseconds, 1) + issuer + len(tbs).to_bytes(3) + tbs + b"\0\0"
        signature = _sign(self.ct, signed)
        stamp = b"\0" + _key_id(self.ct) + struct.pack("!QH", milliseconds, 0) + b"\4\3"
        stamp += len(signature).to_bytes(2) + signature
        listed = (len(stamp) + 2).to_bytes(2) + len(stamp).to_bytes(2) + stamp
        return b"\4" + bytes([len(listed)] if len(listed) < 128 else [0x81, len(listed)]) + listed

    def _log_instance(self, key: ec.EllipticCurvePrivateKey, since: dict[str, str]) -> dict[str, Any]:
        public = {"rawBytes": _b64(_der(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": since}
        return {
            "baseUrl": self.url,
            "hashAlgorithm": "SHA2_256",
            "publicKey": public,
            "logId": {"keyId": _b64(_key_id(key))},
        }


@contextmanager
def sigstore_instance() -> Iterator[Sigstore]:
    """One that answers on a free port of this machine."""
    instance = Sigstore()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/token?job=1&audience=sigstore"
            assert self.headers["Authorization"] == f"bearer {REQUEST_SECRET}"
            self._answer({"value": instance.token()})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == instance.refuses:
                self.send_error(503)
            elif self.path == "/api/v2/signingCert":
                self._answer(instance.certify(asked, self.headers["Authorization"].removeprefix("Bearer ")))
            else:
                assert self.path == "/api/v1/log/entries"
                self._answer(instance.log(asked))

        def _answer(self, content: Any) -> None:
            raw = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    instance.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield instance
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _der(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _key_id(key: ec.EllipticCurvePrivateKey) -> bytes:
    return hashlib.sha256(_der(key)).digest()


def _sign(key: ec.EllipticCurvePrivateKey, content: bytes) -> bytes:
    return key.sign(content, ec.ECDSA(hashes.SHA256()))


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()
