"""`/api/v1/samples`, over HTTP on both databases."""

from laboratory import Laboratory


def test_a_sample_is_registered_with_its_tests(lab: Laboratory) -> None:
    answer = lab.post(
        "/samples",
        {
            "clientName": "Acme Water District",
            "materialTypeId": lab.has.water,
            "testDefinitionIds": [lab.has.ph, lab.has.lead],
        },
    )
    sample = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/samples/{sample['id']}"
    assert sample["status"] == "pending"
    assert [test["testCode"] for test in sample["tests"]] == ["PH", "LEAD"]
