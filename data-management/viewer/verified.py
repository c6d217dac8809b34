"""What the checks found of generated episodes, and of the clips that they did not let through."""

from collections.abc import Mapping

from physai.infrastructure.contracts import Contract, EpisodeSource, PlanVerdicts, Threshold, VerifiedClip

from .episodes import Index


class Check(Contract):
    """One score of a generated episode."""

    name: str
    value: float
    limit: str = ""
    """What it was held against, e.g. `at least 0.965`; empty if that was not written down."""
    holds: bool = True


class Verified(Contract):
    """How an episode was generated, and what the checks found of it."""

    clip: str
    """Id in the plan; empty if it was not written down."""
    plan: str
    backend: str
    model: str
    prompt: str
    checks: tuple[Check, ...]
    vote: str = ""
    """What a judging model said, if one was asked."""


class LeftOut(Contract):
    """A clip or an episode that did not become part of the dataset."""

    clip: str = ""
    """Empty for an episode."""
    source: str
    """Content digest of the dataset it is from, or was made from."""
    source_episode: int | None
    reasons: tuple[str, ...]
    checks: tuple[Check, ...] = ()


def verified_of(index: Index, source: EpisodeSource | None) -> Verified | None:
    """What is known of a generated episode; None if it was recorded."""
    if source is None or source.generated is None:
        return None
    made = source.generated
    found = index.verification.of_episode(source.episode) if index.verification else None
    verdicts, clip = found or (None, None)
    return Verified(
        clip=clip.id if clip else "",
        plan=made.plan,
        backend=made.backend,
        model=made.model,
        prompt=made.prompt,
        checks=_checks(made.scores, verdicts.thresholds if verdicts else {}),
        vote=clip.vote.reason if clip and clip.vote else "",
    )


def left_out(index: Index) -> list[LeftOut]:
    """Clips that the checks rejected, then episodes that were left out for another reason."""
    plans = index.verification.plans if index.verification else ()
    dropped = index.provenance.dropped if index.provenance else ()
    rejected = [(verdicts, clip) for verdicts in plans for clip in verdicts.clips if not clip.accepted]
    told = [f"{clip.id}: " for _, clip in rejected]
    others = [
        LeftOut(source=each.source, source_episode=each.source_episode, reasons=tuple(each.reason.split("; ")))
        for each in dropped
        if not each.reason.startswith(tuple(told))
    ]
    return [*(_rejected(verdicts, clip) for verdicts, clip in rejected), *others]


def _rejected(verdicts: PlanVerdicts, clip: VerifiedClip) -> LeftOut:
    return LeftOut(
        clip=clip.id,
        source=verdicts.dataset,
        source_episode=clip.source_episode,
        reasons=clip.reasons,
        checks=_checks(clip.scores, verdicts.thresholds),
    )


def _checks(scores: Mapping[str, float], limits: Mapping[str, Threshold]) -> tuple[Check, ...]:
    return tuple(
        Check(
            name=name,
            value=value,
            limit=f"{limits[name].side} {limits[name].limit:g}" if name in limits else "",
            holds=name not in limits or limits[name].holds(value),
        )
        for name, value in scores.items()
    )
