"""Whether the floor answers as Titer does: otherwise it measures something else."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from benchmarks.laboratories import Organization
from benchmarks.works import Subjects, new_sample

#: What two answers to the same request may differ in: who came second.
_VARIES = frozenset(
    {
        *("id", "sampleId", "sampleTestId", "trackingId", "version", "createdAt", "updatedAt"),
        *("enteredAt", "verifiedAt"),
    }
)


class Asked(NamedTuple):
    """A request that both are asked, one after the other."""

    method: str
    path: str
    body: dict[str, Any] | None = None


class Answering(Protocol):
    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, bytes]: ...


def usual(subjects: Subjects, owner: Organization) -> list[Asked]:
    """A request of each kind; of a population without open tests those that need none."""
    tests = subjects.open_tests.get(owner.id, [])[:20]
    asked = [
        Asked("GET", "/api/v1/samples?limit=100"),
        Asked("POST", "/api/v1/samples", new_sample(owner, 1)),
    ]
    if not tests:
        return asked
    rows = [{"sampleTestId": each, "result": "0.003"} for each in tests]
    return [
        *asked,
        Asked("GET", f"/api/v1/samples/{subjects.samples[owner.id][0]}"),
        Asked("GET", "/api/tests?per_page=100"),
        Asked("PATCH", f"/api/v1/sample-tests/{tests[0]}", {"result": "0.007"}),
        Asked("POST", "/api/v1/sample-tests/bulk-results", {"updates": rows}),
    ]


def differences(titer: Answering, floor: Answering, key: str, asked: Iterable[Asked]) -> list[str]:
    """The requests that the two answer differently, each with the first difference."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    found = []
    for each in asked:
        body = None if each.body is None else json.dumps(each.body).encode()
        answers = []
        for answering in (titer, floor):
            status, answer = answering.ask(each.method, each.path, headers, body)
            told = json.loads(answer)
            answers.append([status, told if each.method == "GET" else _steady(told)])
        where = _first_difference(answers[0], answers[1], "")
        if where is not None:
            found.append(f"{each.method} {each.path}: {where}")
    return found


def _steady(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {
            name: name if name in _VARIES and value is not None else _steady(value)
            for name, value in answer.items()
        }
    if isinstance(answer, list):
        return [_steady(each) for each in answer]
    return answer


def _first_difference(first: Any, second: Any, where: str) -> str | None:
    if isinstance(first, dict) and isinstance(second, dict) and list(first) == list(second):
        parts = [(f"{where}.{name}", first[name], second[name]) for name in first]
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        pairs = enumerate(zip(first, second, strict=True))
        parts = [(f"{where}[{at}]", a, b) for at, (a, b) in pairs]
    elif first == second:
        return None
    else:
        return f"{where} is {str(first)[:300]} and {str(second)[:300]}"
    return next((told for at, a, b in parts if (told := _first_difference(a, b, at))), None)
