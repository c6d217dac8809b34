"""Reads a site's file."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from physai.infrastructure.errors import MissingFileError, PhysaiError

from .site import Site


def read_site(path: Path) -> Site:
    """A site from its YAML file.

    Raises:
        MissingFileError: If there is none.
        PhysaiError: If it is not YAML, or no site.
    """
    try:
        return Site.model_validate(yaml.safe_load(path.read_text()), strict=False)
    except OSError as error:
        raise MissingFileError(path, "site", "Begin with `setup/site.example.yaml`.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PhysaiError(f"{path}: not valid YAML: {error}. Mend the line that it names.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise PhysaiError(f"{path}: {where}: {first['msg']} (got {first['input']!r:.80}). Mend it.") from error
