"""What was told of drift so far, and what nobody wants to be told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime

from physai.infrastructure.aside import locked
from physai.infrastructure.contracts import Contract, Digest, Document


class Alert(Contract):
    """A drift, or that one is over."""

    what: Literal["drift", "recovered"]
    policy: Digest
    number: int
    """Of the drift, counted from 1 for each package and evaluation."""
    evaluation: Digest
    told_at: AwareDatetime
    episodes: int
    """Of production, when it was called."""
    production: float
    """Success since the change; after a recovery, of all production."""
    baseline: float
    where: str
    """`everywhere`, or e.g. `site plant-1`."""
    drift: Digest
    """Of the drift report that holds the evidence."""
    silenced: str = ""
    """Who wanted it silent, and why."""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What makes it another one."""
        return self.what, self.policy, self.evaluation, self.number

    def words(self) -> str:
        """For people, in one line."""
        head = f"{self.told_at:%Y-%m-%d %H:%M:%S} {self.what:9} {self.policy.removeprefix('sha256:')[:12]}"
        said = f"success {self.production:.0%}, evaluated {self.baseline:.0%}, after {self.episodes} episodes"
        return f"{head} {self.where}: {said}{f' (silenced: {self.silenced})' if self.silenced else ''}"


class AlertLog(Document):
    """All alerts, in the order they were told."""

    kind: Literal["alert-log"] = "alert-log"
    version: Literal[1] = 1
    alerts: tuple[Alert, ...] = ()


class Silence(Document):
    """Alerts of one package are known for a while."""

    kind: Literal["drift-silence"] = "drift-silence"
    version: Literal[1] = 1
    policy: Digest
    until: AwareDatetime
    by: str
    reason: str


class AlertBook:
    """A folder of alerts and silences; several processes may use one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def log(self) -> AlertLog:
        """What was told."""
        path = self.folder / "alerts.json"
        return AlertLog.read(path) if path.exists() else AlertLog()

    def tell(self, alerts: list[Alert]) -> list[Alert]:
        """Write down those that are new, and return them, marked if they are silenced."""
        with locked(self.folder / ".lock"):
            before = self.log()
            known = {alert.key for alert in before.alerts}
            new = [self._marked(alert) for alert in alerts if alert.key not in known]
            if new:
                AlertLog(alerts=(*before.alerts, *new)).write(self.folder / "alerts.json")
        return new

    def silence(self, policy: Digest, hours: float, by: str, reason: str) -> Silence:
        """Mark alerts of a package from now on; the newest silence counts."""
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=hours)
        made = Silence(policy=policy, until=until, by=by, reason=reason)
        made.write(self._silence_of(policy))
        return made

    def _silence_of(self, policy: Digest) -> Path:
        return self.folder / f"silence-{policy.removeprefix('sha256:')[:12]}.json"

    def _marked(self, alert: Alert) -> Alert:
        path = self._silence_of(alert.policy)
        if not path.exists() or (silence := Silence.read(path)).until < alert.told_at:
            return alert
        return alert.model_copy(update={"silenced": f"{silence.by}, {silence.reason}"})
