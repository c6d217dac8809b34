"""Files of this domain that people write, for `physai contracts`."""

from .tools.hdf5_mapping import Hdf5Mapping

FILES = (Hdf5Mapping,)
