"""Play policies in simulation under stored conditions, and decide on the evidence."""

import os
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from physai.infrastructure.console import Json, show, stderr
from physai.infrastructure.contracts import Interval, Role, Verdict

from .deploy.cli import app as deploy_app

if TYPE_CHECKING:
    from rich.table import Table

    from physai.infrastructure.contracts import EvaluationReport, GateVerdict, SequentialDesign, SequentialPlan

    from .hil.report import HilReport
    from .judge.vote import JudgeReport
    from .offline import OfflineReport
    from .sinks import Publication, Sink

app = typer.Typer(help=__doc__, no_args_is_help=True)
conditions_app = typer.Typer(help="Stored conditions, so that policies meet the same world.", no_args_is_help=True)
sil_app = typer.Typer(help="Software in the loop: policies play a simulated robot.", no_args_is_help=True)
hil_app = typer.Typer(help="Hardware in the loop: the policy runs on its device.", no_args_is_help=True)
gate_app = typer.Typer(help="Rules that a policy must pass before it is released.", no_args_is_help=True)
app.add_typer(conditions_app, name="conditions")
app.add_typer(sil_app, name="sil")
app.add_typer(hil_app, name="hil")
app.add_typer(gate_app, name="gate")
app.add_typer(deploy_app, name="deploy")

Reference = Annotated[float, typer.Option(min=0.01, max=0.99, help="Expected success of the champion.")]
Improvement = Annotated[float, typer.Option(min=0.01, max=0.98, help="Least gain in success worth knowing of.")]
Alpha = Annotated[float, typer.Option(min=1e-4, max=0.4, help="Risk, at most, of calling better what is not.")]
Power = Annotated[float, typer.Option(min=0.51, max=0.99, help="Chance, at least, of finding that gain.")]
EXIT = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}
ROLES: tuple[Role, ...] = get_args(Role)


class Target(StrEnum):
    """A kind of sink."""

    MLFLOW = "mlflow"
    AZURE_MONITOR = "azure-monitor"
    EVENTHOUSE = "eventhouse"


def parse_pair(text: str) -> tuple[str | None, Path]:
    """`NAME=PATH`, or a path alone."""
    name, separator, path = text.partition("=")
    return (name, Path(path)) if separator else (None, Path(text))


def parse_roles(policies: list[str]) -> dict[Role, Path]:
    """`ROLE=PATH` of every policy, each role once, with a candidate among them."""
    folders: dict[Role, Path] = {}
    for text in policies:
        name, path = parse_pair(text)
        role = next((role for role in ROLES if role == name and role != "expert"), None)
        if role is None:
            raise typer.BadParameter(f"'{text}': write ROLE=PACKAGE with candidate, champion or untrained as role.")
        if role in folders:
            raise typer.BadParameter(f"'{text}': the role {role} is given twice.")
        folders[role] = path
    if "candidate" not in folders:
        raise typer.BadParameter("a policy candidate=PACKAGE is needed.")
    return folders


@conditions_app.command()
def create(
    task: Annotated[
        str, typer.Option(help="Isaac Lab task id, or gymnasium: and a Gymnasium id.")
    ] = "Isaac-Reach-UR10",
    world: Annotated[str, typer.Option(help="Name of a shipped world, or a JSON file.")] = "nominal",
    episodes: Annotated[int, typer.Option(min=1, help="How many to draw.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same conditions.")] = 1,
    horizon_s: Annotated[float, typer.Option(min=0.1, help="Time after which an episode has failed.")] = 5.0,
    success: Annotated[
        str | None,
        typer.Option(help="Rule of a Gymnasium task: 'info.KEY', 'return >= X', 'steps >= N'."),
    ] = None,
    output: Annotated[Path, typer.Option(help="JSON file to write.")] = Path("conditions.json"),
    as_json: Json = False,
) -> None:
    """Draw the conditions of episodes and store them. No simulator is started.

    Example: physai evaluation conditions create --world nominal --episodes 60 --seed 1 --output conditions.json
    """
    from physai.infrastructure.simulation import load_world

    from .sil.conditions import create_conditions

    drawn = create_conditions(
        task, load_world(world), episodes=episodes, seed=seed, horizon_s=horizon_s, success=success
    )
    drawn.write(output)
    show(drawn, as_json, f"{output}: {episodes} conditions of {task} in world '{drawn.world.name}', {drawn.digest}")


