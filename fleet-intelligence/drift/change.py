"""What a comparison of two periods says of one feature."""

from physai.infrastructure.contracts import Contract


class Change(Contract):
    """One feature, before and after."""

    feature: str
    before: float
    after: float
    """Mean of either period."""
    memory: float
    """Integrated autocorrelation time, in episodes; 1 has none."""
    p_value: float | None
    """Of equal level and equal spread, after Holm's correction over all features; None: too few independent blocks."""
    changed: bool
