"""Decide which policy a robot runs: serve its gate, approve, halt, roll back, verify its audit log."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from physai.infrastructure.addresses import is_loopback
from physai.infrastructure.console import Json, show, stderr, stdout
from physai.infrastructure.contracts import AuditRecord, Contract, Digest
from physai.infrastructure.settings import settings

if TYPE_CHECKING:
    from .events import Event
    from .gate import Gate
    from .tokens import Tokens

app = typer.Typer(help=__doc__, no_args_is_help=True)
audit_app = typer.Typer(help="Read and verify the audit log.", no_args_is_help=True)
token_app = typer.Typer(help="Say who may speak to the gate's service.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")
app.add_typer(token_app, name="token")

Robot = Annotated[str, typer.Option(help="Name of the robot.")]
By = Annotated[str | None, typer.Option(help="Who decides; by default the user of this process.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the audit log.")]
Release = Annotated[str, typer.Argument(help="Name of the release, as `gate status` has it.")]


@app.command()
def serve(
    robot: Robot,
    rules: Annotated[Path | None, typer.Option(help="The gate-rules, YAML or JSON; those in force by default.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8443,
    certificate: Annotated[Path | None, typer.Option(help="Certificate chain in PEM, for HTTPS.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key in PEM.")] = None,
) -> None:
    """Serve a robot's gate: REST, the page and metrics. It needs no network beyond its callers.

    Example: physai fleet-deployment gate serve --robot robot-1 --rules gate.yaml
    """
    from ..errors import OpenAddressError
    from .gate import Gate
    from .rules import GateRules

    if not is_loopback(host) and not (certificate and key):
        raise OpenAddressError(host)
    _check_certificate(certificate, key)
    wanted = GateRules.read(rules) if rules else None
    import uvicorn

    from .service import create_app

    gate = Gate(_folder(robot), robot, wanted)
    scheme = "https" if certificate else "http"
    stderr.print(f"gate of {robot}: {scheme}://{host}:{port}", soft_wrap=True)
    uvicorn.run(
        create_app(gate, _tokens(robot)),
        host=host,
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=10,
        limit_concurrency=100,
    )


def _check_certificate(certificate: Path | None, key: Path | None) -> None:
    """Refuse what HTTPS cannot be spoken with, before an address is announced."""
    import ssl

    from ..errors import CertificateError

    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise CertificateError(certificate, key, "one of the two is missing")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise CertificateError(certificate, key, f"cannot be used ({error.strerror})") from error


@app.command()
def status(robot: Robot, as_json: Json = False) -> None:
    """Show what a robot holds, and what its candidate waits for.

    Example: physai fleet-deployment gate status --robot robot-1
    """
    gate = _open(robot)
    found = gate.status(gate.condition)
    run = found.shadow
    table = Table("slot", "release", "stage", Column("package", no_wrap=True), "approved by", "trial")
    for slot in ("active", "candidate", "last_good"):
        held = getattr(found, slot)
        if held:
            trial = f"{held.successes} of {held.episodes}" if held.episodes else ""
            table.add_row(slot, held.release, held.stage, held.package[7:19], ", ".join(held.approved_by), trial)
    show(found, as_json, table)
    if not as_json:
        for text in (
            found.fault,
            found.halted and f"halted by {found.halted}",
            found.hold and "hold: no episode may begin",
            found.waiting_for and f"waiting: {found.waiting_for}",
            run and f"shadow: {run.steps} of {run.min_steps} steps, RMS {run.rms:.3g}",
        ):
            if text:
                stdout.print(text, soft_wrap=True)


@app.command()
def approve(
    release: Release,
    robot: Robot,
    reason: Reason,
    package: Annotated[str | None, typer.Option(help="Digest that was looked at; the candidate's by default.")] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Approve the candidate.

    Example: physai fleet-deployment gate approve pilot-reach-0a1b2c3d --robot robot-1 --reason "watched it in shadow"
    """
    from .events import Approved

    gate = _open(robot)
    candidate = gate.state.candidate
    digest: Digest = package or (candidate.package if candidate else "sha256:" + "0" * 64)
    who = by or getpass.getuser()
    _decide(gate, Approved(at=datetime.now(UTC), release=release, package=digest, by=who, reason=reason), as_json)


@app.command()
def reject(release: Release, robot: Robot, reason: Reason, by: By = None, as_json: Json = False) -> None:
    """Turn the candidate down for good.

    Example: physai fleet-deployment gate reject pilot-reach-0a1b2c3d --robot robot-1 --reason "too fast at the shelf"
    """
    from .events import Rejected

    who = by or getpass.getuser()
    _decide(_open(robot), Rejected(at=datetime.now(UTC), release=release, by=who, reason=reason), as_json)


@app.command()
def confirm(release: Release, robot: Robot, reason: Reason, by: By = None, as_json: Json = False) -> None:
    """Confirm the active policy before production has.

    Example: physai fleet-deployment gate confirm pilot-reach-0a1b2c3d --robot robot-1 --reason "a day without a fault"
    """
    from .events import Confirmed

    who = by or getpass.getuser()
    _decide(_open(robot), Confirmed(at=datetime.now(UTC), release=release, by=who, reason=reason), as_json)


@app.command()
def rollback(release: Release, robot: Robot, reason: Reason, by: By = None, as_json: Json = False) -> None:
    """Return to the policy before, for good.

    Example: physai fleet-deployment gate rollback pilot-reach-0a1b2c3d --robot robot-1 --reason "overshoots"
    """
    from .events import RolledBack

    who = by or getpass.getuser()
    _decide(_open(robot), RolledBack(at=datetime.now(UTC), release=release, by=who, reason=reason), as_json)


