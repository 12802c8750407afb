"""The command line: `email-profile-bot`.

Each command imports what it needs itself, so that it does not wait for the imports of the others.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from bot.observability import log
from bot.process import forbid_core_dumps

if TYPE_CHECKING:
    from rich.progress import TaskID

    from storage.crypto.key_checks import KeyState
    from storage.database import Database
    from storage.maintenance import verify as verifying
    from storage.maintenance.history import BrokenHistory, Histories
    from storage.maintenance.row_batches import OnProgress

Result = TypeVar("Result")

_BROKEN_SHOWN = 20
"""Histories that `db verify` names at most."""

# A traceback with local variables could print a secret, so Typer's own is off.
cli = typer.Typer(
    help="Set up, seal and really test each person's SMTP account, from Slack.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("email-profile-bot"))
        raise typer.Exit


@cli.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Set up, seal and really test each person's SMTP account, from Slack."""


keys = typer.Typer(help="Encryption keys.", no_args_is_help=True)
db = typer.Typer(help="The database: schema, backups, moving, and whether all records open.", no_args_is_help=True)
cli.add_typer(keys, name="keys")
cli.add_typer(db, name="db")


def main() -> None:
    """Run the command line; an error that an operator can correct becomes one line and an exit code of its kind."""
    forbid_core_dumps()
    try:
        cli()
    except Exception as error:
        from bot.exit_codes import exit_code_of

        code = exit_code_of(error)
        if code is None:
            raise
        for line in (str(error), *_further_lines(error)):
            print(line, file=sys.stderr)  # noqa: T201 - the command line's own words
        raise SystemExit(code) from None


def _further_lines(error: Exception) -> list[str]:
    from bot import settings

    names = settings.misspelt_settings() if isinstance(error, settings.SettingsError) else {}
    return [settings.misspelt_line(name, near) for name, near in names.items()]


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


@cli.command()
def run() -> None:
    """Serve Slack: over Socket Mode when SLACK_APP_TOKEN is set, else over HTTP on HOST:PORT."""
    from bot import server, settings

    loaded = settings.load()
    log.set_up(level=loaded.log_level, form=loaded.log_format, stream=sys.stderr)
    _run(server.run(loaded))


@cli.command()
def demo(
    port: Annotated[int, typer.Option(help="Port of the page; 0 for any free one.", min=0, max=65535)] = 8025,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
) -> None:
    """Run the whole bot against a local stand-in for a Slack workspace and a local mail server."""
    from bot.demo import run as demo_run

    log.set_up(level="warning", form="text", stream=sys.stderr)
    _run(demo_run.run_demo(port=port, open_page=None if no_browser else demo_run.open_in_browser))


@cli.command()
def check(
    smtp: Annotated[
        str | None, typer.Option(metavar="HOST[:PORT]", help="Also try the way to a mail server: ports 465 and 587.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A list of subject, good and sentence, the verdict last, for machines.")
    ] = False,
) -> None:
    """Examine settings, keys, database, Slack, clock and PUBLIC_URL: one line each; exit 1 if any fails."""
    import json
    from dataclasses import asdict

    from bot import doctor

    # An error is printed in one line, so it need not be logged too.
    log.set_up(level="critical", form="text", stream=sys.stderr)
    findings = _run(doctor.examine(smtp))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            typer.echo(f"{'ok    ' if finding.good else 'FAILED'} {finding.subject}: {finding.sentence}")
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)


@cli.command()
def manifest(
    url: Annotated[str, typer.Option(help="Where Slack reaches the bot, for example https://email.example.com")],
) -> None:
    """Print manifest.yml for HTTP mode at a public URL."""
    if not url.startswith("https://"):
        raise typer.BadParameter("Slack needs an https:// address, for example https://email.example.com")
    from bot.manifest import http_manifest

    typer.echo(http_manifest(url.rstrip("/")))


@cli.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def sendmail(context: typer.Context) -> None:
    """Read a letter from standard input and send it through a profile: for cron, PHP, and what else calls sendmail."""
    from bot.programs.sendmail import command

    # Named first, it is begun by bot/__main__.py, before any of this is imported.
    raise typer.Exit(command.main(context.args))


@keys.command("generate")
def keys_generate() -> None:
    """Print a new key for ENCRYPTION_KEYS."""
    from storage.crypto.keyring import generate_key

    typer.echo(generate_key())


