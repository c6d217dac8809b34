"""What a robot tells of its computer; NVIDIA's driver is stood in for, since there is no GPU here."""

from collections.abc import Iterator
from types import SimpleNamespace

import pynvml
import pytest

from physai.fleet_intelligence.telemetry.agent import hardware
from physai.infrastructure.contracts import HealthData


@pytest.fixture(autouse=True)
def unknown() -> Iterator[None]:
    hardware._handles.cache_clear()
    yield
    hardware._handles.cache_clear()


def look(**known: float) -> HealthData:
    return hardware.look("site", "robot-1", None, queued_events=0, dropped_events=0, clock_offset_s=0.0, **known)


def drive(monkeypatch: pytest.MonkeyPatch, busy: list[int], used: list[int] | None) -> None:
    """A driver of GPUs with 100 bytes of memory each; None: which they share with the computer."""

    def memory(index: int) -> SimpleNamespace:
        if used is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return SimpleNamespace(used=used[index], total=100)

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: len(busy))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda index: index)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetUtilizationRates", lambda index: SimpleNamespace(gpu=busy[index]))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", memory)


def test_the_busiest_and_the_fullest_gpu_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    drive(monkeypatch, [20, 90], [70, 10])
    told = look()
    assert (told.gpu_share, told.gpu_memory_share) == (0.9, 0.7)
    assert hardware.Gauges().read().items() >= {"gpu_share": 0.9, "gpu_memory_share": 0.7}.items()


def test_what_the_program_tells_goes_before(monkeypatch: pytest.MonkeyPatch) -> None:
    drive(monkeypatch, [20], [70])
    assert look(gpu_share=0.5).gpu_share == 0.5


def test_an_integrated_gpu_tells_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    drive(monkeypatch, [40], None)
    told = look()
    assert (told.gpu_share, told.gpu_memory_share) == (0.4, None)


def test_a_computer_without_a_driver_tells_of_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", absent)
    told = look()
    assert (told.gpu_share, told.gpu_memory_share) == (None, None)
