"""What can go wrong with telemetry, drift and the page, each in one line."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from physai.infrastructure.contracts import Digest
from physai.infrastructure.errors import PhysaiError


class FleetIntelligenceError(PhysaiError):
    """Something about what the fleet said, or what was made of it."""


class TelemetryStoreError(FleetIntelligenceError):
    """The telemetry store cannot be used."""

    def __init__(self, path: Path, why: str, mend: str = "Choose another file with PHYSAI_TELEMETRY") -> None:
        super().__init__(f"{path}: {why}. {mend}.")


class NoEventsError(FleetIntelligenceError):
    """Files that should hold events hold none that can be used."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}. Check that the robots have run, and that this is their events.jsonl.")


class EmptyTelemetryError(FleetIntelligenceError):
    """The store holds no episode of a package."""

    def __init__(self, store: Path, policy: Digest, site: str | None, known: Sequence[Digest]) -> None:
        where = f" at site '{site}'" if site else ""
        others = f"It has episodes of {', '.join(known[:3])}" if known else "It is empty"
        super().__init__(
            f"{store}: no production episode of {policy}{where}. {others}. "
            "Run `physai fleet-intelligence telemetry ingest` on what the robots wrote."
        )


class AmbiguousPolicyError(FleetIntelligenceError):
    """Several policies have digests that begin so."""

    def __init__(self, store: Path, text: str, found: Sequence[Digest]) -> None:
        super().__init__(f"{store}: '{text}' is ambiguous. Give more digits of one of: {', '.join(found)}.")


class NoDatasetError(FleetIntelligenceError):
    """A package that learned in simulation alone has no dataset to add episodes to."""

    def __init__(self, policy: Digest) -> None:
        super().__init__(
            f"{policy}: has no training dataset, so no episodes can be asked for it. Train it "
            "again with `physai training rl train`."
        )


class OtherPolicyError(FleetIntelligenceError):
    """An evaluation report speaks of other packages."""

    def __init__(self, report: Path | str, policy: Digest, judged: Sequence[str]) -> None:
        super().__init__(
            f"{report}: says nothing about {policy}; it judges {', '.join(judged)}. "
            "Give the report of that very package."
        )


class TooFewEpisodesError(FleetIntelligenceError):
    """There are not enough episodes for any verdict."""

    def __init__(self, what: str, episodes: int, least: int) -> None:
        super().__init__(f"{what}: {episodes} episodes, and fewer than {least} cannot decide. Let more be run.")


class NothingToTellError(FleetIntelligenceError):
    """There is no lap to make a page of."""

    def __init__(self, where: Path | str, why: str) -> None:
        super().__init__(f"{where}: {why}. Run `physai flywheel` first, or name its lap folders.")


class ShortEvaluationError(FleetIntelligenceError):
    """An evaluation leaves too much open for the asked certainty."""

    def __init__(self, episodes: int, false_alarm: float, horizon: int) -> None:
        super().__init__(
            f"an evaluation of {episodes} episodes leaves too much open for at most {false_alarm:.3g} false alarms in "
            f"{horizon} episodes. Evaluate longer, or lower --horizon."
        )


class StaleFilesError(FleetIntelligenceError):
    """Generated files are not what the definition makes."""

    def __init__(self, folder: Path, files: Sequence[str]) -> None:
        super().__init__(
            f"{folder}: {', '.join(files)}: not as the definition makes them. "
            "Run `physai fleet-intelligence dashboards generate`."
        )


class StaleTablesError(FleetIntelligenceError):
    """Files that describe the telemetry tables are not what the contracts make."""

    def __init__(self, folder: Path, files: Sequence[str]) -> None:
        super().__init__(
            f"{folder}: {', '.join(files)}: not as the contracts make them. "
            f"Run `physai fleet-intelligence telemetry tables {folder}`."
        )


class BrokerError(FleetIntelligenceError):
    """A broker did not take everything in time."""

    def __init__(self, host: str, port: int, waiting: int, seconds: float) -> None:
        super().__init__(
            f"{host}:{port}: {waiting} events wait after {seconds:g} s; they stay in the outbox. "
            "Check that the broker runs, and the user's rights to its topics."
        )


class ForeignEventsError(FleetIntelligenceError):
    """Events of one robot are to be sent in the name of another."""

    def __init__(self, source: str, site: str, robot: str) -> None:
        super().__init__(f"/{site}/{robot}: cannot send what {source} tells. Give its --site and --robot.")


class CredentialFileError(FleetIntelligenceError):
    """A file that makes us known to a broker, or a broker to us, cannot be read."""

    def __init__(self, option: str, files: Sequence[Path], error: Exception) -> None:
        why = getattr(error, "strerror", None) or str(error)
        super().__init__(
            f"{', '.join(map(str, files))}: not what {option} takes: {why}. Give PEM files, of a password its text."
        )


class SilentBrokerError(FleetIntelligenceError):
    """There was no connection to a broker, and so nothing to receive."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: no connection to the broker: {why}. Check host, port, --ca and the user.")


class SignalFieldError(FleetIntelligenceError):
    """A signal is to be read from a field that is not there, or is no number."""

    def __init__(self, signal: str, kind: str, field: str, why: str, part: str = "", known: Sequence[str] = ()) -> None:
        near = get_close_matches(part, known, n=1)
        meant = f" Did you mean '{near[0]}'?" if near else ""
        listed = f" Known: {', '.join(known)}." if known else ""
        super().__init__(
            f"signal '{signal}': field '{field}' of {kind}: {why}.{meant}{listed} Only numbers can be summed up."
        )


class HubError(FleetIntelligenceError):
    """Event Hubs, or another Kafka, cannot be read."""

    def __init__(self, bootstrap: str, hub: str, why: str) -> None:
        place = f"{bootstrap}, hub '{hub}'" if hub else bootstrap
        super().__init__(
            f"{place}: {why}. Check the name, the network, and that you may receive (role Azure Event Hubs Data "
            "Receiver); `setup streams` makes the hubs."
        )


class DriftNotTakenError(FleetIntelligenceError):
    """Kusto has not taken the newest states."""

    def __init__(self, trouble: str) -> None:
        super().__init__(
            f"{trouble}. The newest drift is not there. Check --eventhouse, --database and `az login`; "
            "`physai fleet-intelligence setup tables` makes the table."
        )


class UnknownRequestError(FleetIntelligenceError):
    """There is no retrain request of that name."""

    def __init__(self, ledger: Path, name: str, known: Sequence[str]) -> None:
        others = f"Known: {', '.join(known)}" if known else "It is empty"
        super().__init__(f"{ledger}: no request '{name}'. {others}; `retrain status` lists all.")


class OtherTelemetryError(FleetIntelligenceError):
    """A drift report was made of other episodes than those in the store."""

    def __init__(self, policy: Digest, changed_at: int | None) -> None:
        super().__init__(
            f"{policy}: no episode in the store failed where the drift report says, from number {changed_at} on. "
            "Give the store that the report was made of."
        )


class OtherPackageError(FleetIntelligenceError):
    """A folder holds another package than the one that drifted."""

    def __init__(self, folder: Path, found: Digest, policy: Digest) -> None:
        super().__init__(f"{folder}: holds {found}, and {policy} drifted. Give that one, or leave it to the registry.")
