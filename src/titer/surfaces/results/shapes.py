"""The records that several resources of the Results API show."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

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
class TestedProduct:
    """The product that a sample is of; without an id where it is of none."""

    __test__: ClassVar = False

    id: int | None
    name: str


@dataclass(slots=True)
class TestedSku:
    """The variant that a sample is of. A sample of none has one all the same, without an id and
    named `-`: the guide's clients look into it."""

    __test__: ClassVar = False

    id: int | None
    name: str
    code: str
    product: TestedProduct


@dataclass(slots=True)
class OrderedSku:
    """The variant that a sample of an order is of; without an id and named `-` where of none."""

    id: int | None
    name: str
    code: str
    serving_size_grams: str | None
    product: TestedProduct


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


def tested_sku(variant: Variant | None) -> TestedSku:
    if variant is None:
        return TestedSku(None, rules.NOTHING, "", TestedProduct(None, rules.NOTHING))
    sku, product = variant
    return TestedSku(sku.id, sku.name, sku.code, TestedProduct(product.id, product.name))


def ordered_sku(variant: Variant | None) -> OrderedSku:
    sku = tested_sku(variant)
    size = None if variant is None else grams(variant[0])
    return OrderedSku(sku.id, sku.name, sku.code, size, sku.product)


def grams(sku: models.Sku) -> str | None:
    return spelled_grams(sku.serving_size_grams)


def spelled_grams(value: Decimal | str | None) -> str | None:
    return None if value is None else rules.spell_grams(Decimal(value))


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
