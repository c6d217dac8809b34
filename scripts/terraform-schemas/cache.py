"""Recovered schemas in the user's cache: made once per set of pins, by whoever comes first."""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from contextlib import suppress
from pathlib import Path

from recover import recover

from physai.infrastructure.aside import OccupiedError, whole_folder

HERE = Path(__file__).parent
PINS = HERE / "pins.txt"


def cached() -> Path:
    """The folder with `site/` (what serving needs) and `schemas/`; made if it is not there."""
    key = hashlib.sha256(PINS.read_bytes() + (HERE / "recover.py").read_bytes() + Path(__file__).read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    target = home / "physai" / "terraform-schemas" / key.hexdigest()[:16]
    if not target.exists():
        with suppress(OccupiedError), whole_folder(target, wait=True) as part:  # another process was faster
            _fill(part)
    return target


def _fill(folder: Path) -> None:
    site, schemas = folder / "site", folder / "schemas"
    command = ["uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python-version=3.12"]
    subprocess.run([*command, "--target", str(site), "-r", str(PINS)], check=True)
    schemas.mkdir()
    index = {}
    for package in sorted(site.glob("cdktn_provider_*/_jsii/provider-*.tgz")):
        binding = package.parents[1]
        with tarfile.open(package) as archive:
            archive.extractall(binding, filter="data")
        address = json.loads((binding / "package/package.json").read_text())["cdktf"]["provider"]["name"]
        name = f"{address.rsplit('/', 1)[-1]}.json"
        (schemas / name).write_text(json.dumps(recover(binding / "package/lib")))
        index[address.lower()] = name
        shutil.rmtree(binding)  # 170 MB that nothing needs any more
    (schemas / "index.json").write_text(json.dumps(index))
