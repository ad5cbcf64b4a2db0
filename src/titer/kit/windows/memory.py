"""Sliding windows of one process: the stamps of what was admitted, per caller."""

import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeAlias

from titer.kit.windows.limits import Limit, Standing, Verdict

_NANOSECONDS = 1_000_000_000
#: A caller with 120 stamps takes about 1 kB, so this many take 50 MB at the very worst.
CAPACITY = 50_000

Stamps: TypeAlias = "array[int]"


class MemoryWindows:
    """Windows in this process's memory, of the callers seen last.

    `nanoseconds` tells the time; by default a clock that nobody can set back or forward.
    """

    shared = False

    def __init__(
        self, nanoseconds: Callable[[], int] = time.monotonic_ns, capacity: int = CAPACITY
    ) -> None:
        self._nanoseconds = nanoseconds
        self._capacity = capacity
        self._callers: OrderedDict[bytes, dict[str, Stamps]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._callers)

    async def hit(self, caller: bytes, limits: Sequence[Limit]) -> Verdict:
        return self.charge(caller, limits)

    def charge(self, caller: bytes, limits: Sequence[Limit]) -> Verdict:
        """As `hit`, in one go: nothing else in this process can come in between."""
        now = self._nanoseconds()
        windows = self._windows_of(caller)
        live = [_live(windows, limit, now) for limit in limits]
        admitted = all(
            len(stamps) < limit.quota for stamps, limit in zip(live, limits, strict=True)
        )
        if admitted:
            for stamps in live:
                # Stamps stay in order even where the clock that was handed in goes back.
                stamps.append(max(now, stamps[-1]) if stamps else now)
        return Verdict(
            admitted,
            tuple(
                _standing(stamps, limit, now) for stamps, limit in zip(live, limits, strict=True)
            ),
        )

    def give_back(self, caller: bytes, limits: Sequence[Limit]) -> None:
        """Take the newest charge back: the request was refused elsewhere."""
        windows = self._callers.get(caller, {})
        for limit in limits:
            if windows.get(limit.name):
                windows[limit.name].pop()

    def forget(self, caller: bytes) -> None:
        self._callers.pop(caller, None)

    async def reachable(self) -> bool:
        return True

    async def close(self) -> None:
        self._callers.clear()

    def _windows_of(self, caller: bytes) -> dict[str, Stamps]:
        windows = self._callers.get(caller)
        if windows is None:
            windows = self._callers[caller] = {}
            if len(self._callers) > self._capacity:
                self._callers.popitem(last=False)
        else:
            self._callers.move_to_end(caller)
        return windows


def _live(windows: dict[str, Stamps], limit: Limit, now: int) -> Stamps:
    """The stamps that still count; one that is exactly as old as the span does."""
    stamps = windows.get(limit.name)
    if stamps is None:
        stamps = windows[limit.name] = array("q")
    elif stamps and stamps[0] < now - limit.seconds * _NANOSECONDS:
        del stamps[: bisect_left(stamps, now - limit.seconds * _NANOSECONDS)]
    return stamps


def _standing(stamps: Stamps, limit: Limit, now: int) -> Standing:
    reset = 0.0
    if stamps:
        # One nanosecond more: at the very edge the oldest still counts.
        reset = (stamps[0] + limit.seconds * _NANOSECONDS + 1 - now) / _NANOSECONDS
    return Standing(limit, limit.quota - len(stamps), reset)
