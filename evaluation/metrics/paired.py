"""Two policies on the same conditions: does one succeed more often?"""

from math import sqrt

from scipy.optimize import brentq
from scipy.stats import binomtest, norm

from physai.infrastructure.contracts import PairedComparison, PolicyResult

METHOD = "Tango 1998 score interval, doi:10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B"
TOLERANCE = 1e-10


def paired_comparison(candidate: PolicyResult, reference: PolicyResult, confidence: float = 0.95) -> PairedComparison:
    """Difference of two success rates, condition by condition.

    Both results must speak of the same conditions; `by_condition` of the report's checks makes sure of it.
    """
    ours = {episode.condition: episode.success for episode in candidate.episodes}
    theirs = {episode.condition: episode.success for episode in reference.episodes}
    assert ours.keys() == theirs.keys(), "a paired comparison needs the same conditions"
    wins = sum(success and not theirs[condition] for condition, success in ours.items())
    losses = sum(theirs[condition] and not success for condition, success in ours.items())
    lower, upper = tango_interval(wins, losses, len(ours), confidence)
    return PairedComparison(
        candidate=candidate.role,
        reference=reference.role,
        wins=wins,
        losses=losses,
        ties=len(ours) - wins - losses,
        difference=(wins - losses) / len(ours),
        lower=lower,
        upper=upper,
        confidence=confidence,
        method=METHOD,
        p_value=exact_mcnemar(wins, losses),
    )


def exact_mcnemar(wins: int, losses: int) -> float:
    """Two-sided p-value of "wins and losses are equally likely". Source: McNemar 1947, doi:10.1007/BF02295996."""
    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def tango_interval(wins: int, losses: int, pairs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of the difference (wins - losses) / pairs.

    It leaves out 0 exactly when McNemar's score test rejects, and keeps its coverage with few discordant pairs.
    Recommended by Fagerland, Lydersen and Laake 2014, doi:10.1002/sim.6148.
    """
    return _lower(wins, losses, pairs, confidence), -_lower(losses, wins, pairs, confidence)


def _lower(wins: int, losses: int, pairs: int, confidence: float) -> float:
    """The smallest true difference that is less than z standard errors from the data."""
    if losses == pairs:
        return -1.0
    z = float(norm.ppf(0.5 + confidence / 2))

    def beyond(difference: float) -> float:
        return wins - losses - pairs * difference - z * _standard_error(wins, losses, pairs, difference)

    return float(brentq(beyond, -1.0, (wins - losses) / pairs - TOLERANCE, xtol=TOLERANCE))


def _standard_error(wins: int, losses: int, pairs: int, difference: float) -> float:
    """Of wins - losses under a true `difference`. Source: Tango 1998, eqs. 10 to 13."""
    b = -wins - losses + (2 * pairs - wins + losses) * difference
    c = -losses * difference * (1 - difference)
    loss_probability = (sqrt(max(0.0, b * b - 8 * pairs * c)) - b) / (4 * pairs)
    return sqrt(max(0.0, pairs * (2 * loss_probability + difference * (1 - difference))))
