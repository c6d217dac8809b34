"""Check, plan and run OSMO workflows on this machine, on OSMO and on AzureML; see what a run did."""

import typer

from . import benchmark_cli, check_cli, remote_cli, run_cli

app = typer.Typer(help=__doc__, no_args_is_help=True)

for command in (
    *(run_cli.run, run_cli.status, run_cli.list_runs, remote_cli.logs),
    *(check_cli.validate, check_cli.preflight, check_cli.plan, check_cli.show_plan, check_cli.render),
    *(remote_cli.submit, remote_cli.follow, remote_cli.cancel, remote_cli.fetch, remote_cli.secret),
    benchmark_cli.benchmark,
):
    app.command(command.__name__.removesuffix("_plan").removesuffix("_runs"))(command)
