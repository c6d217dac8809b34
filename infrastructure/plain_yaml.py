"""YAML as people write it."""

from typing import Any, override

import yaml


class PlainDumper(yaml.SafeDumper):
    """Writes what is there twice as it is: people and tools that edit in place read no anchors."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True
