"""Names of cohorts, robots and releases: DNS labels, so that they fit paths, Kubernetes and event ids alike."""

import re

from .errors import BadNameError

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # Source: RFC 1123, section 2.1


def check_name(what: str, name: str) -> str:
    """The name itself, if it is usable."""
    if not LABEL.fullmatch(name):
        raise BadNameError(what, name)
    return name


def members(text: str) -> tuple[str, tuple[str, ...]]:
    """A cohort and its robots, from `cohort=robot-1,robot-2` or the cohort alone."""
    cohort, _, robots = text.partition("=")
    named = tuple(check_name("robot", robot) for robot in robots.split(",") if robot)
    return check_name("cohort", cohort), named


def slug(text: str) -> str:
    """The nearest usable part of a name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:24].strip("-") or "policy"
