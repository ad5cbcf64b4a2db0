"""Canaries: keys and passwords of a whole run, sought in everything that a server leaves behind."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
from sqlalchemy import inspect, text

from laboratory import PASSWORD
from servers import Installation
from titer.kit.db.engine import Database

Figure = Callable[[str, str, object], None]
WRONG = "canary-wrong-password-81c2"
CHANGED = "canary new password 81c2"
#: A well-formed key of nobody's would be no canary: these are refused for their form.
BROKEN = "lk_canary81c2canary81c2canary81c2canary81c2"


async def everything(bypass_url: str) -> str:
    """All rows of all tables, as text."""
    database = Database(bypass_url)
    told = []
    async with database.connected() as connection:
        for name in await connection.run_sync(lambda each: inspect(each).get_table_names()):
            rows = (await connection.execute(text(f"SELECT * FROM {name}"))).all()
            told += [repr(tuple(row)) for row in rows]
    await database.close()
    return "\n".join(told)


def test_no_secret_is_left_anywhere(installation: Installation, figure: Figure) -> None:
    (lab,) = installation.found("Aqua Laboratory")
    errors: list[str] = []

    def seen(answer: httpx2.Response) -> Any:
        if answer.is_error:
            errors.append(answer.text + repr(answer.headers))
        return answer.json()

    with (
        installation.serving(TITER_LOG_LEVEL="debug") as server,
        httpx2.Client(base_url=server.url, timeout=30) as http,
    ):
        who = {"email": f"admin@lab{lab.id}.example", "password": PASSWORD}
        seen(http.post("/api/auth/login", json=who | {"password": WRONG}))
        token = seen(http.post("/api/auth/login", json=who))["token"]
        seen(http.post("/api/auth/login", json={"password": PASSWORD}))
        seen(http.post("/api/auth/login", content=f'{{"email": 1, "password": "{PASSWORD}"'))
        office = {"Authorization": f"Bearer {token}"}
        path = "/api/settings/api-keys"
        minted = seen(http.post(path, json={"name": "canary"}, headers=office))
        person = {"email": "c@d.example", "name": "C", "role": "technician", "password": CHANGED}
        seen(http.post("/api/settings/users", json=person, headers=office))
        seen(http.post("/api/settings/users", json=person | {"role": "x"}, headers=office))
        keyed = {"Authorization": f"Bearer {minted['rawKey']}"}
        for headers in (
            keyed,
            {"Authorization": f"Bearer {BROKEN}"},
            {"Authorization": f"Basic {minted['rawKey']}"},
            {"Authorization": minted["rawKey"]},
            {"X-Api-Key": minted["rawKey"]},
            {"X-Request-Id": f"{minted['rawKey']}!"} | keyed,
            office,
        ):
            for where in ("/api/v1/whoami", "/api/v1/samples/none", "/api/settings/users"):
                seen(http.get(where, headers=headers))
        wanted = {"clientName": "Acme", "materialTypeId": lab.has.water}
        seen(http.post("/api/v1/samples", json=wanted, headers=keyed))
        seen(http.post("/api/v1/samples", json=wanted | {"notes": 1}, headers=keyed))
        seen(http.get(f"/api/v1/{minted['rawKey']}", headers=keyed))
        seen(http.delete(f"{path}/{minted['id']}", headers=office))
        seen(http.get("/api/v1/whoami", headers=keyed))
        audit = http.get("/api/v1/audit-events?limit=500", headers=lab.headers).text
        metrics = http.get("/metrics").text
    places = {
        "log": installation.log.read_text(),
        "metrics": metrics,
        "audit events": audit,
        "error bodies": "\n".join(errors),
        "tables": asyncio.run(everything(installation.bypass_url)),
    }
    assert len(errors) > 15
    assert minted["keyPrefix"] in places["audit events"], "the trail tells of the key itself"
    canaries = (minted["rawKey"], lab.key, BROKEN, PASSWORD, WRONG, CHANGED, token)
    found = {
        (place, canary) for place, told in places.items() for canary in canaries if canary in told
    }
    assert found == set()
    size = sum(map(len, places.values()))
    figure(
        "P15",
        f"{installation.backend}, {len(canaries)} canaries in logs, metrics, audit, errors, tables",
        f"0 occurrences in {size // 1024} KiB, {len(errors)} error bodies among them",
    )
