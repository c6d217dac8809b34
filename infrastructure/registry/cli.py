"""Push policy packages to the registry, pull them, and see what is there."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from ..console import Json, show, stdout
from ..contracts import Contract, Digest
from ..settings import settings
from .errors import RegistryError
from .manifest import manifest_digest
from .open import open_registry
from .store import Artifact, Entry, Registry

app = typer.Typer(help=__doc__, no_args_is_help=True)

Reference = Annotated[str, typer.Argument(help="Digest or tag of a package in the registry.")]
Package = Annotated[Path, typer.Argument(help="Folder of a policy package.")]
Uri = Annotated[str | None, typer.Option("--registry", help="Folder or host/repository; default: the setting.")]
TrustConfig = Annotated[
    Path | None,
    typer.Option(help="Of a Sigstore instance of one's own, for signatures without a key; default: the public one."),
]


class Listing(Contract):
    """The artifacts of a registry."""

    registry: str
    artifacts: tuple[Entry, ...]


class Placed(Contract):
    """Where a package lies after a push or a pull."""

    digest: Digest
    path: str


def _open(uri: str | None) -> Registry:
    return open_registry(uri or settings().registry or "")


@app.command("list")
def list_artifacts(registry: Uri = None, as_json: Json = False) -> None:
    """List the packages in the registry.

    Example: physai registry list
    """
    where = _open(registry)
    listing = Listing(registry=where.name, artifacts=where.entries())
    table = Table(Column("digest", no_wrap=True, min_width=71), Column("tags", overflow="fold"), box=None)
    for entry in listing.artifacts:
        table.add_row(entry.digest, ", ".join(entry.tags))
    show(listing, as_json, table)


@app.command()
def push(
    package: Package,
    tag: Annotated[str | None, typer.Option(help="A movable name for it.")] = None,
    registry: Uri = None,
    as_json: Json = False,
) -> None:
    """Push a package folder; prints its digest. Pushing it again changes nothing.

    Example: physai registry push out/package --tag reach-v2
    """
    where = _open(registry)
    digest = where.push(package, tag)
    show(Placed(digest=digest, path=where.name), as_json, digest)


@app.command()
def pull(
    reference: Reference,
    target: Annotated[Path, typer.Argument(help="Folder that appears.")],
    registry: Uri = None,
    as_json: Json = False,
) -> None:
    """Pull a package by digest or tag into a folder, which appears whole and verified.

    Example: physai registry pull sha256:3b1c… out/champion
    """
    where = _open(registry)
    digest = where.resolve(reference)
    where.pull(digest, target)
    show(Placed(digest=digest, path=str(target)), as_json, str(target))


@app.command("show")
def show_artifact(reference: Reference, registry: Uri = None, as_json: Json = False) -> None:
    """Show what one package says of itself.

    Example: physai registry show reach-v2 --json
    """
    artifact = _open(registry).show(reference)
    show(artifact, as_json, _table(artifact))


@app.command()
def digest(package: Package) -> None:
    """Print the digest of a package folder without pushing it.

    Example: physai registry digest out/package
    """
    stdout.print(manifest_digest(package), soft_wrap=True)


@app.command("generate-key-pair")
def generate(
    output: Annotated[Path, typer.Option(help="Folder for `cosign.key` and `cosign.pub`.")] = Path("keys"),
) -> None:
    """Make a key pair to sign packages with. The private half stays where packages are released.

    Example: physai registry generate-key-pair --output keys
    """
    from .signing import generate_key_pair

    stdout.print(str(generate_key_pair(output)), soft_wrap=True)


@app.command("sign")
def sign_artifact(
    reference: Reference,
    key: Annotated[
        Path | None, typer.Option(help="Private key in PEM: ECDSA on P-256; default: the identity of the workflow.")
    ] = None,
    password: Annotated[str | None, typer.Option(envvar="COSIGN_PASSWORD", help="Of the key, if it has one.")] = None,
    trust_config: TrustConfig = None,
    registry: Uri = None,
    as_json: Json = False,
) -> None:
    """Sign a package by its digest, in the form that cosign verifies: by a key, or by who runs this in CI.

    Without a key, a GitHub workflow with `id-token: write` is certified by Sigstore, whose public log names it.

    Example: physai registry sign reach-v2 --key keys/cosign.key
    """
    where = _open(registry)
    if key:
        from .signing import sign

        digest = sign(where, reference, key, password)
    else:
        from .keyless import sign_keyless

        digest = sign_keyless(where, reference, trust_config)
    show(Placed(digest=digest, path=where.name), as_json, digest)


@app.command("verify")
def verify_artifact(
    reference: Reference,
    key: Annotated[list[Path] | None, typer.Option(help="A public key that is trusted; may be repeated.")] = None,
    identity: Annotated[
        str | None, typer.Option(help="Who must have signed it without a key, e.g. a workflow's URL with its ref.")
    ] = None,
    issuer: Annotated[str | None, typer.Option(help="Who must vouch for that identity.")] = None,
    trust_config: TrustConfig = None,
    registry: Uri = None,
    as_json: Json = False,
) -> None:
    """Check that a trusted key, or somebody of an identity, has signed a package.

    Example: physai registry verify reach-v2 --key keys/cosign.pub
    """
    where = _open(registry)
    if identity and issuer and not key:
        from .keyless import verify_keyless

        signer = verify_keyless(where, where.resolve(reference), identity, issuer, trust_config)
        show(signer, as_json, f"{signer.digest} is signed by {signer.identity} of {signer.issuer}")
        return
    if not key or identity or issuer:
        raise RegistryError(f"{reference}: verify by --key, or by --identity together with --issuer.")
    from .signing import read_keys, verify

    keys = read_keys(key)
    found = verify(where, where.resolve(reference), keys)
    show(found, as_json, f"{found.digest} is signed by {', '.join(found.keys)}")


@app.command()
def referrers(reference: Reference, registry: Uri = None, as_json: Json = False) -> None:
    """List what is attached to a package: its signatures, its bill of materials.

    Example: physai registry referrers reach-v2
    """
    from .referrers import Attached, Attachments

    where = _open(registry)
    subject = where.resolve(reference)
    lines = tuple(Attached(digest=line.digest, artifact_type=line.artifact_type) for line in where.referrers(subject))
    table = Table(Column("digest", no_wrap=True, min_width=71), Column("type", overflow="fold"), box=None)
    for line in lines:
        table.add_row(line.digest, line.artifact_type)
    show(Attachments(subject=subject, attached=lines), as_json, table)


def _table(artifact: Artifact) -> Table:
    package = artifact.package
    table = Table("field", Column("value", overflow="fold"), show_header=False, box=None)
    rows = {
        "digest": artifact.digest,
        "tags": ", ".join(artifact.tags),
        "package": f"{package.name} ({package.policy_type}, {package.training_steps} training steps)",
        "task": package.task,
        "robot": f"{package.robot} at {package.rate_hz:g} Hz",
        "inputs": ", ".join(f"{spec.name} {spec.shape}" for spec in package.inputs),
        "outputs": ", ".join(f"{spec.name} {spec.shape}" for spec in package.outputs),
        "dataset": package.dataset or "none: learned in simulation",
        "run": package.run_id,
        "files": ", ".join(f"{name} ({size} bytes)" for name, size in artifact.files.items()),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table
