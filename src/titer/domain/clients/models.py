"""Rows of clients."""

from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.owned import TenantOwned, Versioned


class Client(Versioned, TenantOwned):
    """Whoever sends samples and gets reports."""

    __tablename__ = "clients"

    name: Mapped[str]
    #: The name as it is compared: case-folded, unique. It says nothing that the name does not.
    name_folded: Mapped[str] = mapped_column(info={"kept_out_of_audit": True})
    code: Mapped[str | None]
    contact_name: Mapped[str | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    address: Mapped[str | None]
    notes: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
