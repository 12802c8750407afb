"""The command line: `email-profile-bot`."""

import asyncio
import sys
from collections.abc import Coroutine
from importlib import resources
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.progress import Progress

from bot import doctor, log, server, settings
from bot.app import StartError, open_database
from bot.demo import run as demo_run
from storage.database import KeyMismatchError, UnknownSchemaError
from storage.keyring import generate_key
from storage.outages import DatabaseUnavailableError

EX_CONFIG = 78
"""Exit code for a configuration error, as sysexits.h names it."""

# A traceback with local variables could print a secret, so Typer's own is off.
cli = typer.Typer(
    help="Set up, seal and really test each person's SMTP account, from Slack.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
_FOR_THE_OPERATOR = (
    settings.SettingsError,
    StartError,
    KeyMismatchError,
    UnknownSchemaError,
    DatabaseUnavailableError,
)

keys = typer.Typer(help="Encryption keys.", no_args_is_help=True)
db = typer.Typer(help="The database's schema.", no_args_is_help=True)
cli.add_typer(keys, name="keys")
cli.add_typer(db, name="db")


def main() -> None:
    """Run the command line; configuration errors end with one line each and exit code 78."""
    try:
        cli()
    except _FOR_THE_OPERATOR as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command line's own words
        raise SystemExit(EX_CONFIG) from None


def _say(line: str) -> None:
    Console(highlight=False, soft_wrap=True, markup=False).print(line)


def _await(work: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(work)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


@cli.command()
def run() -> None:
    """Serve Slack: over Socket Mode when SLACK_APP_TOKEN is set, else over HTTP on HOST:PORT."""
    loaded = settings.load()
    log.set_up(level=loaded.log_level, form=loaded.log_format, stream=sys.stderr)
    _await(server.run(loaded))


@cli.command()
def demo(
    port: Annotated[int, typer.Option(help="Port of the page; 0 for any free one.", min=0, max=65535)] = 8025,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
) -> None:
    """Run the whole bot against a local stand-in for a Slack workspace and a local mail server."""
    log.set_up(level="warning", form="text", stream=sys.stderr)
    _await(demo_run.demo(port=port, open_page=None if no_browser else demo_run.open_in_browser))


@cli.command()
def check() -> None:
    """Examine settings, database, keys and Slack's token: one line each; exit 1 if any fails."""
    findings = asyncio.run(doctor.examine())
    for finding in findings:
        _say(f"{'ok    ' if finding.good else 'FAILED'} {finding.subject}: {finding.sentence}")
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)


@cli.command()
def manifest(
    url: Annotated[str, typer.Option(help="Where Slack reaches the bot, for example https://email.example.com")],
) -> None:
    """Print manifest.yml for HTTP mode at a public URL."""
    if not url.startswith("https://"):
        raise typer.BadParameter("Slack needs an https:// address, for example https://email.example.com")
    _say(http_manifest(url.rstrip("/")))


def http_manifest(url: str) -> str:
    """Turn the Socket Mode manifest into one for HTTP at `url`, for one workspace, many, or whole organisations."""
    events_url = f"{url}/slack/events"
    text = resources.files("bot").joinpath("manifest.yml").read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    for command in document["features"]["slash_commands"]:
        command["url"] = events_url
    document["settings"]["event_subscriptions"]["request_url"] = events_url
    document["settings"]["interactivity"]["request_url"] = events_url
    document["settings"]["socket_mode_enabled"] = False
    document["settings"]["org_deploy_enabled"] = True
    document["oauth_config"]["redirect_urls"] = [f"{url}/slack/oauth_redirect"]
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True)).rstrip()


@keys.command("generate")
def keys_generate() -> None:
    """Print a new key for ENCRYPTION_KEYS."""
    _say(generate_key())


@keys.command("status")
def keys_status() -> None:
    """Tell how many records each key seals."""

    async def status() -> None:
        database = open_database(settings.load())
        try:
            await database.check_keys()
            usage = await database.key_usage()
            for key_id in database.key_ids:
                role = "seals and opens" if key_id == database.key_ids[0] else "opens"
                _say(f"{key_id}  {usage.get(key_id, 0):>7} records  {role}")
        finally:
            await database.close()

    _await(status())


@keys.command("rotate")
def keys_rotate() -> None:
    """Seal every record anew under the first key, while the bot runs."""

    async def rotate() -> None:
        database = open_database(settings.load())
        try:
            await database.check_keys()
            with Progress(console=Console(stderr=True)) as progress:
                bar = progress.add_task("Sealing under the first key", total=None)
                async for done, total in database.reseal():
                    progress.update(bar, completed=done, total=total)
        finally:
            await database.close()
        _say("All records are sealed under the first key. Keep older keys for as long as you keep backups.")

    _await(rotate())


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database's schema to this version's."""

    async def upgrade() -> None:
        database = open_database(settings.load())
        try:
            await database.upgrade()
            _say(f"The schema is at {await database.schema_revision()}.")
        finally:
            await database.close()

    _await(upgrade())


@db.command("current")
def db_current() -> None:
    """Tell the schema's revision and whether it is this version's."""

    async def current() -> None:
        database = open_database(settings.load())
        try:
            revision = await database.schema_revision()
            verdict = "up to date" if revision == database.head_revision else "run `email-profile-bot db upgrade`"
            _say(f"{revision or 'no schema yet'} ({verdict})")
        finally:
            await database.close()

    _await(current())
