"""Build policy packages, and check them."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from rich.table import Table
from typer import Argument, Option, Typer

from physai.infrastructure.console import Json, show, stderr, stdout
from physai.infrastructure.contracts import PolicyPackage
from physai.infrastructure.robots import load_robot

from ..errors import RecipeError
from ..rl.run import is_rl
from .variants import Architecture
from .variants import Name as VariantName

app = Typer(help=__doc__, no_args_is_help=True)

Package = Annotated[Path, Argument(help="Folder of the package.")]


@app.command()
def build(
    run: Annotated[Path, Argument(help="Folder of a training.")],
    output: Annotated[Path, Option(help="Where the package appears.")],
    checkpoint: Annotated[str, Option(help="`last`, `best`, or a step; `000000` is the untrained policy.")] = "last",
    name: Annotated[str | None, Option(help="Name of the package; default: task and policy.")] = None,
    robot: Annotated[str | None, Option(help="Robot, or file that describes it; default: that of the data.")] = None,
    licence: Annotated[
        str | None, Option(help="SPDX expression that the trained weights are given under; default: none is stated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put a trained policy into one ONNX graph, prove that it does the same, and describe it.

    Example: physai training package build OUT/run --output OUT/package
    """
    if is_rl(run):
        from .actors import build as build_actor

        _show(build_actor(run, output, checkpoint=checkpoint, name=name, licence=licence), output, as_json)
        return
    from .build import build

    _show(build(run, output, checkpoint=checkpoint, name=name, robot=robot, licence=licence), output, as_json)


@app.command()
def verify(
    package: Package,
    digest: Annotated[str | None, Option(help="OCI manifest digest it must have.")] = None,
    joints: Annotated[str | None, Option(help="Joints it must drive, in this order: a,b,c.")] = None,
    robot: Annotated[str | None, Option(help="Robot it must fit: a name, a URDF, or a JSON file.")] = None,
    rate_hz: Annotated[float | None, Option(help="Rate at which the robot is controlled.")] = None,
    statistics: Annotated[
        Path | None, Option(help="meta/stats.json of the data as it is now: is the normaliser stale?")
    ] = None,
    key: Annotated[list[Path] | None, Option(help="Public key that must have signed it; may be repeated.")] = None,
    sbom: Annotated[bool, Option("--sbom", help="A bill of its very files must be attached to it.")] = False,
    registry: Annotated[str | None, Option(help="Where signatures and bill are; default: the setting.")] = None,
    as_json: Json = False,
) -> None:
    """Check a package: signature, digests, contract, and its golden vectors replayed on this machine.

    Example: physai training package verify OUT/package --robot ur10.urdf --rate-hz 30 --key keys/cosign.pub
    """
    from .check import check

    found = check(
        package,
        digest,
        joints=tuple(joints.split(",")) if joints else None,
        robot=load_robot(robot) if robot else None,
        rate_hz=rate_hz,
        statistics=statistics,
        keys=key or (),
        sbom=sbom,
        registry=registry,
    )
    _show(found, package, as_json)


@app.command()
def latency(
    package: Package,
    steps: Annotated[int, Option(min=1, help="Times it is asked on each provider.")] = 1000,
    batch: Annotated[int, Option(min=1, help="Robots asked for at once.")] = 1,
    as_json: Json = False,
) -> None:
    """Time a package on each ONNX Runtime execution provider of this machine that gives its golden answers.

    Example: physai training package latency OUT/package
    """
    from .latency import measure

    found = measure(package, steps=steps, batch=batch)
    table = Table("provider", "p50 ms", "p99 ms", "differs by", title=f"{package}, {batch} at once")
    for row in found.rows:
        table.add_row(row.provider, f"{row.p50_ms:.3f}", f"{row.p99_ms:.3f}", f"{row.max_abs_difference:.1e}")
    for provider, why in found.left_out.items():
        stderr.print(f"{provider}: left out: {why}")
    show(found, as_json, table)


@app.command()
def register(
    package: Package,
    verdict: Annotated[Path, Option(help="The gate's verdict on it.")],
    output: Annotated[Path, Option(help="File that tells where it is found.")],
    alias: Annotated[Literal["candidate", "champion"] | None, Option(help="Moved to it.")] = None,
    as_json: Json = False,
) -> None:
    """Push a package that passed the gate, and enter it in the model registry, both by its digest.

    Example: physai training package register OUT/package --verdict OUT/verdict.json --output OUT/registered.json
    """
    from .register import register

    found = register(package, verdict, alias)
    found.write(output)
    show(found, as_json, f"{found.name} {found.model_version}: {found.registry}@{found.package}")


