"""Results of a test run, held against the requirements that name the tests."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from defusedxml import ElementTree

from ..contracts import Contract
from ..specs.requirements import tests_of
from ..specs.specification import read_specification, specification_files
from .errors import JunitError

Outcome = Literal["passed", "failed", "skipped"]
WORST: tuple[Outcome, ...] = ("failed", "skipped", "passed")


class Evidence(Contract):
    """What a test run says of one specification."""

    id: str
    status: str
    passed: int
    missing: tuple[str, ...]
    """Tests of requirements that were skipped or not run."""
    failed: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing failed and something passed."""
        return self.passed > 0 and not self.failed

    def text(self) -> str:
        """For a table: `12 of 12 passed`."""
        total = self.passed + len(self.missing) + len(self.failed)
        return f"{self.passed} of {total} passed" + (f", **{len(self.failed)} failed**" if self.failed else "")


class Proof(Contract):
    """What a test run says of all of them."""

    capabilities: tuple[Evidence, ...]


def read_junit(path: Path) -> Mapping[tuple[str, str], Outcome]:
    """Outcome of each test function, by module with dots and name; the worst of its parameters.

    Raises:
        JunitError: If it is not there, or is no JUnit XML with a test in it.
    """
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except FileNotFoundError as error:
        raise JunitError(path, "no such file") from error
    except ElementTree.ParseError as error:
        raise JunitError(path, str(error)) from error
    if not cases:
        raise JunitError(path, "no test in it")
    found: dict[tuple[str, str], Outcome] = {}
    for case in cases:
        kinds = {child.tag for child in case}
        outcome: Outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        key = (case.get("classname", ""), case.get("name", "").partition("[")[0])
        found[key] = min(found.get(key, outcome), outcome, key=WORST.index)
    return found


def evidence(root: Path, junit: Path) -> Proof:
    """Hold a test run against every specification.

    Args:
        root: Root of the repository.
        junit: What `pytest --junitxml` wrote.
    """
    results = read_junit(junit)
    found = []
    for path in specification_files(root):
        spec = read_specification(root, path)
        tests = {(file, name) for _, file, name in tests_of((root / path).read_text())}
        outcomes = {f"{file}::{name}": _outcome(results, file, name) for file, name in sorted(tests)}
        found.append(
            Evidence(
                id=spec.id,
                status=spec.status,
                passed=Counter(outcomes.values())["passed"],
                missing=tuple(test for test, outcome in outcomes.items() if outcome in {None, "skipped"}),
                failed=tuple(test for test, outcome in outcomes.items() if outcome == "failed"),
            )
        )
    return Proof(capabilities=tuple(found))


def _outcome(results: Mapping[tuple[str, str], Outcome], file: str, name: str) -> Outcome | None:
    """Of a test function, or of a state machine of hypothesis, which is a class of one test."""
    module = file.removesuffix(".py").replace("/", ".")
    return results.get((module, name)) or results.get((f"{module}.{name}", "runTest"))
