"""Is there an order in which it all makes sense? A checker of histories of one register.

Each operation took effect at one moment between its call and its answer. A history is linearizable
when the operations can be put into an order that respects those intervals and in which each one
says what the register then held (Wing and Gong's search, with what was tried before remembered).
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    """A read, or a write that wanted the register to be at a version.

    `ok` is None where nobody knows whether the write took effect: its answer never came.
    """

    begun: float
    ended: float
    #: The version that a write wanted; None for a read.
    wanted: int | None
    #: What was read, or written.
    value: str
    #: The version that was read, or that the write made, or that refused it.
    version: int
    ok: bool | None = True


State = tuple[int, str]


def apply(state: State, operation: Operation) -> State | None:
    """The register after an operation; None if it could not have answered so."""
    version = state[0]
    if operation.wanted is None:
        return state if (operation.version, operation.value) == state else None
    if operation.ok is None:
        return (version + 1, operation.value) if operation.wanted == version else state
    if operation.ok:
        fits = operation.wanted == version and operation.version == version + 1
        return (version + 1, operation.value) if fits else None
    return state if operation.wanted != version and operation.version == version else None


def linearizable(start: State, history: Sequence[Operation]) -> bool:
    """Whether some order of the operations explains every answer."""
    everything = frozenset(range(len(history)))
    seen: set[tuple[frozenset[int], State]] = set()
    stack = [(everything, start)]
    while stack:
        left, state = stack.pop()
        if all(history[each].ok is None for each in left):
            return True
        if (left, state) in seen:
            continue
        seen.add((left, state))
        # Whatever begins after another has ended comes after it.
        first_end = min(history[each].ended for each in left if history[each].ok is not None)
        for each in left:
            if history[each].begun <= first_end:
                after = apply(state, history[each])
                if after is not None:
                    stack.append((left - {each}, after))
    return False