@app.command()
def serve(
    packages: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]PACKAGE...", help="Policy packages to serve; default: the one that AzureML has mounted."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    grpc_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Serve gRPC too; 0 takes a free one.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Of ONNX Runtime, per request.")] = 1,
    max_body_mb: Annotated[int, typer.Option(min=1, help="Larger requests are refused.")] = 64,
    batch_wait_ms: Annotated[
        float, typer.Option(min=0, max=1000, help="How long a request waits for others to be answered with it.")
    ] = 0.0,
) -> None:
    """Serve verified packages by the Open Inference Protocol v2 over HTTP and gRPC, until SIGTERM or Ctrl-C.

    Without packages it serves the one below AZUREML_MODEL_DIR, as in an online endpoint of AzureML.

    Example: physai evaluation serve candidate=out/package untrained=out/untrained --port 8000
    """
    from .sil.host import PolicyHost
    from .sil.served import MOUNT, ServedPolicy, mounted
    from .sil.server import serve as run

    if not packages and MOUNT not in os.environ:
        raise typer.BadParameter(f"give a package; {MOUNT}, where AzureML mounts one, is not set.")
    pairs = [parse_pair(text) for text in packages or ()] or [(None, mounted(Path(os.environ[MOUNT])))]
    policies = [ServedPolicy.load(path, name, threads) for name, path in pairs]
    names = [policy.name for policy in policies]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise typer.BadParameter(f"two packages are named '{twice[0]}'. Give one another name: NAME=PACKAGE.")
    run(PolicyHost(policies, max_body_mb * 2**20, batch_wait_ms / 1e3), host, port, grpc_port)


