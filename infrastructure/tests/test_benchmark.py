from datetime import UTC, datetime
from pathlib import Path

import pytest

from physai.infrastructure.benchmark import (
    BenchmarkMachine,
    BenchmarkReport,
    Result,
    Row,
    UnknownRowError,
    benchmark,
    machine,
    markdown,
    write_report,
)


@pytest.mark.parametrize(
    ("ours", "goal", "higher", "met"),
    [(3.0, 3.0, True, True), (2.9, 3.0, True, False), (3.1, 3.0, False, False), (1.0, None, True, None)],
)
def test_a_goal_is_met_on_its_own_side(ours: float, goal: float | None, higher: bool, met: bool | None) -> None:
    assert Result(what="x", ours=ours, unit="s", goal=goal, higher_is_better=higher).met is met


def test_rows_are_measured_by_name_and_name_their_results() -> None:
    asked: list[str] = []

    def measure(name: str) -> list[Result]:
        asked.append(name)
        return [Result(what=f"{name} {number}", ours=number, unit="rows/s") for number in (1, 2)]

    rows = [Row(name, lambda name=name: measure(name)) for name in ("read", "write")]
    report = benchmark("data-management", rows, only=["write"], versions=["pydantic", "no-such-distribution"])
    assert asked == ["write"]
    assert [(result.row, result.what) for result in report.results] == [("write", "write 1"), ("write", "write 2")]
    assert report.versions["no-such-distribution"] == "absent"
    assert report.versions["pydantic"][0].isdigit()


def test_an_unknown_row_is_named_before_anything_is_measured() -> None:
    with pytest.raises(UnknownRowError, match=r"benchmark 'reed' is unknown\. Did you mean 'read'"):
        benchmark("x", [Row("read", lambda: pytest.fail("was measured"))], only=["reed"])


def test_the_machine_is_this_one() -> None:
    here = machine()
    assert here.cores >= 1
    assert here.memory_gib > 0.5
    assert here.processor


def report(*results: Result) -> BenchmarkReport:
    return BenchmarkReport(
        domain="evaluation",
        measured_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        seconds=61.2,
        commit="abc1234",
        machine=BenchmarkMachine(processor="CPU", cores=2, memory_gib=24.0, system="Linux 6.1", python="3.12.1"),
        versions={"numpy": "2.0.0"},
        results=results,
    )


def test_the_report_for_people_says_where_what_and_how_much() -> None:
    page = markdown(
        report(
            Result(row="a", what="fast | big", ours=12345.6, unit="rows/s", goal=1000, peer=0.52, peer_name="stock"),
            Result(row="b", what="slow", ours=0.25, unit="s", goal=0.1, higher_is_better=False, note="two cores"),
        )
    )
    assert (
        "2026-01-02 03:04 UTC, 61 s, commit `abc1234`. CPU, 2 cores, 24 GiB, no GPU; Linux 6.1, Python 3.12.1." in page
    )
    assert "| a | fast \\| big | 12,346 rows/s | ≥ 1,000 | 0.52 (stock) | met |" in page
    assert "| b | slow | 0.25 s | ≤ 0.1 |  | **short** |" in page
    assert page.endswith("- **slow**: two cores\n")


def test_it_is_written_for_people_and_programs(tmp_path: Path) -> None:
    written = report(Result(row="a", what="x", ours=1.0, unit="s"))
    page = write_report(written, tmp_path)
    assert page.read_text() == markdown(written)
    assert BenchmarkReport.read(tmp_path / "report.json") == written
