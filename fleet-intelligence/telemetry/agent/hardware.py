"""The state of the robot's computer."""

from functools import cache
from typing import Any

import psutil
import pynvml

from physai.infrastructure.contracts import HealthData


def look(site: str, robot: str, cohort: str | None, *, battery_share: float | None = None, **known: Any) -> HealthData:
    """Ask the operating system and NVIDIA's driver; `known` is what the robot's program tells, and goes before."""
    battery = psutil.sensors_battery() if battery_share is None else None
    return HealthData(
        cohort=cohort,
        robot=robot,
        site=site,
        cpu_share=min(psutil.cpu_percent() / 100, 1.0),
        memory_share=psutil.virtual_memory().percent / 100,
        disk_free_bytes=psutil.disk_usage("/").free,
        temperature_c=_hottest_c(),
        battery_share=battery.percent / 100 if battery else battery_share,
        **(_gpus() | known),
    )


class Gauges:
    """Looks at the computer so often that a window knows its extremes."""

    SIGNALS = ("cpu_share", "memory_share", "gpu_share", "gpu_memory_share", "temperature_c")
    """What `read` may tell."""

    def __init__(self) -> None:
        psutil.cpu_times_percent()  # says nothing the first time; apart from `cpu_percent`, which `look` asks

    def read(self) -> dict[str, float]:
        """Signal → value; the CPU's since the last call."""
        found = {
            "cpu_share": 1 - psutil.cpu_times_percent().idle / 100,
            "memory_share": psutil.virtual_memory().percent / 100,
            **_gpus(),
        }
        hottest_c = _hottest_c()
        return found if hottest_c is None else found | {"temperature_c": hottest_c}


def _hottest_c() -> float | None:
    readings = [reading.current for sensor in psutil.sensors_temperatures().values() for reading in sensor]
    return max(readings, default=None)


@cache
def _handles() -> tuple[Any, ...]:
    """NVIDIA's GPUs; none where there is no driver."""
    try:
        pynvml.nvmlInit()
        return tuple(pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount()))
    except pynvml.NVMLError:
        return ()


def _gpus() -> dict[str, float]:
    """`gpu_share` of the busiest GPU and `gpu_memory_share` of the fullest; only what the driver tells of all."""
    found: dict[str, float] = {}
    try:
        busy = [pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100 for handle in _handles()]
        found |= {"gpu_share": max(busy)} if busy else {}
        memory = [pynvml.nvmlDeviceGetMemoryInfo(handle) for handle in _handles()]
        found |= {"gpu_memory_share": max(each.used / each.total for each in memory)} if memory else {}
    except pynvml.NVMLError:  # an integrated GPU shares its memory, and does not tell of it
        return found
    return found
