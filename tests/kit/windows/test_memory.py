"""Windows in memory, on a clock that the test moves."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from titer.kit.windows import Limit, MemoryWindows, Verdict

KEY = Limit("key", 120)
UPLOADS = Limit("uploads", 20)


SECOND = 1_000_000_000


class Clock:
    """Nanoseconds that stand still until they are moved."""

    def __init__(self) -> None:
        self.now = 1_000 * SECOND

    def __call__(self) -> int:
        return self.now


def test_a_window_admits_its_quota_and_then_refuses() -> None:
    windows = MemoryWindows(Clock())
    verdicts = [windows.charge(b"caller", (KEY,)) for _ in range(500)]
    assert [verdict.admitted for verdict in verdicts] == [True] * 120 + [False] * 380
    assert [verdict.tightest.remaining for verdict in verdicts[:120]] == list(range(119, -1, -1))


def test_across_the_edge_of_a_minute_no_more_than_the_quota_is_admitted() -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    admitted: list[int] = []
    for tenth in range(3_000):
        clock.now = 1_000 * SECOND + tenth * SECOND // 10
        admitted += [clock.now] * windows.charge(b"caller", (KEY,)).admitted
    for end in admitted:
        assert sum(end - 60 * SECOND <= moment <= end for moment in admitted) <= 120
    assert len(admitted) == 5 * 120


@given(st.lists(st.integers(min_value=0, max_value=9 * SECOND), max_size=200))
def test_no_span_holds_more_than_the_quota_whatever_the_arrivals(pauses: list[int]) -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    limit = Limit("key", 5, 10)
    admitted: list[int] = []
    for pause in pauses:
        clock.now += pause
        verdict = windows.charge(b"caller", (limit,))
        if verdict.admitted:
            admitted.append(clock.now)
        within = sum(moment >= clock.now - 10 * SECOND for moment in admitted)
        assert verdict.tightest.remaining == limit.quota - within
    for start in admitted:
        assert sum(start <= moment <= start + 10 * SECOND for moment in admitted) <= limit.quota


def test_the_wait_that_is_told_is_enough_and_none_less_would_be() -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    for _ in range(120):
        windows.charge(b"caller", (KEY,))
        clock.now += SECOND // 4
    refused = windows.charge(b"caller", (KEY,))
    assert not refused.admitted
    clock.now += round(refused.tightest.reset * SECOND) - 1
    assert not windows.charge(b"caller", (KEY,)).admitted
    clock.now += 1
    assert windows.charge(b"caller", (KEY,)).admitted


def test_a_request_exactly_one_span_later_still_finds_the_first_one_counted() -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    limit = Limit("key", 1)
    windows.charge(b"caller", (limit,))
    clock.now += 60 * SECOND
    assert not windows.charge(b"caller", (limit,)).admitted


def test_a_request_is_charged_to_all_its_limits_or_to_none() -> None:
    windows = MemoryWindows(Clock())
    uploads = [windows.charge(b"caller", (KEY, UPLOADS)) for _ in range(30)]
    assert sum(verdict.admitted for verdict in uploads) == 20
    assert uploads[-1].tightest.limit == UPLOADS
    assert _left(windows.charge(b"caller", (KEY,)), KEY) == 120 - 20 - 1


def test_callers_do_not_share_a_window() -> None:
    windows = MemoryWindows(Clock())
    limit = Limit("key", 1)
    assert windows.charge(b"one", (limit,)).admitted
    assert windows.charge(b"another", (limit,)).admitted
    assert not windows.charge(b"one", (limit,)).admitted


def test_memory_is_bounded_and_the_callers_seen_last_are_remembered() -> None:
    windows = MemoryWindows(Clock(), capacity=100)
    limit = Limit("key", 1)
    windows.charge(b"regular", (limit,))
    for number in range(10_000):
        windows.charge(b"%d" % number, (limit,))
        assert not windows.charge(b"regular", (limit,)).admitted
    assert len(windows) == 100


def test_a_caller_who_was_nobody_takes_no_memory() -> None:
    windows = MemoryWindows(Clock())
    windows.charge(b"nobody", (KEY,))
    windows.forget(b"nobody")
    assert len(windows) == 0


def test_a_clock_that_goes_back_lets_nobody_in_early() -> None:
    clock = Clock()
    windows = MemoryWindows(clock)
    limit = Limit("key", 2)
    windows.charge(b"caller", (limit,))
    clock.now -= 30 * SECOND
    windows.charge(b"caller", (limit,))
    clock.now += 61 * SECOND
    assert not windows.charge(b"caller", (limit,)).admitted


def test_what_is_admitted_at_once_is_exact() -> None:
    windows = MemoryWindows()

    async def storm() -> list[Verdict]:
        return await asyncio.gather(*(windows.hit(b"caller", (KEY,)) for _ in range(500)))

    assert sum(verdict.admitted for verdict in asyncio.run(storm())) == 120


def _left(verdict: Verdict, limit: Limit) -> int:
    return next(standing.remaining for standing in verdict.standings if standing.limit == limit)
