"""Files of this domain that people write, for `physai contracts`."""

from .gate_rules import GateRules

FILES = (GateRules,)
