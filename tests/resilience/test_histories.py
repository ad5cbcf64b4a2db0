"""The checker of histories tells a register that works from one that does not."""

import pytest

from histories import Operation, linearizable

START = (1, "a")


def write(begun: float, ended: float, wanted: int, value: str, *, ok: bool | None) -> Operation:
    return Operation(begun, ended, wanted, value, wanted + 1 if ok else wanted, ok)


def read(begun: float, ended: float, version: int, value: str) -> Operation:
    return Operation(begun, ended, None, value, version)


@pytest.mark.parametrize(
    "history",
    [
        [write(0, 1, 1, "b", ok=True), read(2, 3, 2, "b")],
        [write(0, 5, 1, "b", ok=True), read(1, 2, 1, "a"), read(3, 4, 2, "b")],
        [write(0, 1, 1, "b", ok=True), Operation(0, 1, 1, "c", 2, ok=False), read(2, 3, 2, "b")],
        [write(0, 1, 1, "b", ok=None), read(2, 3, 1, "a"), read(4, 5, 2, "b")],
        [write(0, 1, 1, "b", ok=None), read(2, 3, 1, "a")],
    ],
)
def test_a_register_that_works_is_believed(history: list[Operation]) -> None:
    assert linearizable(START, history)


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(
            [write(0, 1, 1, "b", ok=True), write(0, 1, 1, "c", ok=True)], id="lost update"
        ),
        pytest.param([write(0, 1, 1, "b", ok=True), read(2, 3, 1, "a")], id="stale read"),
        pytest.param(
            [write(0, 5, 1, "b", ok=True), read(1, 2, 2, "b"), read(3, 4, 1, "a")],
            id="back in time",
        ),
        pytest.param([Operation(0, 1, 1, "b", 1, ok=False)], id="refused without a cause"),
    ],
)
def test_a_register_that_does_not_is_found_out(history: list[Operation]) -> None:
    assert not linearizable(START, history)
