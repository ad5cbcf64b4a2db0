"""Two tenants do whatever they like, in any order: the server agrees with a model of it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from evidence import books
from laboratory import Laboratory, World

Figure = Callable[[str, str, object], None]
Effort = Callable[[int, int], int]
STEPS = ("pending", "received", "processing", "completed", "verified")
which = st.integers(0, 1)
pick = st.integers(0, 1_000)


@dataclass
class KnownTest:
    """What the model knows of a sample's one test."""

    id: int
    result: str | None = None
    verified: dict[str, Any] | None = None


@dataclass
class KnownSample:
    """What the model knows of a sample."""

    id: int
    status: str
    test: KnownTest
    reported: bool = False


@dataclass
class Model:
    """A laboratory, and what it should contain."""

    lab: Laboratory
    samples: list[KnownSample] = field(default_factory=list)
    #: Audit events there should be beyond those of the founding.
    mutations: int = 0
    founding: int = 0

    def choose(self, number: int) -> KnownSample:
        return self.samples[number % len(self.samples)]


def machine(  # noqa: C901 - its rules are small and know each other
    world: World, steps: Counter[str]
) -> type[RuleBasedStateMachine]:
    """A state machine on this world; `steps` counts what it has done."""

    class Laboratories(RuleBasedStateMachine):
        models: list[Model]

        @initialize()
        def begin(self) -> None:
            labs = (world.found("One", "starter"), world.found("Two", "starter"))
            self.models = [Model(lab, founding=books(lab)["audit_events"]) for lab in labs]

        @rule(tenant=which)
        def register(self, tenant: int) -> None:
            model = self.models[tenant]
            wanted = {
                "clientName": "Acme",
                "materialTypeId": model.lab.has.water,
                "testDefinitionIds": [model.lab.has.ph],
            }
            made = model.lab.post("/samples", wanted)
            assert made.status_code == 201, made.text
            told = made.json()
            model.samples.append(
                KnownSample(told["id"], "pending", KnownTest(told["tests"][0]["id"]))
            )
            model.mutations += 2  # the sample and its test
            steps["register"] += 1

        @rule(tenant=which)
        def register_in_vain(self, tenant: int) -> None:
            """A foreign test definition: nothing happens, and no unit is spent."""
            lab, rival = self.models[tenant].lab, self.models[1 - tenant].lab
            wanted = {
                "clientName": "Acme",
                "materialTypeId": lab.has.water,
                "testDefinitionIds": [rival.has.ph],
            }
            assert lab.post("/samples", wanted).status_code == 400
            steps["register in vain"] += 1

        @precondition(lambda self: any(model.samples for model in self.models))
        @rule(tenant=which, number=pick, to=st.sampled_from(STEPS))
        def move(self, tenant: int, number: int, to: str) -> None:
            model = self.models[tenant]
            if not model.samples:
                return
            sample = model.choose(number)
            answer = model.lab.patch(f"/samples/{sample.id}/status", {"status": to})
            if may_move(sample, to):
                assert answer.status_code == 200, answer.text
                model.mutations += sample.status != to
                sample.status = to
            else:
                assert answer.status_code == 409, answer.text
            steps["move"] += 1

        @precondition(lambda self: any(model.samples for model in self.models))
        @rule(tenant=which, number=pick, value=st.integers(0, 4))
        def enter(self, tenant: int, number: int, value: int) -> None:
            model = self.models[tenant]
            if not model.samples:
                return
            test = model.choose(number).test
            # Inside the limits, so that nothing waits for an approval.
            result = f"7.{value:02}"
            answer = model.lab.patch(f"/sample-tests/{test.id}", {"result": result})
            if test.verified is not None:
                assert answer.status_code == 409, answer.text
            else:
                assert answer.status_code == 200, answer.text
                # Whoever enters the same again has entered it: when, and who, is told anew.
                model.mutations += 1
                test.result = result
            steps["enter"] += 1

        @precondition(lambda self: any(model.samples for model in self.models))
        @rule(tenant=which, number=pick)
        def verify(self, tenant: int, number: int) -> None:
            model = self.models[tenant]
            if not model.samples:
                return
            test = model.choose(number).test
            answer = model.lab.post(f"/sample-tests/{test.id}/verify")
            if test.result is None or test.verified is not None:
                assert answer.status_code == 409, answer.text
            else:
                assert answer.status_code == 200, answer.text
                test.verified = answer.json()
                model.mutations += 1
            steps["verify"] += 1

        @precondition(lambda self: any(model.samples for model in self.models))
        @rule(tenant=which, number=pick)
        def report(self, tenant: int, number: int) -> None:
            model = self.models[tenant]
            if not model.samples:
                return
            sample = model.choose(number)
            answer = model.lab.post(f"/samples/{sample.id}/report")
            if sample.status == "verified":
                assert answer.status_code == 200, answer.text
                model.mutations += not sample.reported
                sample.reported = True
            else:
                assert answer.status_code == 409, answer.text
            steps["report"] += 1

        @precondition(lambda self: any(model.samples for model in self.models))
        @rule(tenant=which, number=pick)
        def reach_across(self, tenant: int, number: int) -> None:
            """Another's records are as if they were not."""
            lab, rival = self.models[tenant].lab, self.models[1 - tenant]
            if not rival.samples:
                return
            sample = rival.choose(number)
            assert lab.get(f"/samples/{sample.id}").status_code == 404
            entered = lab.patch(f"/sample-tests/{sample.test.id}", {"result": "1"})
            assert entered.status_code == 404
            assert lab.post(f"/sample-tests/{sample.test.id}/verify").status_code == 404
            assert lab.post(f"/samples/{sample.id}/report").status_code == 404
            steps["reach across"] += 1

        @invariant()
        def lists_are_as_the_model_says(self) -> None:
            for model in self.models:
                listed = model.lab.get("/samples", params={"limit": 500}).json()["data"]
                told = [(each["id"], each["status"], bool(each["reportedAt"])) for each in listed]
                assert told == [
                    (each.id, each.status, each.reported) for each in reversed(model.samples)
                ]
                tests = model.lab.get("/sample-tests", params={"limit": 500}).json()["data"]
                by_id = {each["id"]: each for each in tests}
                for sample in model.samples:
                    shown = by_id.pop(sample.test.id)
                    assert shown["result"] == sample.test.result
                    if sample.test.verified is not None:
                        assert shown == sample.test.verified, "verified is for good"
                assert by_id == {}

        @invariant()
        def the_books_are_exact(self) -> None:
            for model in self.models:
                kept = books(model.lab)
                assert sum(used for _, used in kept["used"]) == len(model.samples)
                assert kept["audit_events"] - model.founding == model.mutations

    return Laboratories


def may_move(sample: KnownSample, to: str) -> bool:
    """The workflow, spelled a second time."""
    if sample.status == to:
        return True
    if sample.reported:
        return False
    return {
        ("pending", "received"): True,
        ("received", "pending"): sample.test.result is None,
        ("received", "processing"): True,
        ("processing", "received"): True,
        ("processing", "completed"): sample.test.result is not None,
        ("completed", "processing"): True,
        ("completed", "verified"): sample.test.verified is not None,
    }.get((sample.status, to), False)


def test_two_tenants_and_a_model_of_them_agree(
    world: World, effort: Effort, figure: Figure
) -> None:
    steps: Counter[str] = Counter()
    histories = effort(8, 60)
    run_state_machine_as_test(
        machine(world, steps),
        settings=settings(
            max_examples=histories,
            stateful_step_count=effort(30, 40),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert len(steps) >= 5
    backend = "PostgreSQL" if world.app.database.on_postgresql else "SQLite"
    figure(
        "P3 P5 P6 P8",
        f"{backend}, {histories} histories of two tenants against a model",
        f"{steps.total()} steps: lists, quota, locks and audit events as the model says",
    )
