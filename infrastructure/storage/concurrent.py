"""Doing one thing to many items at once, and stopping at the first failure."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait


def each[Item, Result](work: Callable[[Item], Result], items: Sequence[Item], threads: int) -> list[Result]:
    """Results of `work` on every item, in order.

    Raises:
        Exception: The first that `work` raised; items not begun by then are never begun.
    """
    with ThreadPoolExecutor(min(threads, max(len(items), 1))) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            failed = next((future for future in futures if future in done and future.exception()), None)
            if failed is not None:
                failed.result()
            return [future.result() for future in futures]
        finally:
            pool.shutdown(cancel_futures=True)