@asynccontextmanager
async def _opened_database() -> "AsyncIterator[Database]":
    from bot import settings
    from bot.app import open_database

    # An error is printed in one line, so it need not be logged too.
    log.set_up(level="error", form="text", stream=sys.stderr)
    database = await open_database(settings.load())
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def _progress() -> "Iterator[OnProgress]":
    """Show a progress bar for each part of the work, on standard error."""
    from rich.console import Console
    from rich.progress import Progress

    bars: dict[str, TaskID] = {}
    with Progress(console=Console(stderr=True)) as progress:

        def on_progress(part: str, done: int, total: int) -> None:
            if part not in bars:
                bars[part] = progress.add_task(part)
            progress.update(bars[part], completed=done if total else 1, total=total or 1)

        yield on_progress


@keys.command("status")
def keys_status() -> None:
    """Print what each key seals, what it is used for, and whether it is the right one."""

    async def status() -> None:
        async with _opened_database() as database:
            await database.require_schema()
            for state in await database.key_states():
                typer.echo(_described(state))

    _run(status())


def _described(state: "KeyState") -> str:
    if state.retired_at is not None:
        role = f"retired on {state.retired_at.day} {state.retired_at:%b %Y}"
        role += ", but still configured" if state.configured else ""
    elif state.configured:
        role = "seals and opens" if state.seals else "opens"
    else:
        role = "not configured"
    needed = "" if state.configured or not (state.records or state.links) else ", but NEEDED"
    links = f", {state.links} private links" if state.links else ""
    return f"{state.key_id}  {state.records:>7} records{links}  {role}{needed}  check value {state.check_value}"


@keys.command("rotate")
def keys_rotate(
    pace: Annotated[float, typer.Option(min=1, help="The most records a second, so that people come first.")] = 2000,
) -> None:
    """Seal every record again under the first key, while the bot runs; run it again to go on after an interruption."""
    from storage.maintenance.rotation import reseal

    async def rotate() -> int:
        async with _opened_database() as database:
            await database.require_schema()
            await database.check_keys()
            with _progress() as on_progress:
                async for done, total in reseal(database, batch=100, pace=pace):
                    on_progress("Sealing under the first key", done, total)
            usage = await database.key_usage()
            return sum(usage.values()) - usage.get(database.key_ids[0], 0)

    left = _run(rotate())
    if left:
        typer.echo(f"{left} records do not open, or are new under another key. See `db verify`, and run this again.")
        raise typer.Exit(1)
    typer.echo("All records are sealed under the first key. Keep older keys for as long as you keep backups.")


@keys.command("retire")
def keys_retire(key_id: Annotated[str, typer.Argument(help="its id, as `keys status` shows it")]) -> None:
    """Mark a key as retired; refused while a record needs it."""

    async def retire() -> None:
        async with _opened_database() as database:
            await database.require_schema()
            await database.retire_key(key_id)
        typer.echo(f"Key {key_id} is retired: take it out of the list, for nothing starts with it any more.")
        typer.echo("Keep it in a safe place for as long as you keep backups from before: they need it.")

    _run(retire())


@db.command("upgrade")
def db_upgrade() -> None:
    """Upgrade the database's schema to this version's."""

    async def upgrade() -> None:
        async with _opened_database() as database:
            await database.upgrade()
            typer.echo(f"The schema is at {await database.schema_revision()}.")

    _run(upgrade())


@db.command("current")
def db_current() -> None:
    """Print the schema's revision and whether it is this version's."""

    async def current() -> None:
        async with _opened_database() as database:
            revision = await database.schema_revision()
            verdict = "up to date" if revision == database.head_revision else "run `email-profile-bot db upgrade`"
            typer.echo(f"{revision or 'no schema yet'} ({verdict})")

    _run(current())


@db.command("copy")
def db_copy(
    to: Annotated[str, typer.Option(metavar="URL", help="An empty database: sqlite:///… or postgresql://…")],
) -> None:
    """Copy everything into another database, of either kind; run it again to go on with an interrupted copy."""
    from storage.database import Database
    from storage.maintenance import copy as copying

    async def copied() -> None:
        async with _opened_database() as database:
            try:
                target = Database.connect(to, database.keyring)
            except ValueError as error:
                raise copying.CopyError(f"--to: {error}") from None
            try:
                with _progress() as on_progress:
                    done = await copying.copy(database, target, on_progress)
                _print_opened(done.sealed, before=f"Rows copied and compared: {done.rows}. ")
            finally:
                await target.close()
        typer.echo(
            "To move there, set DATABASE_URL to the new address; what was saved since the copy began is not in it."
        )

    _run(copied())


