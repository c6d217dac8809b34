"""Files of this domain that people write, for `physai contracts`."""

from .setup.profile import Profile

FILES = (Profile,)
