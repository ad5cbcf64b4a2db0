"""All queries about clients."""

from sqlalchemy import ColumnElement

from titer.domain.clients.models import Client
from titer.domain.reference.repository import Catalogue


class Clients(Catalogue[Client]):
    model = Client

    async def named(self, name: str) -> Client | None:
        """The client of that name, in whatever case it is written."""
        folded: ColumnElement[bool] = Client.name_folded == name.casefold()
        return await self.one(folded)
