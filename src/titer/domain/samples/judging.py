"""What an intake says, what it names, and whether it may be: judged alike when a sample is made
and when one is changed, of one intake or of many."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from titer.domain.clients.models import Client
from titer.domain.commerce.models import Order, Product, Sku
from titer.domain.commerce.repository import Orders, Products, Skus
from titer.domain.commerce.rules import OrderStatus
from titer.domain.projects.models import Project
from titer.domain.projects.rules import ProjectStatus, SampleIdScheme
from titer.domain.reference.models import TestDefinition
from titer.domain.reference.rules import Resource
from titer.domain.reference.service import fields_in_use, merge_fields
from titer.domain.samples import rules
from titer.domain.samples.models import Sample
from titer.domain.samples.repository import Named, Names, Samples
from titer.kit.errors import Detail, Duplicate, InvalidReference, at_fault, unknown
from titer.kit.tenancy import TenantSession


@dataclass(frozen=True, slots=True)
class Intake:
    """What is known of a sample when it is registered."""

    material_type_id: int
    client_id: int | None = None
    client_name: str | None = None
    project_id: int | None = None
    storage_location_id: int | None = None
    plant_location: str | None = None
    collection_date: str | None = None
    priority: rules.Priority = rules.Priority.NORMAL
    notes: str | None = None
    external_id: str | None = None
    test_definition_ids: tuple[int, ...] = ()
    name: str | None = None
    order_id: int | None = None
    sku_id: int | None = None
    lot: str | None = None
    batch: str | None = None
    composite: bool = False
    number_of_composites: int = 1
    serving_size: str | None = None
    custom_fields: Mapping[str, str | None] = field(default_factory=dict)
    #: What every test that is scheduled with the sample says.
    test_custom_fields: Mapping[str, str | None] = field(default_factory=dict)


#: What the fields of an intake are that a sample keeps just as they are said.
SAID = (
    "name",
    "order_id",
    "sku_id",
    "lot",
    "batch",
    "composite",
    "number_of_composites",
    "serving_size",
)


@dataclass(frozen=True, slots=True)
class References:
    """The records that an intake names, found and fit for use; and its custom fields in full."""

    client: Client | None
    project: Project | None
    definitions: tuple[TestDefinition, ...]
    #: The sample that has the external id already.
    holder: int | None
    #: The custom fields of a new sample, and of each of its tests.
    custom_fields: dict[str, str] = field(default_factory=dict)
    test_custom_fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ground:
    """All that some intakes name, looked up at once: what each of them is judged by."""

    now: datetime
    named: Named
    orders: Mapping[int, Order]
    skus: Mapping[int, Sku]
    products: Mapping[int, Product]
    #: The keys of custom fields in use, where an intake says anything of them.
    fields: Mapping[Resource, Collection[str]]

    @classmethod
    async def of(cls, session: TenantSession, intakes: Sequence[Intake]) -> "Ground":
        skus = await Skus(session).by_id({each.sku_id for each in intakes if each.sku_id})
        said = {
            Resource.SAMPLE: any(each.custom_fields for each in intakes),
            Resource.TEST: any(each.test_custom_fields for each in intakes),
        }
        return cls(
            session.now,
            await Samples(session).named([_names(intake) for intake in intakes]),
            await Orders(session).by_id({each.order_id for each in intakes if each.order_id}),
            skus,
            await Products(session).by_id({sku.product_id for sku in skus.values()}),
            {
                kind: await fields_in_use(session, kind)
                for kind, any_said in said.items()
                if any_said
            },
        )

    def judge(self, intake: Intake) -> References:
        """What a new sample's intake names.

        Raises `InvalidBody` (a day to come, a missing plant location, a custom field that nobody
        has defined), `InvalidReference` and `Duplicate` (external id).
        """
        check_collection_date(intake.collection_date, self.now)
        found = self.references(intake)
        refuse_taken(intake.external_id, found.holder)
        if not intake.custom_fields and not intake.test_custom_fields:
            return found
        return replace(
            found,
            custom_fields=self._filled(Resource.SAMPLE, intake.custom_fields),
            test_custom_fields=self._filled(Resource.TEST, intake.test_custom_fields),
        )

    def references(self, intake: Intake, already: Intake | None = None) -> References:
        """What an intake names. What the sample already had may have gone out of use since."""
        named = self.named
        faults: list[InvalidReference] = []
        client = self._client(intake, already, faults)
        project = None if intake.project_id is None else named.projects.get(intake.project_id)
        if intake.project_id is not None and (
            project is None
            or (project.status != ProjectStatus.ACTIVE and not _kept(already, "project_id", intake))
        ):
            faults.append(unknown("projectId", [intake.project_id]))
        self._check_in_use(intake, already, faults)
        self._check_commerce(intake, already, client, faults)
        wanted, definitions = intake.test_definition_ids, named.definitions
        absent = [
            each for each in wanted if each not in definitions or not definitions[each].active
        ]
        if absent:
            faults.append(unknown("testDefinitionIds", absent))
        if faults:
            raise _all_of(faults)
        if project is not None and project.sample_id_scheme == SampleIdScheme.COMPOSITE:
            _require_plant_location(intake, already)
        found = tuple(definitions[each] for each in wanted)
        holder = named.holders.get(intake.external_id) if intake.external_id else None
        return References(client, project, found, holder)

    def _filled(self, resource: Resource, said: Mapping[str, str | None]) -> dict[str, str]:
        """The custom fields of a new record. Raises `InvalidBody`."""
        return merge_fields(self.fields[resource], {}, said) if said else {}

    def _check_in_use(
        self, intake: Intake, already: Intake | None, faults: list[InvalidReference]
    ) -> None:
        material = self.named.materials.get(intake.material_type_id)
        if not _kept(already, "material_type_id", intake) and not (material and material.active):
            faults.append(unknown("materialTypeId", [intake.material_type_id]))
        if intake.storage_location_id is None or _kept(already, "storage_location_id", intake):
            return
        location = self.named.locations.get(intake.storage_location_id)
        if not (location and location.active):
            faults.append(unknown("storageLocationId", [intake.storage_location_id]))

    def _check_commerce(
        self,
        intake: Intake,
        already: Intake | None,
        client: Client | None,
        faults: list[InvalidReference],
    ) -> None:
        """The order and the product of a sample are its client's. Raises `InvalidBody`."""
        others: list[Detail] = []
        client_id = client.id if client else None
        if intake.order_id is not None:
            order = self.orders.get(intake.order_id)
            if order is None:
                faults.append(unknown("orderId", [intake.order_id]))
            elif order.client_id != client_id:
                others.append(Detail("orderId", "is not an order of the sample's client"))
            elif order.status == OrderStatus.CANCELLED and not _kept(already, "order_id", intake):
                others.append(Detail("orderId", "is an order that was cancelled"))
        if intake.sku_id is not None:
            sku = self.skus.get(intake.sku_id)
            product = self.products.get(sku.product_id) if sku else None
            kept = _kept(already, "sku_id", intake)
            if sku is None or product is None or not (sku.active or kept):
                faults.append(unknown("skuId", [intake.sku_id]))
            elif product.client_id != client_id:
                others.append(Detail("skuId", "is not of a product of the sample's client"))
        if others and not faults:
            raise at_fault(others)

    def _client(
        self, intake: Intake, already: Intake | None, faults: list[InvalidReference]
    ) -> Client | None:
        if intake.client_id is None:
            called = self.named.clients_by_name.get((intake.client_name or "").casefold())
            return called if called is not None and called.active else None
        client = self.named.clients.get(intake.client_id)
        if client is None or not (client.active or _kept(already, "client_id", intake)):
            faults.append(unknown("clientId", [intake.client_id]))
            return None
        name = intake.client_name
        if name is not None and name.casefold() != client.name_folded:
            raise at_fault(
                [Detail("clientName", "is not the name of the client that clientId names")]
            )
        return client


