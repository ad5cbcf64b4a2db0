"""A laboratory's day over HTTP, against a running server, with what it took.

    titer serve &
    python tools/day_in_the_lab.py http://127.0.0.1:8000 lk_... --samples 500

Drinking-water samples are registered from a CSV file that is made first, received in one call,
given results in bulk, verified one by one; those out of limits are decided: one is rejected,
retested and verified again, the others approved; all of it is reported. Needs nothing but Python.
The server's per-key limit counts these requests too: raise TITER_RATE_LIMIT for the occasion.
"""

import argparse
import csv
import json
import random
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

TOWNS = ("Acme Water District", "Springfield Waterworks", "Lakeside Utility", "Hillview Schools")
BULK = 1_000


class Lab:
    """The Lab API, as an integrator would call it."""

    def __init__(self, host: str, key: str) -> None:
        self.host, self.key = host.rstrip("/"), key
        self.calls: Counter[str] = Counter()

    def call(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the address is the caller's own
            f"{self.host}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            status, text = refusal.code, refusal.read()
        self.calls[f"{method} {status}"] += 1
        if status != expect:
            raise SystemExit(f"{method} {path}: {status}, not {expect}\n{text.decode()}")
        return json.loads(text)

    def everything(self, path: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.call("GET", f"{path}{'&' if '?' in path else '?'}limit=500{cursor}")
            rows += page["data"]
            if not page["hasMore"]:
                return rows
            cursor = f"&cursor={page['nextCursor']}"


def write_csv(path: Path, samples: int, tests: list[int], run: str) -> None:
    """The day's samples, as a client's sheet would list them."""
    chance = random.Random(samples)  # noqa: S311 - the same day every time
    with path.open("w", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(["externalId", "clientName", "collectionDate", "priority", "tests"])
        for number in range(samples):
            chosen = chance.sample(tests, k=min(3, len(tests)))
            sheet.writerow(
                [
                    f"{run}-{number:05}",
                    chance.choice(TOWNS),
                    f"2026-06-{chance.randint(1, 18):02}",
                    chance.choice(["normal", "normal", "high"]),
                    " ".join(map(str, chosen)),
                ]
            )


def register(lab: Lab, path: Path, material: int) -> list[dict[str, Any]]:
    registered = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            body = {
                "externalId": row["externalId"],
                "clientName": row["clientName"],
                "collectionDate": row["collectionDate"],
                "priority": row["priority"],
                "materialTypeId": material,
                "testDefinitionIds": [int(each) for each in row["tests"].split()],
            }
            registered.append(lab.call("POST", "/samples", body, expect=201))
    return registered


def plausible(definition: dict[str, Any], chance: random.Random) -> str:
    """A result within the limits, or below the limit of quantification."""
    low, high, loq = (definition[name] for name in ("specMin", "specMax", "loq"))
    if loq and high and chance.random() < 0.3:  # noqa: PLR2004 - three in ten are below it
        return f"<{loq}"
    floor = low if low is not None else 0
    ceiling = high if high is not None else floor + 10
    return f"{floor + (ceiling - floor) * chance.uniform(0.1, 0.9):.4g}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("host")
    options.add_argument("key")
    options.add_argument("--samples", type=int, default=500)
    options.add_argument("--csv", type=Path, default=Path("var/day.csv"))
    asked = options.parse_args()
    lab, began = Lab(asked.host, asked.key), time.perf_counter()

    definitions = {each["id"]: each for each in lab.everything("/test-definitions?active=true")}
    limited = [key for key, each in definitions.items() if each["specMax"] is not None]
    material = lab.everything("/material-types?active=true")[-1]["id"]
    asked.csv.parent.mkdir(parents=True, exist_ok=True)
    write_csv(asked.csv, asked.samples, limited, run=f"DAY-{time.time_ns()}")
    samples = register(lab, asked.csv, material)
    told(began, f"{len(samples)} samples registered from {asked.csv}")
    receive(lab, samples)
    told(began, "received, and at the bench")
    tests = [test for sample in samples for test in sample["tests"]]
    outlier = tests[0]
    enter(lab, tests, definitions)
    told(began, f"{len(tests)} results entered in bulk")
    verify(lab, samples, tests)
    told(began, f"{len(tests)} results verified")

    held = lab.call("POST", f"/samples/{outlier['sampleId']}/report", expect=409)
    told(began, f"the outlier is held: {held['error']}, {held['blockers'][0]['message']}")
    approved = decide(lab, samples, outlier, definitions)
    told(began, f"one result rejected, retested and verified; {approved} approved")
    report(lab, samples)
    told(began, f"{len(samples)} samples reported")
    history = lab.everything(f"/sample-tests/{outlier['id']}/history")
    told(began, "the outlier's history: " + ", ".join(entry["action"] for entry in history[::-1]))
    told(began, f"requests: {dict(sorted(lab.calls.items()))}")


def receive(lab: Lab, samples: list[dict[str, Any]]) -> None:
    ids = [sample["id"] for sample in samples]
    for start in range(0, len(ids), 500):
        lab.call("POST", "/samples/receive", {"sampleIds": ids[start : start + 500]})
    for sample_id in ids:
        lab.call("PATCH", f"/samples/{sample_id}/status", {"status": "processing"})


def enter(lab: Lab, tests: list[dict[str, Any]], definitions: dict[int, dict[str, Any]]) -> None:
    """Results for all, in bulk; the first lies at ten times its limit."""
    chance = random.Random(7)  # noqa: S311
    updates = [
        {
            "sampleTestId": test["id"],
            "result": plausible(definitions[test["testDefinitionId"]], chance),
        }
        for test in tests
    ]
    limit = definitions[tests[0]["testDefinitionId"]]["specMax"]
    updates[0]["result"] = str(limit * 10 or 10)
    for start in range(0, len(updates), BULK):
        rows = {"updates": updates[start : start + BULK], "atomic": True}
        lab.call("POST", "/sample-tests/bulk-results", rows)


def verify(lab: Lab, samples: list[dict[str, Any]], tests: list[dict[str, Any]]) -> None:
    for test in tests:
        lab.call("POST", f"/sample-tests/{test['id']}/verify")
    for status in ("completed", "verified"):
        for sample in samples:
            lab.call("PATCH", f"/samples/{sample['id']}/status", {"status": status})


def decide(
    lab: Lab,
    samples: list[dict[str, Any]],
    outlier: dict[str, Any],
    definitions: dict[int, dict[str, Any]],
) -> int:
    """Reject the outlier and have it retested; approve the others, and say how many."""
    approved = 0
    for sample in samples:
        for approval in lab.everything(f"/samples/{sample['id']}/approvals"):
            path = f"/approval-records/{approval['id']}"
            if approval["sampleTestId"] == outlier["id"]:
                body = {"status": "rejected", "comment": "Ten times the limit: digest again."}
                lab.call("PATCH", path, body)
                retest(lab, outlier, definitions[outlier["testDefinitionId"]]["specMax"])
            else:
                lab.call("PATCH", path, {"status": "approved", "comment": "Confirmed."})
                approved += 1
    return approved


def report(lab: Lab, samples: list[dict[str, Any]]) -> None:
    for sample in samples:
        shown = lab.call("POST", f"/samples/{sample['id']}/report")
        if shown["reportedAt"] is None:
            raise SystemExit(f"{shown['trackingId']} was not reported")


def retest(lab: Lab, outlier: dict[str, Any], limit: float) -> None:
    lab.call("PATCH", f"/sample-tests/{outlier['id']}", {"result": f"{limit / 2:.4g}"})
    lab.call("POST", f"/sample-tests/{outlier['id']}/verify")
    for status in ("completed", "verified"):
        lab.call("PATCH", f"/samples/{outlier['sampleId']}/status", {"status": status})


def told(began: float, what: str) -> None:
    sys.stdout.write(f"{time.perf_counter() - began:7.1f} s  {what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
