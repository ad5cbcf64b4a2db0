"""The records that several resources of the Results API show."""

from dataclasses import dataclass

from titer.domain.commerce import models
from titer.domain.publication import rules
from titer.domain.samples.models import Sample, SampleTest
from titer.domain.samples.rules import TestStatus
from titer.kit.web.answers import MomentOut


@dataclass(slots=True)
class Named:
    """An id, and what it is called."""

    id: int
    name: str


@dataclass(slots=True)
class Orderer:
    """Who placed an order."""

    email: str | None
    name: str | None


@dataclass(slots=True)
class TestedSku:
    """The variant that a sample is of."""

    id: int
    name: str
    code: str
    product: Named


@dataclass(slots=True)
class OrderedSku:
    """The variant that a sample of an order is of."""

    id: int
    name: str
    code: str
    serving_size_grams: str | None
    product: Named


@dataclass(slots=True)
class Briefly:
    """A test, as its order shows it."""

    id: int
    status: str
    created_at: MomentOut
    updated_at: MomentOut
    assay: Named


Variant = tuple[models.Sku, models.Product]


def orderer(order: models.Order) -> Orderer:
    return Orderer(order.orderer_email, order.orderer_name)


def tested_sku(variant: Variant | None) -> TestedSku | None:
    if variant is None:
        return None
    sku, product = variant
    return TestedSku(sku.id, sku.name, sku.code, Named(product.id, product.name))


def ordered_sku(variant: Variant | None) -> OrderedSku | None:
    if variant is None:
        return None
    sku, product = variant
    named = Named(product.id, product.name)
    return OrderedSku(sku.id, sku.name, sku.code, grams(sku), named)


def grams(sku: models.Sku) -> str | None:
    value = sku.serving_size_grams
    return None if value is None else rules.spell_grams(value)


def stage_of(test: SampleTest, sample: Sample) -> rules.Stage:
    return rules.stage(
        TestStatus(test.status),
        started=test.entered_at is not None,
        published=sample.reported_at is not None,
    )


def briefly(test: SampleTest, sample: Sample) -> Briefly:
    return Briefly(
        id=test.id,
        status=stage_of(test, sample),
        created_at=test.created_at,
        updated_at=max(test.updated_at, sample.updated_at),
        assay=Named(test.test_definition_id, test.test_name),
    )
