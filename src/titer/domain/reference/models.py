"""Rows of the catalogue."""

from decimal import Decimal

from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.db.types import ExactDecimal
from titer.kit.owned import TenantOwned, Versioned


class MaterialType(Versioned, TenantOwned):
    """What a sample is made of: the matrix."""

    __tablename__ = "material_types"

    code: Mapped[str]
    name: Mapped[str]
    description: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)


class TestDefinition(Versioned, TenantOwned):
    """A test that the laboratory offers: method, unit, specification limits.

    `spec_min` and `spec_max` are inclusive bounds in `unit`; `loq` is the limit of
    quantification, in `unit`; `decimals` is how many a reported result has. A `panel` has analytes
    in use, each with limits of its own; any other test is its own single analyte.
    """

    __tablename__ = "test_definitions"
    __test__ = False

    code: Mapped[str]
    name: Mapped[str]
    method: Mapped[str | None]
    unit: Mapped[str | None]
    decimals: Mapped[int | None]
    spec_min: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    spec_max: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    loq: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    active: Mapped[bool] = mapped_column(default=True)
    #: Follows from the analytes, which the event names.
    panel: Mapped[bool] = mapped_column(default=False, info={"kept_out_of_audit": True})


class Analyte(Versioned, TenantOwned):
    """One of the things that a panel measures, such as lead among the heavy metals."""

    __tablename__ = "analytes"
    __audited__ = False  # part of its test definition, whose event names the analytes

    test_definition_id: Mapped[int]
    code: Mapped[str]
    name: Mapped[str]
    unit: Mapped[str | None]
    decimals: Mapped[int | None]
    spec_min: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    spec_max: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    loq: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    position: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True)


class TestMaterial(TenantOwned):
    """That a test is meant for a material type."""

    __tablename__ = "test_materials"
    __test__ = False
    __audited__ = False  # part of its test definition, whose event names the materials

    test_definition_id: Mapped[int]
    material_type_id: Mapped[int]


class StorageLocation(Versioned, TenantOwned):
    """A place in the tree of places; `path` spells the way down to it by code, `COLD/F2/B07`."""

    __tablename__ = "storage_locations"

    code: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]
    parent_id: Mapped[int | None]
    path: Mapped[str]
    capacity: Mapped[int | None]
    active: Mapped[bool] = mapped_column(default=True)


class CustomField(Versioned, TenantOwned):
    """A field that the organization has defined for its tests, or for its samples."""

    __tablename__ = "custom_fields"

    resource: Mapped[str]
    key: Mapped[str]
    name: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