@app.command()
def halt(robot: Robot, reason: Reason, by: By = None, as_json: Json = False) -> None:
    """Let nothing be activated. A rollback still may.

    Example: physai fleet-deployment gate halt --robot robot-1 --reason "visitors in the hall"
    """
    from .events import Halted

    _decide(_open(robot), Halted(at=datetime.now(UTC), by=by or getpass.getuser(), reason=reason), as_json)


@app.command()
def resume(robot: Robot, reason: Reason, by: By = None, as_json: Json = False) -> None:
    """End a halt.

    Example: physai fleet-deployment gate resume --robot robot-1 --reason "visitors have left"
    """
    from .events import Resumed

    _decide(_open(robot), Resumed(at=datetime.now(UTC), by=by or getpass.getuser(), reason=reason), as_json)


class Audit(Contract):
    """An audit log that was verified."""

    robot: str
    records: tuple[AuditRecord, ...]
    head: str
    """Hash of the newest record; kept elsewhere, it proves later that nothing was cut or rewritten."""


@audit_app.command("verify")
def verify(
    robot: Robot,
    log: Annotated[Path | None, typer.Option(help="A copy of audit.jsonl; the gate's own by default.")] = None,
    public_key: Annotated[Path | None, typer.Option(help="Its audit.pub; the one beside the log by default.")] = None,
    expect: Annotated[str | None, typer.Option(help="Hash of a record that must be in it.")] = None,
    as_json: Json = False,
) -> None:
    """Check every hash and signature of an audit log.

    Example: physai fleet-deployment gate audit verify --robot robot-1
    """
    from physai.infrastructure.errors import MissingFileError

    from ..errors import GateFaultError
    from .journal import verify_log

    path = log or _folder(robot) / "audit.jsonl"
    key = public_key or path.with_name("audit.pub")
    for file, what in ((path, "audit log"), (key, "public key of an audit log")):
        if not file.is_file():
            raise MissingFileError(file, what, "Check --robot, --log and --public-key.")
    if log is None:
        _open(robot).history()  # with the head beside it, which tells of a cut end
    try:
        public = bytes.fromhex(key.read_text().strip())
        records = verify_log(path, robot, public, expect)
    except ValueError as error:
        raise GateFaultError(key, "is no Ed25519 public key") from error
    head = records[-1].hash if records else ""
    show(Audit(robot=robot, records=records, head=head), as_json, f"{path}: {len(records)} records hold; head {head}")


@audit_app.command("list")
def list_records(robot: Robot, as_json: Json = False) -> None:
    """List the decisions of a gate.

    Example: physai fleet-deployment gate audit list --robot robot-1
    """
    records = tuple(_open(robot).history())
    table = Table("#", "time", "event", "by", "result", "reason")
    for record in records:
        event = record.event
        who, why = event.get("by", "robot"), event.get("reason", event.get("why", ""))
        table.add_row(str(record.seq), f"{record.at:%Y-%m-%d %H:%M:%S}", event["event"], who, record.result, why)
    show(Audit(robot=robot, records=records, head=records[-1].hash if records else ""), as_json, table)


class Added(Contract):
    """A new token."""

    name: str
    role: str
    token: str
    """Shown only now."""


class Known(Contract):
    """Who has a token."""

    tokens: dict[str, str]
    """Role by name."""


@token_app.command("add")
def add_token(
    name: Annotated[str, typer.Argument(help="Of the person or machine; it stands in the audit log.")],
    robot: Robot,
    role: Annotated[str, typer.Option(help="viewer, operator, admin or robot.")],
    as_json: Json = False,
) -> None:
    """Give someone a token, which is shown once.

    Example: physai fleet-deployment gate token add anna --robot robot-1 --role operator
    """
    from .tokens import MAY

    known = next((word for word in MAY if word == role), None)
    if known is None:
        raise typer.BadParameter(f"'{role}' is none of {', '.join(MAY)}", param_hint="--role")
    secret = _tokens(robot).add(name, known)
    show(Added(name=name, role=role, token=secret), as_json, secret)


@token_app.command("list")
def list_tokens(robot: Robot, as_json: Json = False) -> None:
    """List who has a token.

    Example: physai fleet-deployment gate token list --robot robot-1
    """
    tokens = {token.name: token.role for token in _tokens(robot).read()}
    table = Table("name", "role")
    for name, role in tokens.items():
        table.add_row(name, role)
    show(Known(tokens=tokens), as_json, table)  # type: ignore[arg-type]


@token_app.command("revoke")
def revoke_token(name: Annotated[str, typer.Argument(help="As `token list` has it.")], robot: Robot) -> None:
    """Take a token back; a running service heeds it at once.

    Example: physai fleet-deployment gate token revoke anna --robot robot-1
    """
    _tokens(robot).revoke(name)
    stdout.print(f"{name}: revoked")


def _folder(robot: str) -> Path:
    from ..names import check_name

    return settings().home / "robots" / check_name("robot", robot) / "gate"


def _tokens(robot: str) -> "Tokens":
    from .tokens import Tokens

    return Tokens(_folder(robot) / "tokens.json")


def _open(robot: str) -> "Gate":
    from physai.infrastructure.errors import MissingFileError

    from .gate import Gate

    folder = _folder(robot)
    if not folder.is_dir():
        raise MissingFileError(folder, "gate", "Check --robot, or run `physai fleet-deployment gate serve` first.")
    return Gate(folder, robot)


def _decide(gate: "Gate", event: "Event", as_json: bool) -> None:
    gate.send(event)
    record = gate.history()[-1]
    show(record, as_json, f"{gate.robot}: {record.result}")
