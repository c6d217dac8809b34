"""What a device says of itself while a policy runs on it."""

import platform
from contextlib import suppress
from pathlib import Path

import psutil

from physai.infrastructure.contracts import Contract

HWMON = Path("/sys/class/hwmon")


class DeviceReading(Contract):
    """Counters of one moment; None or empty where the device has no such sensor."""

    name: str
    machine: str
    """Instruction set, e.g. `aarch64`."""
    cpu_share: float
    """Of all cores, since the reading before."""
    memory_share: float
    clock_mhz: float | None
    temperature_c: dict[str, float]
    """Sensor → its hottest reading."""
    power_w: dict[str, float]
    """Rail → power, from the kernel's hwmon; Jetson's INA3221 and many server boards have it."""


def read_device() -> DeviceReading:
    """The counters now."""
    frequency = psutil.cpu_freq()
    sensors = psutil.sensors_temperatures() if hasattr(psutil, "sensors_temperatures") else {}
    return DeviceReading(
        name=platform.node(),
        machine=platform.machine(),
        cpu_share=psutil.cpu_percent() / 100,
        memory_share=psutil.virtual_memory().percent / 100,
        clock_mhz=frequency.current if frequency else None,
        temperature_c={name: max(entry.current for entry in found) for name, found in sensors.items() if found},
        power_w=power(HWMON),
    )


def power(root: Path) -> dict[str, float]:
    """Power of every rail in W.

    Source: kernel.org, Documentation/hwmon/sysfs-interface.rst: `power*_input` in µW; a rail that has only voltage (mV)
    and current (mA), as the INA3221 does, gives their product.
    """
    rails: dict[str, float] = {}
    for chip in sorted(root.glob("hwmon*")):
        for watts in sorted(chip.glob("power*_input")):
            with suppress(OSError):  # a rail that is switched off does not answer
                rails[_label(chip, watts.name.removesuffix("_input"))] = _number(watts) / 1e6
        for amperes in sorted(chip.glob("curr*_input")):
            number = amperes.name.removeprefix("curr").removesuffix("_input")
            with suppress(OSError):  # nor does one without a voltage
                rails[_label(chip, f"in{number}")] = _number(chip / f"in{number}_input") * _number(amperes) / 1e6
    return rails


def _label(chip: Path, sensor: str) -> str:
    """The rail's own name where the board gives one, else that of chip and sensor."""
    given = chip / f"{sensor}_label"
    return given.read_text().strip() if given.exists() else f"{(chip / 'name').read_text().strip()} {sensor}"


def _number(path: Path) -> float:
    return float(path.read_text())