def check_collection_date(collection_date: str | None, now: datetime) -> None:
    if collection_date is not None and rules.lies_ahead(collection_date, now):
        raise at_fault([Detail("collectionDate", "must not lie in the future")])


def refuse_taken(external_id: str | None, holder: int | None) -> None:
    if holder is not None:
        raise taken_by(external_id, holder)


def taken_by(external_id: str | None, holder: int) -> Duplicate:
    return Duplicate(
        f"A sample with the externalId {external_id!r} already exists.",
        facts={"field": "externalId", "existing_id": holder},
    )


def _names(intake: Intake) -> Names:
    return Names(
        intake.material_type_id,
        intake.client_id,
        intake.client_name,
        intake.project_id,
        intake.storage_location_id,
        intake.external_id,
        intake.test_definition_ids,
    )


def as_intake(sample: Sample) -> Intake:
    return Intake(
        material_type_id=sample.material_type_id,
        client_id=sample.client_id,
        client_name=sample.client_name,
        project_id=sample.project_id,
        storage_location_id=sample.storage_location_id,
        plant_location=sample.plant_location,
        collection_date=sample.collection_date,
        priority=rules.Priority(sample.priority),
        notes=sample.notes,
        external_id=sample.external_id,
        **{name: getattr(sample, name) for name in SAID},
    )


def _all_of(faults: Sequence[InvalidReference]) -> InvalidReference:
    ids = sorted({each for fault in faults for each in fault.facts["ids"]})  # type: ignore[attr-defined]
    return InvalidReference(
        " ".join(fault.sentence for fault in faults),
        details=[detail for fault in faults for detail in fault.details],
        facts={"ids": ids},
    )


def _kept(already: Intake | None, name: str, intake: Intake) -> bool:
    return already is not None and getattr(already, name) == getattr(intake, name)


def _require_plant_location(intake: Intake, already: Intake | None) -> None:
    # A sample that came into the project before it asked for plant locations may go without.
    without = already is not None and already.plant_location is None
    kept = already is not None and already.project_id == intake.project_id and without
    if intake.plant_location is None and not kept:
        raise at_fault(
            [Detail("plantLocation", "is required by this project's composite sample ids")]
        )
