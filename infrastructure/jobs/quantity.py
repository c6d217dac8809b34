"""Durations, sizes and exit codes as OSMO writes them."""

import re

SIZE = re.compile(r"(\d+(?:\.\d+)?)([a-zA-Z]*)")
# Source: NVIDIA/OSMO src/lib/utils/resource_quantities.py: every prefix is binary there, `G` as well as `Gi`.
POWER = {"": 0, "B": 0, "m": -10} | {
    unit: 10 * (exponent + 1)
    for exponent, letter in enumerate("KMGT")
    for unit in (letter, f"{letter}i", f"{letter}iB")
}
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DURATION = re.compile(r"(\d+)(us|ms|s|m|h|d)")
ISO_DURATION = re.compile(r"P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
LAST_CODE = (
    4000  # up to 255 they are the command's, above that OSMO's own. Source: docs/user_guide/workflows/exit_codes.rst
)
CODES = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")


def size_bytes(text: str) -> int:
    """`16Gi` → 17179869184.

    Raises:
        ValueError: If it is no size.
    """
    match = SIZE.fullmatch(text)
    if match is None or match[2] not in POWER:
        raise ValueError(f"'{text}' is no size. Write a number and a unit, for example 500Mi or 16Gi")
    return int(float(match[1]) * 2.0 ** POWER[match[2]])


def duration_s(value: object) -> float:
    """`30m` → 1800.0; a bare number is in seconds; ISO 8601 is understood.

    Raises:
        ValueError: If it is no duration.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    text = str(value)
    if match := DURATION.fullmatch(text):
        return int(match[1]) * SECONDS[match[2]]
    if match := ISO_DURATION.fullmatch(text):
        units = (86400.0, 3600.0, 60.0, 1.0)
        return sum(float(part or 0) * unit for part, unit in zip(match.groups(), units, strict=True))
    raise ValueError(f"'{text}' is no duration. Write one number and one unit of us, ms, s, m, h, d, for example 90m")


def exit_codes(text: str) -> tuple[range, ...]:
    """`0,10-12` → (range(0, 1), range(10, 13)).

    Raises:
        ValueError: If it is no list of exit codes.
    """
    if not CODES.fullmatch(text):
        raise ValueError(f"'{text}' is no list of exit codes. Write for example 0,10-12")
    bounds = [[int(bound) for bound in part.split("-")] for part in text.split(",")]
    if wrong := next((bound for bound in bounds if bound[0] > bound[-1] or bound[-1] > LAST_CODE), None):
        raise ValueError(f"'{'-'.join(map(str, wrong))}' is no range of exit codes. They go from 0 to {LAST_CODE}")
    return tuple(range(bound[0], bound[-1] + 1) for bound in bounds)
