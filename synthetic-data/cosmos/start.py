"""What Cosmos starts from: the recorded videos, or clips of the simulator."""

from collections.abc import Iterator, Sequence

from ..backend import Made, Request


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
