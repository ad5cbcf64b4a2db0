"""The commands by name, and the one place that says why a command has failed."""

import sys
from collections.abc import Sequence
from typing import Any

import typer
from pydantic import ValidationError

from titer.cli import (
    auditing,
    backups,
    databases,
    demonstration,
    importing,
    organizations,
    people,
    serving,
)
from titer.cli.terminal import Stop, show, tell
from titer.kit.errors import Problem

commands = typer.Typer(
    name="titer",
    help="Titer: a self-hosted, multi-tenant LIMS API server.",
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
commands.command("serve")(serving.serve)
commands.command("migrate")(databases.migrate)
commands.command("backup")(backups.backup)
commands.command("restore")(backups.restore)
commands.command("demo")(demonstration.demo)
commands.add_typer(databases.commands, name="database")
commands.add_typer(organizations.commands, name="org")
commands.add_typer(people.users, name="user")
commands.add_typer(people.keys, name="key")
commands.add_typer(organizations.plans, name="plan")
commands.add_typer(auditing.commands, name="audit")
commands.add_typer(importing.commands, name="import")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave: 0 done, 1 it could not be done, 2 it was not asked well."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = commands(words, prog_name="titer", standalone_mode=False)
    except Stop as stop:
        code = _fail(words, stop.slug, stop.sentence, stop.facts)
    except Problem as problem:
        code = _fail(words, problem.slug, _sentence(problem), _details(problem))
    except ValidationError as invalid:
        code = _fail(words, "invalid_settings", _settings_at_fault(invalid))
    except typer.TyperException as misuse:
        _fail(words, "usage", f"{misuse.format_message()} `{_help_of(misuse)}` shows how.")
        code = misuse.exit_code
    except typer.Abort:
        code = _fail(words, "aborted", "Stopped.")
    sys.exit(code or 0)


def _help_of(misuse: typer.TyperException) -> str:
    context = getattr(misuse, "ctx", None)
    return f"{context.command_path if context else 'titer'} --help"


def _fail(
    words: Sequence[str], slug: str, sentence: str, facts: dict[str, Any] | None = None
) -> int:
    tell(f"titer: {sentence}")
    if "--json" in words:
        show({"error": slug, "message": sentence, **(facts or {})}, as_json=True)
    return 1


def _sentence(problem: Problem) -> str:
    cause = problem.__cause__
    return f"{problem.sentence} ({cause})" if cause and str(cause) else problem.sentence


def _details(problem: Problem) -> dict[str, Any]:
    if not problem.details:
        return {}
    return {"details": [{"field": each.field, "message": each.message} for each in problem.details]}


def _settings_at_fault(invalid: ValidationError) -> str:
    """Which settings are wrong. Never their values: one may be a password."""
    faults = [
        f"TITER_{'_'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
        for fault in invalid.errors(include_input=False, include_url=False)
    ]
    return "Correct these settings: " + "; ".join(faults)