@app.command()
def publish(
    package: Package,
    verdict: Annotated[Path, Option(help="The gate's verdict on it.")],
    registry: Annotated[str, Option(help="Name of the AzureML registry; Foundry's catalogue shows it.")],
    as_json: Json = False,
) -> None:
    """Put a package that passed the gate into an AzureML registry, once per digest.

    Example: physai training package publish OUT/package --verdict OUT/verdict.json --registry robots
    """
    from .azure import enter

    found = enter(package, verdict, registry)
    show(found, as_json, found.uri)


@app.command()
def image(
    package: Package,
    output: Annotated[Path, Option(help="Folder for the image, in OCI layout, or for what it is built from.")],
    variant: Annotated[
        VariantName, Option(help="Runs on: a server beside it, Triton on CPU, CUDA, Jetson.")
    ] = "scratch",
    architecture: Annotated[Architecture | None, Option(help="Default: amd64, for l4t arm64.")] = None,
    base: Annotated[Path | None, Option(help="The variant's base in OCI layout: assemble the image here.")] = None,
    base_image: Annotated[str | None, Option(help="Mirror or digest of the base to build upon.")] = None,
    tag: Annotated[str | None, Option(help="HOST/REPOSITORY:TAG of the image that will be built.")] = None,
    push: Annotated[str | None, Option(help="HOST/REPOSITORY that the image is pushed to, by its digest.")] = None,
    as_json: Json = False,
) -> None:
    """Write the package as a container image, or write what `buildah` or `az acr build` build it from.

    Without a base that can be pulled here: `--variant scratch` (models alone), or `--base` with the base in a folder;
    both print the image's digest. Otherwise the commands that build it are printed.

    Example: physai training package image OUT/package --variant cuda --output OUT/context
    """
    from .image import write_context, write_image

    if variant == "scratch" or base:
        digest = write_image(package, output, architecture, variant=variant, base=base)
        if push:
            from physai.infrastructure.registry import open_registry

            open_registry(push).push_image(output)
        stdout.print(f"{push}@{digest}" if push else digest, soft_wrap=True)
        return
    if push:
        raise RecipeError("push", f"'{variant}' is built first; give --base, or build it from {output}")
    context = write_context(package, output, variant, architecture, tag=tag, base_image=base_image)
    show(context, as_json, "\n".join(context.commands.values()))


@app.command()
def engine(
    package: Package,
    output: Annotated[Path, Option(help="Folder for the engine, Triton's configuration of it, and its report.")],
    precision: Annotated[Literal["fp32", "fp16"], Option(help="fp32 forbids TF32 too.")] = "fp16",
    timing_cache: Annotated[Path | None, Option(help="Default: in the home folder, by GPU and version.")] = None,
    as_json: Json = False,
) -> None:
    """Build a TensorRT engine for the GPU of this machine, and prove it on the golden vectors.

    Example: physai training package engine OUT/package --precision fp32 --output OUT/engine
    """
    from .engine import build_engine

    built = build_engine(package, output, precision, timing_cache)
    table = f"{output}: {built.precision} for {built.architecture}, differs by {built.max_abs_difference:.1e}"
    show(built, as_json, table)


@app.command()
def sbom(
    package: Package,
    attach: Annotated[bool, Option("--attach", help="To the package in the registry, as an OCI referrer.")] = False,
    registry: Annotated[str | None, Option(help="Where the package is; default: the setting.")] = None,
) -> None:
    """Print the package's bill of materials, in CycloneDX 1.6; or attach it, and print the digest it has there.

    Example: physai training package sbom OUT/package --attach
    """
    from physai.infrastructure.registry import open_registry
    from physai.infrastructure.settings import settings

    from .sbom import attach_sbom, make_sbom

    if attach:
        stdout.print(attach_sbom(package, open_registry(registry or settings().registry or "")), soft_wrap=True)
        return
    sys.stdout.write(make_sbom(package) + "\n")


def _show(package: PolicyPackage, folder: Path, as_json: bool) -> None:
    from physai.infrastructure.registry import manifest_digest

    table = Table(title=str(folder), show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    table.add_row("name", package.name)
    table.add_row("digest", manifest_digest(folder))
    table.add_row("policy", f"{package.policy_type}, {package.training_steps} steps")
    table.add_row("inputs", ", ".join(f"{spec.name} {spec.shape}" for spec in package.inputs))
    table.add_row("output", ", ".join(f"{spec.name} {spec.shape}" for spec in package.outputs))
    table.add_row("played", f"{package.action_steps} of each chunk, at {package.rate_hz:g} Hz")
    table.add_row("parity", f"{package.parity_max_abs:.1e} {package.outputs[0].units[0]}")
    table.add_row("dataset", package.dataset or "none: learned in simulation")
    for part in package.licences:
        table.add_row(f"licence of {part.part}", f"{part.licence} ({part.name})")
    show(package, as_json, table)
