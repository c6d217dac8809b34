"""Requirements of a specification and the tests that answer them."""

import re

REQUIREMENT = re.compile(r"^- \*\*R(\d+)\*\*", re.MULTILINE)
TEST = re.compile(r"([\w/.-]+\.py)::(\w+)")


def requirements_of(text: str) -> list[tuple[int, int, list[tuple[str, str]]]]:
    """Number, line and tests (file, name) of each requirement, in order."""
    starts = [match.start() for match in REQUIREMENT.finditer(text)]
    numbers = [int(number) for number in REQUIREMENT.findall(text)]
    found = []
    for number, start, end in zip(numbers, starts, [*starts[1:], len(text)], strict=True):
        item = text[start:end].partition("\n\n")[0]
        found.append((number, text.count("\n", 0, start) + 1, TEST.findall(item)))
    return found


def tests_of(text: str) -> list[tuple[int, str, str]]:
    """Number of the requirement, file and name of every test that a specification names."""
    return [(number, file, name) for number, _, tests in requirements_of(text) for file, name in tests]
