"""The full check of a package, against what is wanted of it; each refusal has its own name."""

from collections.abc import Sequence
from pathlib import Path

from physai.infrastructure.contracts import Digest, PolicyPackage, Robot
from physai.infrastructure.registry.verify import verify_package

from ..errors import JointOrderError, NoNormalizerError, RangeError, RateError, ScaleError, StaleNormalizerError
from .statistics import read_statistics

RATE_TOLERANCE = 1e-3  # relative
RANGE_TOLERANCE_RAD = 1e-3  # makers publish degrees, assets round them
SCALED = {"absolute-joint-position": "rad"}
"""Unit that an action has once it is scaled for the robot, by its meaning."""


def check(
    folder: Path,
    digest: Digest | None = None,
    *,
    joints: tuple[str, ...] | None = None,
    robot: Robot | None = None,
    rate_hz: float | None = None,
    statistics: Path | None = None,
    keys: Sequence[Path] = (),
    sbom: bool = False,
    registry: str | None = None,
) -> PolicyPackage:
    """Verify a package, and compare it with what is wanted of it.

    Args:
        folder: Of the package.
        digest: Of its OCI manifest.
        joints: That it must drive, in order.
        robot: That it must fit: joints in order, commands within its ranges, in its unit.
        rate_hz: At which the robot is controlled.
        statistics: `meta/stats.json` of the data as it is now; the graph must normalise with these.
        keys: Public keys, one of which must have signed it.
        sbom: Whether a bill of materials must be attached to it, and name its very files.
        registry: Where signatures and bill are; default: the setting.

    Raises:
        RegistryError: If it is damaged, or does not run here as it did where it was built.
        SignatureError: If none of the keys has signed it.
        SbomError: If it has no bill of materials, or one of something else.
        PackagingError: If it is not what is wanted: order of joints, scale, range, rate, normaliser.
    """
    if keys:
        _check_signature(folder, keys, registry)
    package = verify_package(folder, digest)
    if sbom:
        _check_sbom(folder, registry)
    if robot is not None:
        joints = joints or tuple(joint.joint for joint in robot.joints)
    if joints is not None and (driven := package.outputs[0].elements) != joints:
        raise JointOrderError(folder, driven, joints)
    _check_scale(folder, package)
    if robot is not None:
        _check_ranges(folder, package, robot)
    if rate_hz is not None and abs(package.rate_hz - rate_hz) > RATE_TOLERANCE * rate_hz:
        raise RateError(folder, package.rate_hz, rate_hz)
    if statistics is not None:
        if package.normalizer is None:
            raise NoNormalizerError(folder, statistics)
        names = (spec.name for spec in (*package.inputs, package.outputs[0]) if not spec.noise)
        if (found := read_statistics(statistics, names)) != package.normalizer:
            raise StaleNormalizerError(folder, package.normalizer, statistics, found)
    return package


def _check_signature(folder: Path, keys: Sequence[Path], registry: str | None) -> None:
    from physai.infrastructure.registry import manifest_digest, open_registry
    from physai.infrastructure.registry.signing import read_keys, verify
    from physai.infrastructure.settings import settings

    verify(open_registry(registry or settings().registry or ""), manifest_digest(folder), read_keys(keys))


def _check_sbom(folder: Path, registry: str | None) -> None:
    from physai.infrastructure.registry import open_registry
    from physai.infrastructure.settings import settings

    from .sbom import check_sbom

    check_sbom(folder, open_registry(registry or settings().registry or ""))


def _check_scale(folder: Path, package: PolicyPackage) -> None:
    wanted, action = SCALED.get(package.action_meaning), package.outputs[0]
    for element, unit in zip(action.elements, action.units, strict=False):
        if wanted is not None and unit != wanted:
            raise ScaleError(folder, element, f"is in '{unit}', wanted '{wanted}'")
    if wanted is not None and len(action.units) != len(action.elements):
        raise ScaleError(folder, action.name, "has no units")


def _check_ranges(folder: Path, package: PolicyPackage, robot: Robot) -> None:
    allowed = {limits.joint: limits for limits in robot.joints}
    for limits in package.limits:
        if limits.joint not in allowed:
            raise JointOrderError(folder, package.outputs[0].elements, tuple(allowed))
        most = allowed[limits.joint]
        below, above = most.lower_rad - limits.lower_rad, limits.upper_rad - most.upper_rad
        if max(below, above) > RANGE_TOLERANCE_RAD:
            raise RangeError(folder, limits, most)
