"""Every test has a home of its own; the one of the checkout belongs to its user."""

import os
import signal
from collections.abc import Generator, Iterator

import hypothesis
import pytest

from physai.infrastructure.request_ids import keep_no_files
from physai.infrastructure.scheduling import ordinary_priority
from physai.infrastructure.settings import PREFIX, settings

# Tests stop processes by hand; what a shell starts in the background inherits signals that are ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# pytest-xdist tells workers of a terminal; a console made with these keeps their width, whatever a test sets.
for size in ("COLUMNS", "LINES"):
    os.environ.pop(size, None)
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = (
    "false"  # else a child of a process that has served gRPC may die before it runs
)

keep_no_files()  # a worker runs thousands of tests

hypothesis.settings.register_profile("physai", deadline=None)  # machines differ, and are shared
hypothesis.settings.load_profile("physai")


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """State of the whole session, and none of the settings of whoever runs it."""
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(PREFIX)}
    os.environ["PHYSAI_HOME"] = str(tmp_path_factory.mktemp("home"))
    settings.cache_clear()
    yield
    del os.environ["PHYSAI_HOME"]
    os.environ.update(before)
    settings.cache_clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """As root an encoder that LeRobot opens makes this process a real-time one, which starves all beside it."""
    with ordinary_priority():
        return (yield)
