"""Whether the floor answers as Titer does: otherwise it measures something else."""

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.laboratories import Organization
from benchmarks.machine import Server
from benchmarks.works import Subjects, new_sample

#: What two answers to the same request may differ in: who came second.
_VARIES = frozenset(
    {
        *("id", "sampleId", "sampleTestId", "trackingId", "version", "createdAt", "updatedAt"),
        *("enteredAt", "verifiedAt"),
    }
)


READS = ("/api/v1/samples?limit=100", "/api/v1/samples/{sample_id}", "/api/tests?per_page=100")


def differences(
    titer: Server, floor: Server, subjects: Subjects, reads: Sequence[str] = READS
) -> list[str]:
    """Requests that the two answer differently, each with the first difference."""
    owner = subjects.anybody()
    headers = {"Authorization": f"Bearer {owner.key}", "Content-Type": "application/json"}
    sample_id = subjects.samples[owner.id][0]
    found = []
    for path in [each.format(sample_id=sample_id) for each in reads]:
        answers = [json.loads(each.get(path, headers)[1]) for each in (titer, floor)]
        found += _told(f"GET {path}", *answers)
    for name, method, paths, body in _changes(subjects, owner):
        first, second = (
            json.loads(each.ask(method, paths[number], headers, body[number])[1])
            for number, each in enumerate((titer, floor))
        )
        found += _told(name, _steady(first), _steady(second))
    return found


def _changes(
    subjects: Subjects, owner: Organization
) -> list[tuple[str, str, tuple[str, str], tuple[bytes, bytes]]]:
    """A request of each kind that changes something, in two copies."""
    created = new_sample(owner, 1)
    tests = subjects.open_tests.get(owner.id, [])[:20]
    creation = ("create", "POST", ("/api/v1/samples",) * 2, (created, created))
    if not tests:
        return [creation]
    entered = json.dumps({"result": "0.007"}).encode()
    rows = [{"sampleTestId": each, "result": "0.003"} for each in tests]
    bulk = json.dumps({"updates": rows}).encode()
    one = f"/api/v1/sample-tests/{tests[0]}"
    many = "/api/v1/sample-tests/bulk-results"
    return [
        creation,
        ("patch", "PATCH", (one, one), (entered, entered)),
        ("bulk", "POST", (many, many), (bulk, bulk)),
    ]


def _steady(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {
            name: name if name in _VARIES and value is not None else _steady(value)
            for name, value in answer.items()
        }
    if isinstance(answer, list):
        return [_steady(each) for each in answer]
    return answer


def _told(name: str, first: Any, second: Any) -> list[str]:
    where = _first_difference(first, second, "")
    return [f"{name}: {where}"] if where else []


def _first_difference(first: Any, second: Any, where: str) -> str | None:
    if isinstance(first, dict) and isinstance(second, dict) and list(first) == list(second):
        parts = ((f"{where}.{name}", first[name], second[name]) for name in first)
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        parts = (
            (f"{where}[{at}]", a, b) for at, (a, b) in enumerate(zip(first, second, strict=True))
        )
    elif first == second:
        return None
    else:
        return f"{where or 'the answer'} is {str(first)[:300]} and {str(second)[:300]}"
    return next((told for at, a, b in parts if (told := _first_difference(a, b, at))), None)