@app.command("prove")
def prove_host(
    package: Annotated[Path, typer.Argument(help="Policy package.")],
    server: Annotated[str, typer.Option(help="http://, https://, grpc:// or openpi's ws://.")],
    model: Annotated[str | None, typer.Option(help="Its name there; default: the package's.")] = None,
    wait_s: Annotated[float, typer.Option(min=0, help="How long to wait until the model is ready.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Make sure that a host serves this very package: its digest, its tensors, its golden answers.

    Example: physai evaluation prove out/package --server http://jetson:8000
    """
    from .deploy.prove import prove

    found = prove(package, server, model, wait_s)
    said = f"{server}: model '{found.model}' is {found.package}, {found.golden_rows} golden rows in"
    show(found, as_json, f"{said} {found.round_trip_ms:.1f} ms")


@app.command("judge")
def judge_film(
    evaluation: Annotated[Path, typer.Argument(help="Folder of `sil run`, with its film.")],
    judge: Annotated[str, typer.Option(help="OpenAI-compatible endpoint, e.g. http://localhost:8000/v1.")],
    output: Annotated[Path, typer.Option(help="Report to write.")],
    judge_model: Annotated[str, typer.Option(help="Its model.")] = "nvidia/Cosmos-Reason2-2B",
    task: Annotated[str | None, typer.Option(help="In words, and what success looks like; default: its id.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder of votes; default: in the home of physai.")] = None,
    as_json: Json = False,
) -> None:
    """Ask a vision language model about the filmed episodes, and say how far it agrees with the task's own term.

    A second opinion: no gate reads it. What a model was shown before is not asked again.

    Example: physai evaluation judge out/evaluation --judge http://localhost:8000/v1 --output out/judge.json
    """
    from physai.infrastructure.judge import VideoModel
    from physai.infrastructure.settings import settings

    from .judge.vote import judge as vote

    where = cache or settings().home / "votes"
    report = vote(evaluation, VideoModel(judge, judge_model), where, task)
    report.write(output)
    show(report, as_json, judge_table(report))


@app.command()
def benchmark(
    only: Annotated[list[str], typer.Option(help="comparisons, round-trips or episodes; default: all.")] = [],  # noqa: B006
    output: Annotated[Path | None, typer.Option(help="Folder for report.md and report.json.")] = None,
    as_json: Json = False,
) -> None:
    """Measure episodes to a decision, round trips to the host, and episodes per minute.

    Example: physai evaluation benchmark --only comparisons --output evaluation/benchmarks
    """
    from physai.infrastructure import benchmark as measuring

    def rows(name: str) -> measuring.Row:
        module = f"{__package__}.benchmark.{name.replace('-', '_')}"
        return measuring.Row(name, lambda: import_module(module).measure())

    report = measuring.benchmark(
        "evaluation",
        [rows(name) for name in ("comparisons", "round-trips", "episodes")],
        only=only,
        versions=("numpy", "scipy", "onnxruntime", "tritonclient", "grpcio", "isaaclab"),
    )
    if output is not None:
        measuring.write_report(report, output)
    show(report, as_json, measuring.report_table(report))


@sil_app.command("run")
def sil_run(
    conditions: Annotated[Path, typer.Option(help="From `physai evaluation conditions create`.")],
    policy: Annotated[
        list[str], typer.Option(metavar="ROLE=PACKAGE", help="ROLE=PACKAGE; roles: candidate, champion, untrained.")
    ],
    output: Annotated[Path, typer.Option(help="Folder to create.")],
    server: Annotated[
        str | None, typer.Option(help="http://, grpc:// or openpi's ws://; default: a host of our own.")
    ] = None,
    expert: Annotated[bool, typer.Option("--expert", help="Let Isaac Lab's expert play too.")] = False,
    wait_s: Annotated[float, typer.Option(min=0, help="How long to wait for the policy host.")] = 60.0,
    timeout_s: Annotated[float, typer.Option(min=0.01, help="How long one answer may take.")] = 60.0,
    num_envs: Annotated[int, typer.Option(min=1, help="Environments stepped together, at most.")] = 64,
    device_profile: Annotated[
        Path | None, typer.Option(help="Report of `hil run`, whose latencies are put in.")
    ] = None,
    interval: Annotated[Interval, typer.Option(help="Of the success rates, both at 95 %.")] = "wilson",
    workers: Annotated[bool, typer.Option("--workers", help="Step Gymnasium environments in processes.")] = False,
    as_json: Json = False,
) -> None:
    """Let every policy play the same conditions in simulation. Killed and started again, it goes on.

    Example: physai evaluation sil run --conditions conditions.json --policy candidate=out/package --output out/sil
    """
    folders = parse_roles(policy)
    from rich.progress import TaskID

    from physai.infrastructure.console import progress
    from physai.infrastructure.contracts import ConditionSet

    from .sil.entrants import read_entrants
    from .sil.evaluate import Plan, evaluate
    from .sil.profile import read_profile

    profile = read_profile(device_profile) if device_profile else None
    entrants = read_entrants(folders)
    plan = Plan(
        ConditionSet.read(conditions), entrants, expert, server, wait_s, num_envs, timeout_s, interval, profile, workers
    )
    bar = progress()
    bars: dict[Role, TaskID] = {}

    def advance(role: Role, done: int, total: int) -> None:
        bar.start()
        if role not in bars:
            bars[role] = bar.add_task(role, total=total)
        bar.update(bars[role], completed=done)

    try:
        report = evaluate(plan, output, advance)
    finally:
        if bars:
            bar.stop()
    show(report, as_json, report_table(report))


@sil_app.command("compare")
def sil_compare(
    conditions: Annotated[Path, typer.Option(help="From `physai evaluation conditions create`.")],
    candidate: Annotated[Path, typer.Option(help="Package that wants to replace the champion.")],
    champion: Annotated[Path, typer.Option(help="Package that robots run now.")],
    output: Annotated[Path, typer.Option(help="Folder to create.")],
    reference: Reference = 0.6,
    improvement: Improvement = 0.2,
    alpha: Alpha = 0.025,
    power: Power = 0.8,
    server: Annotated[str | None, typer.Option(help="URL of a policy host; default: one of our own.")] = None,
    wait_s: Annotated[float, typer.Option(min=0, help="How long to wait for the policy host.")] = 60.0,
    num_envs: Annotated[
        int, typer.Option(min=1, help="Environments: as many conditions are played before each look.")
    ] = 8,
    as_json: Json = False,
) -> None:
    """Play candidate and champion side by side until a sequential test knows which is better.

    Exits with 0 for better, 1 for not better, 3 if the conditions ran out before it was clear.

    Example: physai evaluation sil compare --conditions conditions.json --candidate new --champion old --output out
    """
    from physai.infrastructure.contracts import ConditionSet

    from . import metrics
    from .sil.compare import compare
    from .sil.entrants import read_entrants
    from .sil.evaluate import Plan

    design = _design(reference, improvement, alpha, power)
    entrants = read_entrants({"candidate": candidate, "champion": champion})
    plan = Plan(ConditionSet.read(conditions), entrants, expert=False, server=server, wait_s=wait_s, envs=num_envs)
    better, equal = metrics.plan(design).better, metrics.plan(design).equal
    stderr.print(
        f"{better.mean_episodes:.0f} conditions on average if it is better by {improvement:g}, "
        f"{equal.mean_episodes:.0f} if it is equal; 9 of 10 comparisons end within {better.p90_episodes}"
    )
    report = compare(plan, design, output, lambda role, done, total: stderr.print(f"{role}: {done} of {total} played"))
    assert report.sequential is not None
    test = report.sequential
    stderr.print(f"{test.decision} after {test.episodes} conditions: {test.wins} wins, {test.losses} losses")
    show(report, as_json, report_table(report))
    raise typer.Exit({"better": 0, "not-better": 1, "undecided": 3}[test.decision])


@sil_app.command("plan")
def sil_plan(
    reference: Reference = 0.6,
    improvement: Improvement = 0.2,
    alpha: Alpha = 0.025,
    power: Power = 0.8,
    as_json: Json = False,
) -> None:
    """Say how many conditions a sequential comparison will need, before any is played.

    Example: physai evaluation sil plan --reference 0.9 --improvement 0.05
    """
    from .metrics import plan

    planned = plan(_design(reference, improvement, alpha, power))
    show(planned, as_json, plan_table(planned))


@app.command("replay")
def replay_offline(
    dataset: Annotated[Path, typer.Argument(help="LeRobot v3.0 dataset.")],
    package: Annotated[Path, typer.Option(help="Policy package.")],
    output: Annotated[Path, typer.Option(help="Report to write.")],
    split: Annotated[str, typer.Option(help="Episodes to replay.")] = "heldout",
    as_json: Json = False,
) -> None:
    """Ask a package at every row of recorded episodes, and say how far its actions are from those recorded.

    No simulator: a first look, not evidence. A policy can copy every action and still fail, and the other way round.

    Example: physai evaluation replay out/dataset --package out/package --output out/offline.json
    """
    from physai.infrastructure.console import tracked

    from .offline import replay

    report = replay(dataset, package, split, tracked("replaying"))
    report.write(output)
    show(report, as_json, offline_table(report))


@app.command("publish")
def publish_report(
    report: Annotated[Path, typer.Argument(help="report.json of an evaluation.")],
    to: Annotated[list[Target], typer.Option(help="Where to; again for more.")],
    experiment: Annotated[str, typer.Option(help="Of MLflow.")] = "evaluation",
    eventhouse: Annotated[str | None, typer.Option(help="URI of the Eventhouse, or of a Kusto cluster.")] = None,
    database: Annotated[str, typer.Option(help="Of the Eventhouse.")] = "Fleet",
    receipt: Annotated[
        Path | None, typer.Option(help="Where to note which sinks have it; default: beside the report.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send a report to sinks that lack it. Exits with 1 if one did not take it; the report stays, so publish again.

    MLflow is the setting `tracking_uri`; Azure Monitor is what APPLICATIONINSIGHTS_CONNECTION_STRING names.

    Example: physai evaluation publish out/evaluation/report.json --to mlflow --to azure-monitor
    """
    from .errors import UnpublishedError
    from .sinks import publish

    sinks = [_sink(target, experiment, eventhouse, database) for target in dict.fromkeys(to)]
    published = publish(report, sinks, receipt)
    show(published, as_json, publication_table(published))
    if published.failures:
        raise UnpublishedError(report, published.failures)


def _sink(target: Target, experiment: str, eventhouse: str | None, database: str) -> "Sink":
    if target is Target.MLFLOW:
        from .sinks.tracking import TrackingSink

        return TrackingSink(experiment)
    if target is Target.AZURE_MONITOR:
        from .sinks.monitor import CONNECTION, MonitorSink

        if not (connection := os.environ.get(CONNECTION)):
            raise typer.BadParameter(f"--to azure-monitor needs {CONNECTION} of the Application Insights resource.")
        return MonitorSink(connection)
    from .sinks.eventhouse import EventhouseSink

    if eventhouse is None:
        raise typer.BadParameter("--to eventhouse needs --eventhouse URI.")
    return EventhouseSink.at(eventhouse, database)


def publication_table(published: "Publication") -> "Table":
    """What became of a report at every sink."""
    from rich.table import Table

    table = Table("sink", "report")
    for delivery in published.deliveries:
        table.add_row(delivery.sink, delivery.status)
    return table


@hil_app.command("run")
def hil_run(
    conditions: Annotated[Path, typer.Option(help="From `physai evaluation conditions create`.")],
    package: Annotated[Path, typer.Option(help="The package that the device must serve.")],
    server: Annotated[str, typer.Option(help="URL of `physai evaluation serve` on the device.")],
    output: Annotated[Path, typer.Option(help="Report to write.")],
    model: Annotated[str | None, typer.Option(help="Its name there; default: the package's own.")] = None,
    limited_rad_s: Annotated[float, typer.Option(min=0.01, help="Joint speed on the second rung.")] = 0.25,
    max_misses: Annotated[
        int,
        typer.Option(min=0, help="Control steps in a row without an action that are borne; one more stops the robot."),
    ] = 15,
    wait_s: Annotated[float, typer.Option(min=0, help="How long to wait for the device.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Rehearse a policy on its device in real time: watched, slow, then as trained. Exits with 1 if it was stopped.

    Example: physai evaluation hil run --conditions c.json --package p --server http://jetson:8000 --output hil.json
    """
    from physai.infrastructure.contracts import ConditionSet

    from .hil.ladder import Ladder
    from .hil.run import Rehearsal, rehearse
    from .sil.entrants import read_entrants

    (entrant,) = read_entrants({"candidate": package})
    ladder = Ladder(limited_rad_s=limited_rad_s, max_consecutive_misses=max_misses)
    name = model or entrant.package.name
    asked = Rehearsal(ConditionSet.read(conditions), entrant, server, name, ladder, wait_s)
    report = rehearse(asked, output, lambda rung, done, total: stderr.print(f"{rung}: episode {done} of {total}"))
    show(report, as_json, hil_table(report))
    raise typer.Exit(0 if report.passed else 1)


@gate_app.command()
def check(
    report: Annotated[Path, typer.Argument(help="report.json of an evaluation.")],
    package: Annotated[Path, typer.Option(help="The package that wants to pass.")],
    output: Annotated[Path, typer.Option(help="Verdict to write.")],
    gates: Annotated[Path | None, typer.Option(help="Rules; default: those that come with physai.")] = None,
    role: Annotated[Role, typer.Option(help="Whose result is judged.")] = "candidate",
    expect: Annotated[
        Verdict | None, typer.Option(help="Exit with 0 for this verdict and with 1 for any other.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Apply the rules to the evidence. Exits with 0 for PASS, 1 for FAIL, 3 for INCONCLUSIVE.

    A gate that cannot say no is worth nothing: `--role untrained --expect FAIL` tries it on one that must not pass.

    Example: physai evaluation gate check out/evaluation/report.json --package out/package --output out/verdict.json
    """
    from physai.infrastructure.contracts import EvaluationReport
    from physai.infrastructure.registry import manifest_digest
    from physai.infrastructure.registry.verify import verify_package

    from .gate import judge
    from .gate_rules import DEFAULT, GateRules

    output.unlink(missing_ok=True)  # an old verdict must not outlive a refusal
    rules = GateRules.read(gates or DEFAULT)
    evidence = EvaluationReport.read(report)
    verify_package(package)
    verdict = judge(evidence, report, manifest_digest(package), rules, role)
    verdict.write(output)
    show(verdict, as_json, verdict_table(verdict))
    raise typer.Exit(EXIT[verdict.verdict] if expect is None else int(verdict.verdict != expect))


def report_table(report: "EvaluationReport") -> "Table":
    """Success of every policy with its interval, and its difference from the candidate."""
    from rich.table import Table

    table = Table(
        "policy",
        "success",
        "95 % interval",
        "candidate better by",
        "p50 ms",
        title=f"{report.task} in '{report.world}'",
    )
    against = {comparison.reference: comparison for comparison in report.comparisons}
    for result in report.policies:
        rate, pair = result.success, against.get(result.role)
        table.add_row(
            result.role,
            f"{rate.successes}/{rate.episodes} = {rate.value:.3f}",
            f"{rate.lower:.3f} … {rate.upper:.3f}",
            f"{pair.difference:+.3f} ({pair.lower:+.3f} … {pair.upper:+.3f})" if pair else "",
            f"{result.inference_ms['p50']:.1f}" if result.inference_ms else "",
        )
    return table


def verdict_table(verdict: "GateVerdict") -> "Table":
    """Every rule with its answer."""
    from rich.table import Table

    table = Table("rule", "measured", "verdict", title=verdict.verdict)
    for rule in verdict.rules:
        table.add_row(rule.rule, "missing" if rule.value is None else f"{rule.value:.4g}", rule.verdict)
    return table


def _design(reference: float, improvement: float, alpha: float, power: float) -> "SequentialDesign":
    from physai.infrastructure.contracts import SequentialDesign

    if reference + improvement >= 1:
        raise typer.BadParameter(f"--reference + --improvement is {reference + improvement:g}, and must stay below 1.")
    return SequentialDesign(reference=reference, improvement=improvement, alpha=alpha, power=power)


def judge_table(report: "JudgeReport") -> "Table":
    """Every filmed episode by both, and how far they agree."""
    from rich.table import Table

    seen = report.agreement
    beyond = "undefined" if seen.kappa is None else f"{seen.kappa:.2f}"
    counts = f"{seen.both + seen.neither} of {seen.episodes} alike, Cohen's kappa {beyond}"
    table = Table("condition", "task", "judge", "failure", "reason", title=f"{report.model}: {counts}")
    words = {True: "success", False: "failure"}
    for each in report.episodes:
        vote = each.vote
        table.add_row(
            str(each.condition), words[each.task_success], words[vote.success], vote.failure_mode, vote.reason
        )
    return table


def hil_table(report: "HilReport") -> "Table":
    """Every rung: how it went, and how fast the device was."""
    from rich.table import Table

    clock = f"clock {report.clock.offset_s * 1e3:+.1f} ± {report.clock.uncertainty_s * 1e3:.1f} ms"
    table = Table("rung", "episodes", "latency p50, p99 ms", "misses", "in a row", "", title=f"{report.url}, {clock}")
    for rung in report.rungs:
        latency = f"{rung.latency_ms['p50']:.1f}, {rung.latency_ms['p99']:.1f}" if rung.latency_ms else ""
        outcome = f"{rung.success.successes} of {rung.success.episodes} succeed" if rung.success else "completed"
        misses = f"{rung.misses} of {rung.steps}"
        table.add_row(rung.rung, str(rung.episodes), latency, misses, str(rung.longest_miss), rung.aborted or outcome)
    return table


def offline_table(report: "OfflineReport") -> "Table":
    """The error of every action."""
    from rich.table import Table

    title = f"{report.rows} rows of {report.episodes} episodes in '{report.split}', normalised MSE {report.nmse:.3g}"
    table = Table("action", "normalised MSE", "mean absolute error", title=title)
    for joint in report.joints:
        table.add_row(joint.name, f"{joint.nmse:.3g}", f"{joint.mean_abs:.3g} {joint.unit}")
    return table


def plan_table(plan: "SequentialPlan") -> "Table":
    """What the test will do if the candidate is better, equal or worse."""
    from rich.table import Table

    table = Table("candidate is", "success", "called better", "conditions: mean", "median", "9 of 10 within")
    for name, case in (("better", plan.better), ("equal", plan.equal), ("worse", plan.worse)):
        table.add_row(
            name,
            f"{case.reference:g} → {case.candidate:g}",
            f"{case.called_better:.2%}",
            f"{case.mean_episodes:.0f}",
            str(case.median_episodes),
            str(case.p90_episodes),
        )
    return table
