"""Specifications and pages that say what the code says: facts are generated into them, claims are looked up."""

from .check import check, write
from .problem import Problem
from .specification import Specification, SpecificationError, read_specification, specification_files

__all__ = [
    "Problem",
    "Specification",
    "SpecificationError",
    "check",
    "read_specification",
    "specification_files",
    "write",
]
