"""Size, price, set up, examine and take down the Azure platform."""

import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..aside import write_whole
from ..console import Json, show, stderr, stdout
from ..contracts import Contract
from ..settings import settings
from .apply import Done, apply_step
from .command import Command, Runner
from .cost import Cost, cost_of, markdown
from .destroy import Losses, commands, confirm, losses
from .doctor import Diagnosis, diagnose
from .platform import Platform, read_platform
from .profile import FOLDER, SUFFIX, load_profile, profile_names
from .steps import STEPS, Context, Options, chosen

app = typer.Typer(help=__doc__, no_args_is_help=True)
setup = typer.Typer(help="Install what the platform needs on its cluster.", no_args_is_help=True)
app.add_typer(setup, name="setup")

ProfileName = Annotated[str, typer.Option("--profile", help="dev, prod, private, or a *.tfvars.json of your own.")]
Host = Annotated[str | None, typer.Option(help="Name under which people reach OSMO, e.g. osmo.example.com.")]
ClientId = Annotated[str | None, typer.Option(help="Entra application that people log in to.")]
EdgeContext = Annotated[str | None, typer.Option(help="kubectl context of a cluster at the edge.")]
Dashboards = Annotated[str | None, typer.Option(help="Folder of more Grafana dashboards, as JSON.")]
StepName = Annotated[str, typer.Argument(help=f"{', '.join(STEPS)}; or all, which leaves out edge-backend.")]


class Plan(Contract):
    """Every command of every step, secrets by name."""

    steps: dict[str, tuple[str, ...]]


class Report(Contract):
    """What became of the steps."""

    done: tuple[Done, ...]


class Bill(Contract):
    """The costs of profiles."""

    costs: tuple[Cost, ...]


def outputs() -> Path:
    """Where `terraform output -json` was written."""
    return settings().home / "terraform-outputs.json"


def _state(platform: Platform) -> Path:
    """Where it is noted what was done to a platform."""
    return settings().home / "setup" / platform.name


def _context(options: Options) -> Context:
    return Context(platform=read_platform(outputs()), options=options)


@app.command()
def cost(
    profile: ProfileName = "all",
    target: Annotated[Path | None, typer.Option("--markdown", help="Write all of it as a page.")] = None,
    as_json: Json = False,
) -> None:
    """Price a profile from the table of list prices: what is always there, and what pools add by the hour.

    Example: physai infrastructure cost --profile dev
    """
    names = profile_names() if profile == "all" else (profile,)
    profiles = {name: load_profile(name) for name in names}
    bill = Bill(costs=tuple(cost_of(name, one) for name, one in profiles.items()))
    if target:
        write_whole(target, markdown(list(bill.costs)).encode())
    table = Table("profile", "what", "count", "$ a month", "$ an hour", "source")
    for one in bill.costs:
        for line in one.fixed:
            table.add_row(one.profile, line.what, f"{line.count:g}", f"{line.monthly_usd:,.2f}", "", line.source)
        for pool in one.pools:
            hourly = f"{pool.node_usd_per_hour:g} a node, {pool.max_usd_per_hour:g} at most"
            table.add_row(one.profile, f"pool {pool.name}, {pool.vm_size}", "", "", hourly, pool.source)
        table.add_row(
            one.profile, f"always there, {one.region}, {one.retrieved}", "", f"{one.fixed_usd_per_month:,.2f}", ""
        )
    show(bill, as_json, table)
    for cost in bill.costs:
        if (location := profiles[cost.profile].location) != cost.region:
            note = f"note: {cost.profile} is in {location}, and the prices are those of {cost.region}"
            stderr.print(note, highlight=False, soft_wrap=True)


