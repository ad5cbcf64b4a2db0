"""`titer import`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from titer.cli.running import run, within
from titer.cli.terminal import AsJson, Stop, show, tell, tracked
from titer.imports import orders, reference, samples
from titer.imports.rows import Fault, NotImported
from titer.kit.db.engine import Database

commands = typer.Typer(help="Bring in what the laboratory has in files.")

Org = Annotated[int, typer.Option("--org", min=1, help="The organization's id.")]
File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The file to import.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Do everything, report it, and keep nothing.")
]

#: So many faults are told on the terminal; `--json` has them all.
_TOLD = 200


@commands.command("reference")
def import_reference(
    file: File, *, org: Org, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Import the catalogue, clients and projects, products and their variants.

    Sections: materialTypes, testDefinitions, analytes, storageLocations, clients, projects,
    products, skus.
    YAML with a list per section; a spreadsheet with a sheet per section; or CSV with a column
    `type`. Records are found by code (clients without one by name, products and
    skus by external id) and updated, or made. A column
    that is left out changes nothing; an empty cell clears. All of the file comes in, or nothing.
    """

    async def task(database: Database) -> reference.Summary:
        async with within(database, org, keep=not dry_run) as session:
            return await reference.bring_in(session, file, tracked)

    summary = _imported(run, task)
    outcomes = ("created", "updated", "unchanged")
    facts: dict[str, Any] = {outcome: summary.total(outcome) for outcome in outcomes}
    sections = {
        name: {outcome: counts[outcome] for outcome in outcomes}
        for name, counts in summary.counts.items()
        if counts
    }
    lines = [
        f"{name}: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        for name, counts in sections.items()
    ]
    show(
        facts | {"dryRun": dry_run, "sections": sections},
        *(lines or ["The file has no records in it."]),
        *(["Nothing was kept: this was a dry run."] if dry_run else []),
        as_json=as_json,
    )


@commands.command("samples")
def import_samples(
    file: File, *, org: Org, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Register samples from CSV or a spreadsheet, and schedule their tests.

    Columns: materialType, clientName or clientCode, project, collectionDate, priority, tests,
    notes, plantLocation, storageLocation, externalId, name, order, sku, lot, batch, composite,
    numberOfComposites, servingSize; custom.KEY and tests.KEY for the fields that the organization
    has defined for samples and tests. Records of the catalogue by code or id, orders by external
    id or number, skus by external id, code or id, tests separated by ; or , or blanks. All of the
    file comes in, or nothing.
    """

    async def task(database: Database) -> list[samples.Registered]:
        async with within(database, org, keep=not dry_run) as session:
            return await samples.bring_in(session, file, tracked)

    registered = _imported(run, task)
    facts: dict[str, Any] = {"created": len(registered), "dryRun": dry_run}
    if not dry_run:
        facts["samples"] = [
            {
                "line": each.place.line,
                "id": each.sample_id,
                "trackingId": each.tracking_id,
                "externalId": each.external_id,
            }
            for each in registered
        ]
    done = "would be registered: nothing was kept" if dry_run else "registered"
    show(facts, f"{len(registered)} samples {done}.", as_json=as_json)


@commands.command("orders")
def import_orders(
    file: File, *, org: Org, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Place clients' orders from CSV or a spreadsheet, with their samples and tests.

    A row is a sample, with its order beside it: order (its external id; rows with the same one
    belong together), client (code or name), status, paymentStatus, ordererName, ordererEmail,
    orderedAt, paidAt, receivedAt, orderNotes; and what `import samples` takes of a sample. A row
    without a materialType tells of the order alone. All of the file comes in, or nothing.
    """

    async def task(database: Database) -> list[orders.Placed]:
        async with within(database, org, keep=not dry_run) as session:
            return await orders.bring_in(session, file, tracked)

    placed = _imported(run, task)
    samples_placed = sum(each.samples for each in placed)
    facts: dict[str, Any] = {"created": len(placed), "samples": samples_placed, "dryRun": dry_run}
    if not dry_run:
        facts["orders"] = [
            {
                "line": each.place.line,
                "id": each.order_id,
                "number": each.number,
                "externalId": each.external_id,
                "samples": each.samples,
            }
            for each in placed
        ]
    done = "would be placed: nothing was kept" if dry_run else "placed"
    what = f"{len(placed)} orders with {samples_placed} samples {done}."
    show(facts, what, as_json=as_json)


def _imported(runs: Any, task: Any) -> Any:
    try:
        return runs(task)
    except NotImported as refusal:
        raise _stopped(refusal.faults) from refusal
    except OSError as trouble:
        raise Stop("unreadable_file", f"The file cannot be read: {trouble}.") from trouble


def _stopped(faults: Sequence[Fault]) -> Stop:
    for fault in faults[:_TOLD]:
        tell(str(fault))
    if len(faults) > _TOLD:
        tell(f"... and {len(faults) - _TOLD} more: --json has them all.")
    places = len({fault.place for fault in faults})
    return Stop(
        "import_refused",
        f"{places} {'line is' if places == 1 else 'lines are'} at fault, and nothing was imported."
        " Correct the file and import it again.",
        details=[
            {
                "line": fault.place.line,
                **({"sheet": fault.place.sheet} if fault.place.sheet else {}),
                "field": fault.column,
                "message": fault.message,
            }
            for fault in faults
        ],
    )
