import pytest

from physai.fleet_intelligence.drift.attribution import attribute, holm
from physai.infrastructure.contracts import EpisodeEvent, digest_bytes

from .make_laps import event

POLICY = digest_bytes(b"policy")


def fleet(bad: dict[str, str], failing: int = 2) -> list[EpisodeEvent]:
    """Two sites of three robots, 40 episodes each: every 10th fails, at the bad ones every `failing`-th."""
    return [
        event(
            index,
            index % (failing if bad.items() <= where.items() else 10) != 0,
            POLICY,
            where["robot"],
            site=where["site"],
            cohort=where["cohort"],
        )
        for site in ("plant-1", "plant-2")
        for number in range(3)
        for where in ({"site": site, "robot": f"{site}-{number}", "cohort": "pilot" if number == 0 else "all"},)
        for index in range(40)
    ]


def test_holm_is_worked_by_hand() -> None:
    """Sorted .01 .03 .04, times 3 2 1: .03 .06 .04, and never falling: .03 .06 .06."""
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])


@pytest.mark.parametrize(
    "bad", [{"robot": "plant-2-1"}, {"site": "plant-1"}, {"cohort": "pilot"}], ids=["robot", "site", "cohort"]
)
def test_the_part_that_fails_is_named(bad: dict[str, str]) -> None:
    found = attribute(fleet(bad))
    assert {found.level: found.name} == bad
    assert found.outside is not None
    assert found.inside.value < found.outside.value


def test_a_drop_everywhere_is_the_policys() -> None:
    found = attribute(fleet({}, failing=2))
    assert (found.level, found.name, found.outside) == ("policy", POLICY, None)
    assert (found.inside.successes, found.inside.episodes) == (120, 240)


def test_of_parts_that_say_the_same_the_widest_is_named() -> None:
    """All of plant-2 is one robot."""
    events = [event(i, i % 10 != 0, POLICY) for i in range(60)]
    events += [event(i, i % 2 != 0, POLICY, "robot-2", site="plant-2") for i in range(60)]
    assert attribute(events).level == "site"
