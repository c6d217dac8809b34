"""The machine as a pool: no more is given out than there is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .machine import Machine
from .plan import Share

Gpus = tuple[str, ...]


class Pool:
    """Cores, memory and GPUs that are free, and who waits for some, first come first."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._cores = machine.cores
        self._memory_bytes = machine.memory_bytes
        self._gpus = machine.gpus
        self._waiting: dict[asyncio.Future[Gpus], Share] = {}

    @asynccontextmanager
    async def hold(self, share: Share) -> AsyncIterator[Gpus]:
        """Wait until a share is free, keep it, and give it back at the end.

        Args:
            share: Within the machine; but a group may have more members, and so more cores, than there are.

        Yields:
            The ids of the GPUs that are in it.
        """
        share = Share(min(share.cores, self._machine.cores), share.memory_bytes, share.gpus)
        granted = asyncio.get_running_loop().create_future()
        self._waiting[granted] = share
        self._grant()
        try:
            gpus = await granted
        except asyncio.CancelledError:
            self._waiting.pop(granted, None)
            if granted.done() and not granted.cancelled():
                self._give(share, granted.result())
            raise
        try:
            yield gpus
        finally:
            self._give(share, gpus)

    def _give(self, share: Share, gpus: Gpus) -> None:
        self._gpus += gpus
        self._cores += share.cores
        self._memory_bytes += share.memory_bytes
        self._grant()

    def _grant(self) -> None:
        """Give to whoever fits; a small task may pass a large one that waits."""
        fitting = []
        cores, memory, gpus = self._cores, self._memory_bytes, len(self._gpus)
        for granted, share in self._waiting.items():
            if cores <= 0:
                break  # every task takes a core, so that nobody further back fits either
            if share.cores <= cores and share.memory_bytes <= memory and share.gpus <= gpus:
                fitting.append(granted)
                cores, memory, gpus = cores - share.cores, memory - share.memory_bytes, gpus - share.gpus
        for granted in fitting:
            share = self._waiting.pop(granted)
            mine, self._gpus = self._gpus[: share.gpus], self._gpus[share.gpus :]
            self._cores -= share.cores
            self._memory_bytes -= share.memory_bytes
            granted.set_result(mine)