@app.command()
def doctor(profile: ProfileName = "dev", as_json: Json = False) -> None:
    """Examine tools, login, quotas, rights and reach, and say how to mend what is wrong.

    Example: physai infrastructure doctor --profile prod
    """
    platform = read_platform(outputs()) if outputs().exists() else None
    with stderr.status("asking Azure"):
        diagnosis: Diagnosis = diagnose(load_profile(profile), platform)
    table = Table("", "looked at", "found", "mend")
    for finding in diagnosis.findings:
        table.add_row("ok" if finding.ok else "no", finding.name, finding.said, finding.mend)
    show(diagnosis, as_json, table)
    if not diagnosis.is_well:
        raise typer.Exit(1)


@setup.command()
def plan(
    step: StepName = "all",
    host: Host = None,
    client_id: ClientId = None,
    edge_context: EdgeContext = None,
    dashboards: Dashboards = None,
    as_json: Json = False,
) -> None:
    """Print every command of a step; nothing is run, and no secret is shown.

    Example: physai infrastructure setup plan osmo-backend --host osmo.example.com
    """
    options = Options(host=host, client_id=client_id, edge_context=edge_context, dashboards=dashboards)
    context = _context(options)
    planned = Plan(steps={name: tuple(command.shown() for command in STEPS[name](context)) for name in chosen(step)})
    text = "\n\n".join(f"# {name}\n" + "\n".join(lines) for name, lines in planned.steps.items())
    if as_json:
        show(planned, as_json, "")
    else:
        stdout.print(text, soft_wrap=True, markup=False, highlight=False)


@setup.command()
def apply(
    step: StepName,
    host: Host = None,
    client_id: ClientId = None,
    edge_context: EdgeContext = None,
    dashboards: Dashboards = None,
    again: Annotated[bool, typer.Option("--again", help="Do all of it, whatever was done before.")] = False,
    show_plan: Annotated[bool, typer.Option("--plan", help="Print every command instead.")] = False,
    as_json: Json = False,
) -> None:
    """Do a step, or all of them in order; an attempt that broke off goes on where it stopped.

    Example: physai infrastructure setup apply gpu-operator
    """
    if show_plan:
        plan(step, host, client_id, edge_context, dashboards, as_json)
        return
    options = Options(host=host, client_id=client_id, edge_context=edge_context, dashboards=dashboards)
    context = _context(options)
    names = chosen(step)
    for name in names:
        STEPS[name](context)  # a missing option is found before the first command runs
    state = _state(context.platform)
    tell = stderr.print
    done = tuple(
        apply_step(name, context, state, again=again, tell=lambda line: tell(line, markup=False)) for name in names
    )
    table = Table("step", "commands run", "done before")
    for one in done:
        table.add_row(one.step, str(one.ran), str(one.skipped))
    show(Report(done=done), as_json, table)


@app.command()
def destroy(
    profile: ProfileName,
    confirmed: Annotated[str | None, typer.Option("--confirm", help="The platform's name, typed out.")] = None,
    as_json: Json = False,
) -> None:
    """Show what holds data, then destroy the platform when its name is typed.

    Example: physai infrastructure destroy --profile dev --confirm physai-dev
    """
    platform: Platform = read_platform(outputs())
    load_profile(profile)
    with stderr.status("asking Azure"):
        held: Losses = losses(platform)
    table = Table("holds data", "name", "in it", title=f"{platform.name}: locks: {', '.join(held.locks) or 'none'}")
    for holding in held.holdings:
        table.add_row(holding.what, holding.name, holding.content)
    show(held, as_json, table)
    confirm(
        platform, confirmed if confirmed is not None else typer.prompt(f"Type {platform.name} to destroy all of it")
    )
    path = Path(profile) if profile.endswith(".json") else FOLDER / f"{profile}{SUFFIX}"
    command: Command
    for command in commands(platform, path.absolute(), settings().home / "destroy.tfplan"):
        stderr.print(command.shown(), markup=False)
        Runner("destroy").run(command)
    if (state := _state(platform)).exists():  # the next platform of this name is set up from the first step on
        shutil.rmtree(state)
