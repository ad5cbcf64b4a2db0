"""Leaving without cutting anybody off: first say that we go, then wait, then stop.

A load balancer needs a moment to notice that a server is not ready any more. So the first SIGTERM
only turns the readiness off; the server that runs us, which finishes what it has begun, hears of
the signal when the moment is over. A second SIGTERM is passed on at once.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

_log = structlog.get_logger("titer.draining")

Handler = Callable[[int, FrameType | None], object]


class Drain:
    """Whether this process has been told to stop."""

    def __init__(self, seconds: float) -> None:
        self.begun = False
        self._seconds = seconds

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Stand before the SIGTERM handler of whatever runs us. Only a main thread has signals."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGTERM)
        if not callable(before):
            yield
            return
        loop = asyncio.get_running_loop()
        handler: Handler = before

        def stop(number: int, frame: FrameType | None) -> None:
            if self.begun or not self._seconds:
                self.begun = True
                handler(number, frame)
                return
            self.begun = True
            loop.call_soon_threadsafe(loop.call_later, self._seconds, handler, number, None)
            loop.call_soon_threadsafe(lambda: _log.info("draining", seconds=self._seconds))

        signal.signal(signal.SIGTERM, stop)
        try:
            yield
        finally:
            if signal.getsignal(signal.SIGTERM) is stop:
                signal.signal(signal.SIGTERM, before)
