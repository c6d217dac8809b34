"""Tasks of a group on AzureML: ranks of one command on several nodes, or different commands on one node."""

import re
from collections.abc import Sequence

from ..spec import Group, Task
from ..tokens import used

NUMBER = re.compile(r"(\d+)")
RANK = "$NODE_RANK"
MASTER = "$MASTER_ADDR"


def rank_text(texts: Sequence[str]) -> list[str] | None:
    """Pieces of a text that is the same for every rank but for the rank itself, which stands as `None` would.

    Args:
        texts: The same field of each member, in order of rank.

    Returns:
        Text of rank 0 split at its numbers, with `RANK` in place of those that are the rank; None if the texts differ
        in any other way.
    """
    pieces = [NUMBER.split(text) for text in texts]
    if len({len(piece) for piece in pieces}) > 1:
        return None
    merged = []
    for column in zip(*pieces, strict=True):
        if len(set(column)) == 1:
            merged.append(column[0])
        elif [*column] == [str(rank) for rank in range(len(column))]:
            merged.append(RANK)
        else:
            return None
    return merged


def as_ranks(group: Group) -> Task | None:
    """One task that stands for all members, each on a node of its own; None if they do different things.

    The lead is rank 0, and the only one that others may name as their host.
    """
    if len(group.tasks) < 2:
        return None
    members = sorted(group.tasks, key=lambda task: not task.lead)
    lead = members[0]
    same = {(task.image, task.resource, task.inputs, tuple(sorted(task.environment.items()))) for task in members}
    if len(same) > 1 or len({(len(task.command), len(task.args), len(task.files)) for task in members}) > 1:
        return None
    words = [rank_text(column) for column in zip(*((*t.command, *t.args) for t in members), strict=True)]
    contents = [rank_text([f.contents for f in column]) for column in zip(*(t.files for t in members), strict=True)]
    if None in words or None in contents or not _only_host(members, lead):
        return None
    if not any(RANK in (text or []) for text in (*words, *contents)):
        return None
    return lead


def _only_host(members: Sequence[Task], lead: Task) -> bool:
    texts = [text for task in members for text in (*task.command, *task.args, *(file.contents for file in task.files))]
    hosts = {token.partition(":")[2] for text in texts for token in used(text) if token.startswith("host:")}
    return hosts <= {lead.name}
