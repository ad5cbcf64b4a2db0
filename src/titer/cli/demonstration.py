"""`titer demo`."""

import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from titer.cli.running import run
from titer.cli.serving import make_ready
from titer.cli.terminal import AsJson, show, tell, tracked
from titer.demo import laboratory
from titer.demo.laboratory import Demonstration
from titer.kit.db.engine import Database
from titer.settings import Settings

_FEWEST = 20
_KEPT = ("organizationId", "adminPassword", "rawKey", "resultsKey")


def demo(
    *,
    samples: Annotated[int, typer.Option(min=_FEWEST, help="How many samples, about.")] = 300,
    url: Annotated[str, typer.Option(help="Where the server answers.")] = "http://127.0.0.1:8000",
    as_json: AsJson = False,
) -> None:
    """Make a demonstration laboratory and print a key for it. Again: the same laboratory.

    The key and the password are kept in demo.json beside the SQLite database (with PostgreSQL in
    var/), for you alone to read, so that they can be printed again.
    """
    settings = Settings()
    make_ready(settings)
    kept = (Path("var") if settings.on_postgresql else settings.sqlite_path.parent) / "demo.json"
    known = _read(kept)

    async def task(database: Database) -> dict[str, Any]:
        password = laboratory.new_password()
        there, created = await laboratory.enter(database, samples, password, tracked)
        key = known.get("rawKey")
        if not key or not await laboratory.opens(database, key, there.organization_id):
            if not created:
                tell("An earlier key cannot be shown again: this one is new.")
            key = await laboratory.fresh_key(database, there)
        results_key = known.get("resultsKey")
        if not results_key or not await laboratory.opens(
            database, results_key, there.organization_id
        ):
            results_key = await laboratory.fresh_results_key(database, there)
        same = known.get("organizationId") == there.organization_id
        kept_password = known.get("adminPassword") if same else None
        return {
            "organizationId": there.organization_id,
            "name": laboratory.NAME,
            "created": created,
            "samples": there.samples,
            "adminEmail": laboratory.ADMIN,
            "adminPassword": password if created else kept_password,
            "rawKey": key,
            "resultsKey": results_key,
            "resultsKeyOf": there.client_name,
            "docs": f"{url}/docs",
            "curl": [*_curls(there, key, url), _results_curl(results_key, url)],
        }

    facts = run(task)
    _keep(kept, {name: facts[name] for name in _KEPT})
    show(facts | {"keptIn": str(kept)}, *_sentences(facts), as_json=as_json)


def _curls(there: Demonstration, key: str, url: str) -> list[str]:
    """Three commands that work as they stand."""
    head = f"-H 'Authorization: Bearer {key}'"
    sample = {
        "clientName": "Acme Water District",
        "materialTypeId": there.material_type_id,
        "testDefinitionIds": there.test_definition_ids,
    }
    body = f"-H 'Content-Type: application/json' -d {shlex.quote(json.dumps(sample))}"
    return [
        f"curl {url}/api/v1/whoami {head}",
        f"curl '{url}/api/v1/samples?status=verified&limit=3' {head}",
        f"curl -X POST {url}/api/v1/samples {head} {body}",
    ]


def _results_curl(key: str, url: str) -> str:
    """What the client with that key asks first: what has been published to it."""
    query = "status=published&per_page=2"
    return f"curl '{url}/api/tests?{query}' -H 'Authorization: Bearer {key}'"


def _sentences(facts: dict[str, Any]) -> Sequence[str]:
    password = facts["adminPassword"] or "(the first run printed it)"
    return (
        f"{facts['name']}: organization {facts['organizationId']}, {facts['samples']} samples",
        f"  API key        {facts['rawKey']}",
        f"  Results key    {facts['resultsKey']} (what {facts['resultsKeyOf']} may read)",
        f"  Sign in as     {facts['adminEmail']} with {password}",
        f"  Documentation  {facts['docs']}",
        "Once it is served (`titer serve`), try:",
        *(f"  {line}" for line in facts["curl"]),
    )


def _read(kept: Path) -> dict[str, Any]:
    try:
        known = json.loads(kept.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _keep(kept: Path, secrets: dict[str, Any]) -> None:
    """Write the secrets where only their owner can read them, and never half of them."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    fresh = kept.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(secrets, file)
    fresh.replace(kept)