@db.command("backup")
def db_backup(file: Annotated[Path, typer.Argument(help="A file that is not there yet.")]) -> None:
    """Write a SQLite database as it is now into a file, while the bot runs; records stay sealed, no key is in it."""
    from storage.maintenance import backup as backups

    async def backed_up() -> None:
        async with _opened_database() as database:
            with _progress() as on_progress:
                tables = await backups.back_up(database, file, on_progress)
        _print_opened(tables)
        typer.echo(f"{file} is complete. Keep the keys elsewhere: it is worthless without them.")

    _run(backed_up())


@db.command("restore")
def db_restore(file: Annotated[Path, typer.Argument(help="A file that `db backup` wrote.")]) -> None:
    """Restore a backup into an empty SQLite database."""
    from storage.maintenance import backup as backups

    async def restored() -> None:
        async with _opened_database() as database:
            with _progress() as on_progress:
                tables = await backups.restore(database, file, on_progress)
        _print_opened(tables)

    _run(restored())


@db.command("verify")
def db_verify() -> None:
    """Open every sealed record and follow every history; exit 1 if one does not open or is not as it was written."""
    from storage.maintenance import verify as verifying

    async def verified() -> verifying.Verdict:
        async with _opened_database() as database:
            with _progress() as on_progress:
                return await verifying.verify(database, on_progress)

    verdict = _run(verified())
    for line in verdict.damage:
        typer.echo(f"FAILED file: {line}")
    for table in verdict.tables:
        by_key = ", ".join(f"{count} under {key_id}" for key_id, count in sorted(table.opened.items()))
        typer.echo(f"ok     {table.name}: {table.opened.total()} records open{f' ({by_key})' if by_key else ''}.")
        if table.unopened:
            typer.echo(f"FAILED {_unopened(table)}")
    for workspace in verdict.workspaces:
        typer.echo(
            f"FAILED policies: the defaults and allowed servers of {workspace} were altered, removed or put back. "
            "Nothing is tested or saved there until an admin checks and saves them with /email-profile defaults."
        )
    if not verdict.damage:
        _print_histories(verdict.histories)
    if not verdict.good:
        raise typer.Exit(1)


def _print_histories(histories: "Histories") -> None:
    held = f"{histories.entries} entries about {histories.subjects} people or defaults"
    found = f", {histories.found} of them from before they were chained" if histories.found else ""
    if not histories.broken:
        typer.echo(f"ok     history: {held}{found}; none was removed, edited, moved or invented.")
        return
    for broken in histories.broken[:_BROKEN_SHOWN]:
        typer.echo(f"FAILED history: {broken}")
    more = len(histories.broken) - _BROKEN_SHOWN
    if more > 0:
        typer.echo(f"FAILED history: {more} more")
    typer.echo(
        "If a version before this one ran beside it, that may be what it wrote or deleted: once the last of them has "
        "ended, and you know of no other reason, run `email-profile-bot db accept`."
    )


@db.command("accept")
def db_accept() -> None:
    """Take each history that is not as this version wrote it as it is now: after a version before ran beside it."""
    from storage.maintenance import verify as verifying

    async def accepted() -> "list[BrokenHistory]":
        async with _opened_database() as database:
            await database.require_schema()
            await database.check_keys()
            with _progress() as on_progress:
                return await verifying.accept_histories(database, on_progress)

    broken = _run(accepted())
    for one in broken:
        typer.echo(f"taken as it is: {one}")
    if not broken:
        typer.echo("Every history is as it was written; nothing was changed.")


def _print_opened(tables: "Sequence[verifying.SealedTable]", *, before: str = "") -> None:
    opened = sum(table.opened.total() for table in tables)
    typer.echo(f"{before}Sealed records opened in their new place: {opened}.")
    for table in tables:
        if table.unopened:
            typer.echo(f"As in the source, {_unopened(table)}")


def _unopened(table: "verifying.SealedTable") -> str:
    more = "; …" if table.unopened > len(table.examples) else ""
    return f"{table.name}: {table.unopened} do not open: {'; '.join(table.examples)}{more}"
