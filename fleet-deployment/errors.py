"""Why a release is refused, by a gate, by the fleet's repository or by a robot, each in one line."""

from collections.abc import Sequence
from pathlib import Path

from physai.infrastructure.errors import PhysaiError


class FleetError(PhysaiError):
    """Something about releases or the robots that run them."""


class EvidenceError(FleetError):
    """The evidence does not speak for the package."""

    def __init__(self, where: Path, why: str, mend: str) -> None:
        super().__init__(f"{where}: {why}. {mend}.")


class BadNameError(FleetError):
    """A name cannot stand in paths, labels and Kubernetes objects."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(
            f"{what} '{name}': not a usable name. Use at most 63 lower-case letters, digits and '-', e.g. 'robot-1'."
        )


class RepositoryError(FleetError):
    """Git refused."""

    def __init__(self, url: str, what: str, said: str) -> None:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        told = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "")
        super().__init__(f"{url}: {what}: {told.rstrip('.')}. Check the setting 'fleet_repo'.")


class UnknownReleaseError(FleetError):
    """There is no such release."""

    def __init__(self, url: str, name: str, known: tuple[str, ...]) -> None:
        listed = f"Known: {', '.join(known)}" if known else "There are none yet"
        super().__init__(f"{url}: no release '{name}'. {listed}. See `physai fleet-deployment release status`.")


class ReleaseConflictError(FleetError):
    """A release of that name says something else."""

    def __init__(self, name: str, fields: tuple[str, ...]) -> None:
        super().__init__(f"release '{name}': is there with another {', '.join(fields)}. Choose another --name.")


class NotReleasedError(FleetError):
    """A release may not run, or there is none for this robot."""

    def __init__(self, who: str, why: str, mend: str) -> None:
        super().__init__(f"{who}: {why}. {mend}.")


class RobotBusyError(FleetError):
    """The robot is at work in another process."""

    def __init__(self, robot: str, home: Path) -> None:
        super().__init__(f"{robot}: is running in another process (lock in {home}). Wait for it, or stop it.")


class InferenceError(FleetError):
    """A policy's graph failed while the robot was at work."""

    def __init__(self, policy: str, why: str) -> None:
        super().__init__(f"policy '{policy}': cannot be asked: {why}. The robot holds; roll the release back.")


class AzureError(FleetError):
    """The Azure CLI refused."""

    def __init__(self, command: tuple[str, ...], why: str) -> None:
        words = " ".join(command[:4])
        super().__init__(f"{words}: {why.rstrip('.')}. Log in with `az login`, and see whether the cluster is there.")


class NotSwappedError(FleetError):
    """The step loop did not take a policy."""

    def __init__(self, robot: str, policy: str) -> None:
        super().__init__(f"{robot}: the step loop did not take policy '{policy}'. See whether the robot is stopped.")


class EventLogError(FleetError):
    """A log of events holds something else."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(
            f"{path}: line {line} is no telemetry event: {why}. Move the file away, or choose another folder."
        )


class RefusedError(FleetError):
    """A step that a robot's gate does not take now."""

    def __init__(self, verb: str, what: str, why: str) -> None:
        self.why = why
        super().__init__(f"gate: cannot {verb} {what}: {why}. See `physai fleet-deployment gate status`.")


class GateFaultError(FleetError):
    """A journal that cannot be trusted: nothing may change until someone has looked."""

    def __init__(self, path: Path, why: str) -> None:
        self.why = why
        super().__init__(
            f"{path}: {why}. Every change is refused, and the serving policy stays. Compare it with a copy of the log, "
            "see `physai fleet-deployment gate audit verify`."
        )


class JournalFullError(FleetError):
    """The disk took no further record."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path}: the record could not be written ({why}). Nothing has changed. Free space on the disk."
        )


class RolloutRefusedError(FleetError):
    """A step that a rollout does not take now."""

    def __init__(self, release: str, verb: str, why: str) -> None:
        super().__init__(f"rollout of {release}: cannot {verb}: {why}. See `physai fleet-deployment rollout status`.")


class TokenError(FleetError):
    """A name among the tokens of a gate."""

    def __init__(self, path: Path, why: str, mend: str) -> None:
        super().__init__(f"{path}: {why}. {mend}.")


class CertificateError(FleetError):
    """A certificate and its key do not serve for HTTPS."""

    def __init__(self, certificate: Path | None, key: Path | None, why: str) -> None:
        super().__init__(
            f"--certificate {certificate or '(none)'}, --key {key or '(none)'}: {why}. "
            "Give both, a certificate chain and its private key in PEM."
        )


class OpenAddressError(FleetError):
    """A service that would speak in clear beyond this machine."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"{host}: tokens would cross the network in clear. Give --certificate and --key, or serve on 127.0.0.1."
        )


class NoRos2Error(FleetError):
    """ROS 2 is not installed."""

    def __init__(self) -> None:
        super().__init__("transport ros2: needs ROS 2 (source its setup.bash first), or use --transport dds.")


class JointsError(FleetError):
    """A robot does not measure what a policy needs."""

    def __init__(self, topic: str, missing: Sequence[str]) -> None:
        super().__init__(f"{topic}: has no position of {', '.join(missing)}. Compare its names with the package's.")


class SilentRobotError(FleetError):
    """There is nothing to act on."""

    def __init__(self, robot: str, waited_s: float, why: str | None) -> None:
        told = why or "measures nothing (joint states and a target pose are needed)"
        super().__init__(f"{robot}: {told}, after {waited_s:g} s. Start its driver, and compare domain and topics.")
