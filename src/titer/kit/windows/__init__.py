"""Exact sliding windows: how many requests a caller may make in any span of time.

Never more than a limit's quota is admitted in any span of its length, wherever that span begins: a
fixed window would let through twice as many across its edge, a leaky bucket one more and one more
in a slow minute.
"""

from titer.kit.windows.limits import Limit, Standing, Verdict, Windows
from titer.kit.windows.memory import MemoryWindows

__all__ = ["Limit", "MemoryWindows", "Standing", "Verdict", "Windows"]
