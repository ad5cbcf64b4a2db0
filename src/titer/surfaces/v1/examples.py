"""Bodies that the published document shows: the ones of the public guide."""

from typing import Any

NEW_SAMPLE: dict[str, Any] = {
    "clientName": "Acme Water District",
    "materialTypeId": 3,
    "projectId": 8,
    "collectionDate": "2026-06-18",
    "priority": "normal",
    "testDefinitionIds": [12, 15],
    "notes": "Grab sample, intake basin",
}
STATUS_CHANGE: dict[str, Any] = {"status": "received"}
SAMPLES: dict[str, Any] = {
    "data": [
        {
            "id": 1041,
            "trackingId": "S-2026-001041",
            "status": "received",
            "materialTypeId": 3,
            "projectId": 8,
            "receivedAt": "2026-06-18T09:12:00.000Z",
        }
    ],
    "nextCursor": 1041,
    "hasMore": True,
}
WHOAMI: dict[str, Any] = {
    "ok": True,
    "organizationId": 42,
    "keyId": 7,
    "userId": 13,
    "version": "v1",
}
BULK_RESULTS: dict[str, Any] = {
    "updates": [
        {"sampleTestId": 5001, "result": "7.2", "notes": "pH in range"},
        {"sampleTestId": 5002, "result": "1.4"},
    ]
}
NEW_CLIENT: dict[str, Any] = {
    "name": "Acme Water District",
    "code": "ACME",
    "contactName": "Wile E. Ortega",
    "email": "lab@acme.example",
}
NEW_PROJECT: dict[str, Any] = {
    "code": "WTP",
    "name": "Treatment plant, weekly",
    "clientId": 4,
    "sampleIdScheme": "composite",
    "startDate": "2026-06-01",
}
