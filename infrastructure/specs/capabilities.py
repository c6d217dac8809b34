"""What the specifications together say: the capabilities of a domain, what is proven and how, what was measured."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..benchmark import BenchmarkReport, Result
from ..contracts import FlywheelSummary
from ..errors import MissingFileError
from ..page.laps import lap_rows
from .facts import UnknownFactError, table
from .problem import Problem, problem
from .requirements import tests_of
from .specification import DOMAINS, Specification, read_specification, specification_files

PROVEN = Path("docs/proven.md")


def _link(page: Path, target: str, text: str) -> str:
    return f"[{text}]({posixpath.relpath(target, page.parent.as_posix())})"


def _specifications(root: Path) -> Iterator[tuple[Path, Specification]]:
    for path in specification_files(root):
        yield path, read_specification(root, path)


def capability_facts(root: Path, page: Path, domain: str) -> str:
    """The capabilities of a domain, each with its commands, specification, guide, examples and proof.

    Args:
        root: Root of the repository.
        page: The page that holds the table, from the root; links start there.
        domain: Name of the domain.

    Raises:
        UnknownFactError: If there is no such domain.
    """
    if domain not in DOMAINS:
        raise UnknownFactError("domain", domain, DOMAINS)
    rows = []
    for path, spec in _specifications(root):
        if spec.domain == domain:
            examples = ", ".join(_link(page, name, Path(name).name) for name in spec.examples)
            rows.append(
                (
                    "<br>".join(filter(None, (_link(page, path.as_posix(), spec.title), ", ".join(spec.words)))),
                    "<br>".join(f"`physai {name}`" for name in spec.commands) or "a Python API",
                    _link(page, spec.guide, "guide") if spec.guide else "",
                    examples,
                    _link(page, f"{PROVEN.as_posix()}#{domain}", "proof"),
                )
            )
    return table(("capability and specification", "commands", "guide", "examples", "proof"), rows)


def proof_facts(root: Path, page: Path, results: Mapping[str, str] | None = None) -> str:
    """Every capability with its evidence, where that ran, and what has not been tried.

    Args:
        root: Root of the repository.
        page: The page that holds the tables.
        results: What became of its tests, by id of the specification; None leaves that column out.
    """
    parts = []
    for domain in DOMAINS:
        rows = [_proof(root, page, path, spec) for path, spec in _specifications(root) if spec.domain == domain]
        head: tuple[str, ...] = ("capability", "evidence command", "here, without a GPU", "on a GPU", "not yet")
        if results is not None:
            ids = [spec.id for _, spec in _specifications(root) if spec.domain == domain]
            head = (*head, "tests of this build")
            rows = [(*row, results.get(name, "not run")) for row, name in zip(rows, ids, strict=True)]
        parts.append(f"## {domain}\n\n{table(head, rows)}")
    return "\n\n".join(parts)


def _proof(root: Path, page: Path, path: Path, spec: Specification) -> tuple[str, ...]:
    tests = tests_of((root / path).read_text())
    here = f"{len(tests)} tests for {len({number for number, _, _ in tests})} requirements"
    reports = [(name, read_report(root, name)) for name in spec.reports]
    plain = [_link(page, _readable(name), "measured") for name, report in reports if not report.machine.gpus]
    gpus = [
        f"{_link(page, _readable(name), 'measured')} on {', '.join(report.machine.gpus)}"
        for name, report in reports
        if report.machine.gpus
    ]
    return (
        _link(page, path.as_posix(), spec.title),
        "<br>".join(f"`{command}`" for command in spec.acceptance),
        "; ".join((here, *(f"with {item}" for item in spec.proven_with), *plain)),
        "; ".join(gpus) or "no report",
        "; ".join(spec.not_yet),
    )


def _readable(report: str) -> str:
    return report.removesuffix(".json") + ".md"


def read_report(root: Path, name: str) -> BenchmarkReport:
    """One committed report.

    Raises:
        UnknownFactError: If it is not there.
    """
    if not (root / name).is_file():
        raise UnknownFactError("benchmark report", name, all_reports(root))
    return BenchmarkReport.model_validate_json((root / name).read_text())


def all_reports(root: Path) -> list[str]:
    """Committed benchmark reports, by path from the root."""
    return sorted(
        path.relative_to(root).as_posix()
        for domain in DOMAINS
        for path in (root / domain).glob("benchmarks/**/report.json")
    )


def measured_facts(root: Path, page: Path, wanted: str) -> str:
    """Results of committed benchmark reports.

    Args:
        root: Root of the repository.
        page: The page that holds the table.
        wanted: `FOLDER#what was measured, or how it begins = words for it; …`; without words the report's own.

    Raises:
        UnknownFactError: If a report or a result of it is not there, or several begin so.
    """
    rows = []
    for item in wanted.split(";"):
        folder, _, named = item.strip().partition("#")
        begin, _, words = named.partition(" = ")
        report = read_report(root, f"{folder}/report.json")
        found = [result for result in report.results if result.what == begin] or [
            result for result in report.results if result.what.startswith(begin)
        ]
        if len(found) != 1:
            raise UnknownFactError(f"one result of {folder}", begin, (result.what for result in report.results))
        what, *figures = _result(found[0])
        rows.append((words or what, *figures, _link(page, f"{folder}/report.md", f"{report.measured_at:%Y-%m-%d}")))
    return table(("measured", "result", "goal", "peer in the same run", "report"), rows)


def lap_facts(root: Path, name: str) -> str:
    """The laps of a committed summary of the flywheel.

    Raises:
        MissingFileError: If it is not there.
    """
    if not (root / name).is_file():
        raise MissingFileError(Path(name), "summary of the flywheel", "Copy `summary.json` of a run there.")
    summary = FlywheelSummary.model_validate_json((root / name).read_text())
    return table(("", *(f"lap {lap.lap}" for lap in summary.laps)), lap_rows(summary))


def _result(result: Result) -> tuple[str, ...]:
    goal = "" if result.goal is None else f"{'≥' if result.higher_is_better else '≤'} {result.goal:.4g}"
    missed = " (missed)" if result.met is False else ""
    peer = f"{result.peer:.4g} {result.peer_name}" if result.peer is not None else result.peer_name
    return result.what, f"{result.ours:.4g} {result.unit}", goal + missed, peer.strip()


def undeclared(root: Path, specifications: Iterable[tuple[Path, Specification]]) -> Iterator[Problem]:
    """What front matter names that is not there, and active specifications that lead a reader nowhere."""
    for path, spec in specifications:
        if spec.status == "active" and not spec.guide:
            yield problem(path, 1, "has no guide. Name the page that teaches it, e.g. `training/README.md`.")
        for name in (spec.guide.partition("#")[0], *spec.examples):
            if name and not (root / name).exists():
                yield problem(path, 1, f"front matter names {name}, which is not there. Correct the path.")
        for name in spec.reports:
            if not (root / name).is_file():
                yield problem(path, 1, f"front matter names the report {name}, which is not there.")
