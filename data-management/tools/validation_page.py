"""A validation as a page to read or to send."""

from collections import Counter
from pathlib import Path

from physai.infrastructure.aside import write_whole
from physai.infrastructure.page import environment

from .catalogue import CATALOGUE
from .validate import ValidationReport

TEMPLATES = Path(__file__).parent / "templates"


def write_validation_page(report: ValidationReport, output: Path) -> Path:
    """Write the page; it needs nothing but itself."""
    severities = Counter(finding.severity for finding in report.findings)
    page = (
        environment(TEMPLATES)
        .get_template("validation.html")
        .render(
            report=report,
            failures=severities["fail"],
            warnings=severities["warn"],
            counts=Counter(finding.defect for finding in report.findings),
            catalogue={name: defect._asdict() for name, defect in CATALOGUE.items()},
        )
    )
    return write_whole(output, page.encode())
