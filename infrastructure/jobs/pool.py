"""The machine as a pool: no more is given out than there is."""

from asyncio import Condition
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .machine import Machine
from .plan import Share


class Pool:
    """Cores, memory and GPUs that are free."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._cores = machine.cores
        self._memory_bytes = machine.memory_bytes
        self._gpus = machine.gpus
        self._changed = Condition()

    @asynccontextmanager
    async def hold(self, share: Share) -> AsyncIterator[tuple[str, ...]]:
        """Wait until a share is free, keep it, and give it back at the end.

        Args:
            share: Within the machine; but a group may have more members, and so more cores, than there are.

        Yields:
            The ids of the GPUs that are in it.
        """
        cores = min(share.cores, self._machine.cores)
        async with self._changed:
            await self._changed.wait_for(lambda: self._fits(cores, share))
            gpus, self._gpus = self._gpus[: share.gpus], self._gpus[share.gpus :]
            self._cores -= cores
            self._memory_bytes -= share.memory_bytes
        try:
            yield gpus
        finally:
            async with self._changed:
                self._gpus += gpus
                self._cores += cores
                self._memory_bytes += share.memory_bytes
                self._changed.notify_all()

    def _fits(self, cores: int, share: Share) -> bool:
        enough_memory = share.memory_bytes <= self._memory_bytes
        return cores <= self._cores and enough_memory and share.gpus <= len(self._gpus)
