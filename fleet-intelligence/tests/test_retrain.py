"""From a drift to a request: rules, budget, cool-down, approval, and which episodes to fetch."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from physai.fleet_intelligence.cli import app
from physai.fleet_intelligence.drift.check import check_drift
from physai.fleet_intelligence.drift.cusum import Level
from physai.fleet_intelligence.errors import OtherPackageError, OtherTelemetryError, UnknownRequestError
from physai.fleet_intelligence.retrain.cli import dataset_of
from physai.fleet_intelligence.retrain.decide import Decision, decide
from physai.fleet_intelligence.retrain.ledger import Ledger
from physai.fleet_intelligence.retrain.rules import SHIPPED, Budget, RetrainRules, Rule
from physai.fleet_intelligence.retrain.select import choose, failures
from physai.fleet_intelligence.telemetry.store import TelemetryStore
from physai.infrastructure.contracts import ContractError, DriftReport, EpisodeEvent, RetrainRequest, digest_bytes
from physai.infrastructure.errors import MissingFileError, PhysaiError
from physai.infrastructure.registry import manifest_digest
from physai.infrastructure.tests.registry_packages import make_package

from .make_laps import START, event
from .test_drift_check import report

POLICY, DATASET = digest_bytes(b"policy"), digest_bytes(b"dataset")
RULES = RetrainRules(rules=(Rule(where=("policy", "site"), then="retrain", collect_episodes=40),), workflow="w.yaml")


def production(failing: int, count: int = 60, **where: str) -> list[EpisodeEvent]:
    """Ten good episodes, then every `failing`-th fails; each command once."""
    return [event(n, n < 10 or n % failing != 0, POLICY, command=(float(n), 0.0), **where) for n in range(count)]


def drifted(events: list[EpisodeEvent], policy: str = POLICY) -> DriftReport:
    evaluation = report(policy)
    return check_drift(evaluation, evaluation.policies[0], events, Level(0.05, 100))


EVENTS = production(2)
DRIFT = drifted(EVENTS)


def answer(rules: RetrainRules = RULES, before: tuple[RetrainRequest, ...] = (), hours: float = 0.0) -> Decision:
    return decide(DRIFT, EVENTS, DATASET, rules, before, START + timedelta(hours=hours))


def asked(**changes: object) -> RetrainRequest:
    request = answer().request
    assert request is not None
    return request.model_copy(update=changes)


def test_a_store_of_other_episodes_is_named() -> None:
    with pytest.raises(OtherTelemetryError, match="Give the store that the report was made of"):
        decide(DRIFT, EVENTS[:10], DATASET, RULES, (), START)


def test_a_request_says_what_drifted_what_to_fetch_what_to_collect_and_what_to_run() -> None:
    decision = answer()
    request = decision.request
    assert decision.verdict == "retrain"
    assert request is not None
    assert (request.policy, request.dataset, request.drift) == (POLICY, DATASET, DRIFT.digest)
    assert (request.collect.site, request.collect.task, request.collect.episodes) == ("plant-1", "Isaac-Reach-UR10", 40)
    assert request.submit.workflow == "w.yaml"
    assert request.submit.values["champion"] == POLICY
    assert request.submit.values["episodes"] == 40
    assert {pull.event for pull in request.pull} == {each.id for each in failures(DRIFT, EVENTS)}
    assert request.may_start


def test_the_same_drift_asks_once_for_ever() -> None:
    request = asked()
    later = answer(before=(request,), hours=24 * 400)
    assert (later.verdict, later.request) == ("asked", request)


def test_another_drift_of_the_same_package_waits_for_the_cool_down() -> None:
    rules = RULES.model_copy(update={"cool_down_h": 72.0})
    earlier = (asked(name="retrain-other"),)
    assert answer(rules, earlier, hours=71).verdict == "asked"
    assert answer(rules, earlier, hours=73).verdict == "retrain"
    elsewhere = (asked(name="retrain-other", policy=digest_bytes(b"another")),)
    assert answer(rules, elsewhere, hours=1).verdict == "retrain"


def test_the_budget_counts_requests_and_episodes_of_its_days() -> None:
    """40 episodes were asked for and 40 would be: 80 fit, 79 do not."""
    earlier = (asked(name="retrain-other"),)
    for requests, episodes, verdict in ((2, 80, "retrain"), (1, 80, "refused"), (2, 79, "refused")):
        rules = RULES.model_copy(update={"budget": Budget(days=30, requests=requests, episodes=episodes)})
        assert answer(rules, earlier, hours=24 * 29).verdict == verdict
        assert answer(rules, earlier, hours=24 * 31).verdict == "retrain"


def test_a_robot_that_fails_alone_is_looked_at_and_not_learned_from() -> None:
    events = production(1) + [event(n, True, POLICY, "robot-2") for n in range(60)]
    drift = drifted(events)
    assert drift.attribution is not None
    assert drift.attribution.level == "robot"
    decision = decide(drift, events, DATASET, RetrainRules.load("fleet"), (), START)
    assert (decision.verdict, decision.request) == ("inspect", None)


def test_no_drift_and_no_rule_ask_for_nothing() -> None:
    quiet = drifted(production(50))
    assert decide(quiet, EVENTS, DATASET, RULES, (), START).why == "no drift"
    small = RULES.model_copy(update={"rules": (Rule(where=("policy",), least_drop=0.9, then="retrain"),)})
    assert "no rule for a drop of" in answer(small).why


def test_the_fleet_s_rules_want_a_person_s_word() -> None:
    waiting = answer(RetrainRules.load("fleet")).request
    assert waiting is not None
    assert not waiting.may_start


def test_the_worst_is_fetched_first_and_then_what_lies_farthest() -> None:
    """Commands 0, 1, 9 and 10 on a line; 1 ended worst, so 10 is the farthest (9 away), then 0 and 9 (1 away)."""
    failed = [
        event(n, False, POLICY, command=(at,), kpis={"final_error_m": 0.9 if at == 1 else 0.1})
        for n, at in enumerate((0.0, 1.0, 9.0, 10.0, 10.0))
    ]
    chosen = choose(failed, 10)
    assert [pull.episode for pull in chosen] == [1, 3, 0, 2]
    assert [pull.novelty for pull in chosen] == pytest.approx([1.0, 0.9, 0.1, 0.1])
    assert choose(failed, 2) == chosen[:2]
    assert choose([], 5) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=3), min_size=1, max_size=12), st.integers(0, 12))
def test_whatever_the_commands_no_episode_and_no_command_is_fetched_twice(
    commands: list[list[float]], most: int
) -> None:
    failed = [event(n, False, POLICY, command=tuple(command)) for n, command in enumerate(commands)]
    chosen = choose(failed, most)
    told = [tuple(commands[pull.episode]) for pull in chosen if commands[pull.episode]]
    assert len(told) == len(set(told))
    assert len({pull.event for pull in chosen}) == len(chosen)
    distinct = len({tuple(command) for command in commands if command}) + sum(not command for command in commands)
    assert len(chosen) == min(most, distinct)
    assert np.all(np.diff([pull.novelty for pull in chosen]) <= 1e-12)


def test_approval_is_given_once_and_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.keep(asked(name="retrain-1", needs_approval="a person"))
    first = ledger.approve("retrain-1", "anna", "seen on site", START)
    assert first.may_start
    assert ledger.approve("retrain-1", "bert", "too", START + timedelta(hours=1)) == first
    assert ledger.requests() == [first]
    with pytest.raises(UnknownRequestError, match=r"no request 'retrain-2'\. Known: retrain-1"):
        ledger.approve("retrain-2", "anna", "", START)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_rules_are_rules(name: str) -> None:
    assert RetrainRules.load(name).workflow == "fleet-intelligence/workflows/osmo/flywheel.yaml"


def test_rules_that_are_none_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    with pytest.raises(MissingFileError, match="Shipped rules are fleet, simulation"):
        RetrainRules.load(str(path))
    path.write_text("a: [")
    with pytest.raises(PhysaiError, match="not YAML"):
        RetrainRules.load(str(path))
    path.write_text("kind: retrain-rules\nversion: 1\nrules: []\nworkflow: w\ncooldown: 3\n")
    with pytest.raises(ContractError, match=r"rules: .*at least 1 item"):
        RetrainRules.load(str(path))


class Desk:
    """A package, its telemetry and its drift report, and the commands on them."""

    def __init__(self, folder: Path) -> None:
        self.package = make_package(folder / "package", dataset=DATASET)
        policy = manifest_digest(self.package)
        events = [each.model_copy(update={"data": each.data.model_copy(update={"policy": policy})}) for each in EVENTS]
        TelemetryStore(folder / "t.db").add(events)
        self.drift = folder / "drift.json"
        drifted(events, policy).write(self.drift)
        self.output = folder / "request.json"
        self.ledger = folder / "ledger"
        self._store = folder / "t.db"

    def run(self, verb: str, *words: str, code: int = 0) -> str:
        named = ["--ledger", str(self.ledger)]
        if verb in ("plan", "request"):
            named += [str(self.drift), "--store", str(self._store), "--package", str(self.package)]
        if verb == "request":
            named += ["--output", str(self.output)]
        outcome = CliRunner().invoke(app, ["retrain", verb, *named, *words], env={"COLUMNS": "300"})
        assert outcome.exit_code == code, outcome.output
        return outcome.stdout


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_commands_lead_from_a_plan_to_an_approved_request(desk: Desk) -> None:
    planned = json.loads(desk.run("plan", "--json"))
    assert planned["verdict"] == "retrain"
    assert not desk.output.exists()
    assert json.loads(desk.run("status", "--json")) == {"requests": []}
    assert "a person's word" in desk.run("request", "--collect-episodes", "70")
    made = RetrainRequest.read(desk.output)
    assert (made.name, made.collect.episodes) == (planned["request"]["name"], 70)
    assert "physai jobs submit" in desk.run("approve", made.name, "--by", "anna", "--reason", "seen")
    assert "asked" in desk.run("request")
    assert RetrainRequest.read(desk.output).may_start
    assert "approved by anna" in desk.run("status")


def test_without_drift_there_is_no_request_and_an_old_one_is_removed(desk: Desk) -> None:
    desk.run("request")
    assert desk.output.exists()
    drift = DriftReport.read(desk.drift)
    drift.model_copy(update={"detected_at": None, "changed_at": None, "attribution": None}).write(desk.drift)
    assert "no drift" in desk.run("request")
    assert not desk.output.exists()


def test_another_package_than_the_one_that_drifted_is_refused(desk: Desk) -> None:
    assert dataset_of(DriftReport.read(desk.drift).policy, desk.package) == DATASET
    with pytest.raises(OtherPackageError, match="holds sha256:"):
        dataset_of(POLICY, desk.package)
    shutil.rmtree(desk.package)
    assert desk.run("request", code=1) == ""
    assert not desk.output.exists()
