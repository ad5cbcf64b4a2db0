"""All queries about result history."""

from titer.domain.results.models import ResultEntry
from titer.kit.paging import Slice, Window
from titer.kit.records import Records


class ResultEntries(Records[ResultEntry]):
    model = ResultEntry

    async def of(self, sample_test_id: int, window: Window) -> Slice[ResultEntry]:
        """A page of what happened to a test's result, newest first."""
        return await self.page(window, ResultEntry.sample_test_id == sample_test_id)
