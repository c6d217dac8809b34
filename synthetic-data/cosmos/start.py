"""What Cosmos starts from: the recorded videos, or clips of the simulator."""

from collections.abc import Iterator, Sequence

from ..backend import Made, Request
from ..errors import NoStartError


def starts(requests: Sequence[Request]) -> Iterator[tuple[Request, Made | None]]:
    """Each request with the simulated clip to start from, None for the recorded video.

    A clip that the simulator could not make comes with its failure.
    """
    if not requests or requests[0].plan.variations.start_from == "recorded":
        yield from ((request, None) for request in requests)
        return
    from ..simulation import SimulationBackend

    by_id = {request.generation.id: request for request in requests}
    for made in SimulationBackend().generate(requests):
        yield by_id[made.id], made


def required(requests: Sequence[Request]) -> Iterator[tuple[Request, Made | None]]:
    """As `starts`, where each clip must be there.

    Raises:
        NoStartError: If the simulator cannot make one.
    """
    for request, start in starts(requests):
        if start and start.failure:
            raise NoStartError(start.id, start.failure)
        yield request, start
