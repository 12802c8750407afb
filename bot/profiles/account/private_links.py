"""Private password links, to a page of the bot for a password that shall not pass through Slack."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import SecretStr

from bot.profiles.account.changes import named_account
from bot.profiles.account.profile import LABELS, Field, check_password, notes_on_password, split_typed_server
from bot.profiles.account.records import Loaded, ProfileView, account_of, load, require_readable, save_profile
from bot.profiles.connection_tests.limits import LINK_ATTEMPTS, LINKS_OF_A_PERSON, count, give_back
from bot.profiles.errors import InvalidFormError, UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.defaults import Defaults, load_defaults
from bot.profiles.people.members import OnChange, update_person_from
from bot.smtp.network.guard import HostError, normal_host
from storage.database import Database, Transaction
from storage.tables.password_links import StoredLink
from storage.tables.table import StaleRevisionError

LINK_LIFETIME_SECONDS = 600
TOKEN_BYTES = 16
"""128 bits: nobody guesses one."""


class LinkGoneError(UserError):
    """A link is used, expired, somebody else's, or never existed; which of these is not revealed."""

    def __init__(self) -> None:
        super().__init__(
            "This link is used up, too old or not yours. Nothing was changed. Go back to Slack and choose "
            "“Set the password privately” again."
        )


@dataclass(frozen=True, kw_only=True)
class PrivateLink:
    """An open link: for whom, and the server that the password goes to.

    `view_id` and `revision` are those of the open form, if the link was made from one, and `form` is what it remembers.
    """

    owner: Person
    address: str
    host: str
    view_id: str
    revision: int
    form: str = ""


@dataclass(frozen=True, kw_only=True)
class PasswordSet:
    """A password that was set: the profile now, the workspace's defaults, the link, and sentences on what was typed."""

    link: PrivateLink
    view: ProfileView
    defaults: Defaults
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PrivateLinks:
    """Makes and opens links. Each is for the person who asked for it, for one server, and works once.

    `public_url` is where browsers reach the bot, without a slash at its end.
    """

    database: Database
    access: Access
    public_url: str
    clock: Callable[[], datetime]
    on_change: OnChange

    async def create_link(
        self, *, owner: Person, host: str = "", view_id: str = "", revision: int = 0, form: str = ""
    ) -> str:
        """Return the URL of a new link for the owner's password for `host`, or else for the stored server.

        Raises:
            NotAllowedError: this person can have no profile.
            UserError: no server is given or stored yet, or too many links were made.
        """
        await self.access.require_member(owner)
        async with self.database.writing() as tx:
            await tx.links.purge()
            await count(tx, LINKS_OF_A_PERSON, owner.workspace, owner.user)
            loaded = await load(tx, owner)
            host = _check_host(host or loaded.profile.host)
            (await load_defaults(tx, owner.workspace)).defaults.require_allowed(host)
            token = secrets.token_urlsafe(TOKEN_BYTES)
            # The version before, which may run beside this one, knows these names alone, and posts to no such channel.
            document = json.dumps({"host": host, "channel": form, "view_id": view_id, "revision": revision}).encode()
            stored = StoredLink(workspace=owner.workspace, user=owner.user, document=document)
            await tx.links.add(token, stored, seconds=LINK_LIFETIME_SECONDS)
        return f"{self.public_url}/password/{owner.user}/{token}"

    async def find_link(self, *, user: str, token: str, network_address: str) -> PrivateLink:
        """Return a link without using it up; `network_address` is where the request comes from.

        Raises:
            LinkGoneError: there is no such link.
            RateLimitedError: too many wrong links were opened from there.
        """
        async with self.database.writing() as tx:
            # Counted as wrong before it is looked up, so that over the limit even a right guess opens nothing.
            counted = await count(tx, LINK_ATTEMPTS, network_address)
            link = await _find(tx, user, token)
            if link is not None:
                await give_back(tx, counted)
        if link is None:
            raise LinkGoneError
        return link

    async def set_password(self, *, user: str, token: str, password: SecretStr, network_address: str) -> PasswordSet:
        """Store the typed password, and use the link up.

        Raises:
            LinkGoneError: there is no such link, or it was just used.
            NotAllowedError: its person can have no profile any more.
            InvalidFormError: this is no password; the link stays valid.
            RateLimitedError: too many wrong links were opened from there.
        """
        link = await self.find_link(user=user, token=token, network_address=network_address)
        await self.access.require_member(link.owner)
        async with self.database.writing() as tx:
            defaults = (await load_defaults(tx, link.owner.workspace)).defaults
            # First what another password would not mend.
            defaults.require_allowed(link.host)
            if sentence := check_password(password):
                raise InvalidFormError({Field.PASSWORD: sentence})
            if not await tx.links.use(token, user, seconds=LINK_LIFETIME_SECONDS):
                raise LinkGoneError
            stored = await self._store(tx, link, password)
        self.on_change(link.owner)
        return PasswordSet(link=link, view=stored.view, defaults=defaults, notes=notes_on_password(password))

    async def _store(self, tx: Transaction, link: PrivateLink, password: SecretStr) -> Loaded:
        owner, now = link.owner, self.clock()
        loaded = require_readable(await load(tx, owner))
        profile = replace(loaded.profile, password=password, password_host=link.host, password_set_at=now, before=None)
        try:
            stored = await save_profile(tx, loaded, profile)
        except StaleRevisionError:
            raise UserError("Your profile was changed at this very moment. Please try again.") from None
        await update_person_from(tx, stored.view, at=now)
        await tx.audit.append(
            owner.workspace,
            actor=owner.user,
            subject=owner.user,
            action="password set privately",
            fields=(LABELS[Field.PASSWORD],),
            details=("Password changed", *named_account(account_of(profile))),
        )
        return stored


def _check_host(text: str) -> str:
    try:
        return normal_host(split_typed_server(text)[0])
    except HostError:
        raise UserError(
            "A password belongs to one mail server, and none is given yet. Fill in the SMTP Server Address first."
        ) from None


async def _find(tx: Transaction, user: str, token: str) -> PrivateLink | None:
    stored = await tx.links.find(token, user, seconds=LINK_LIFETIME_SECONDS)
    if stored is None:
        return None
    owner = Person(workspace=stored.workspace, user=user)
    loaded = await load(tx, owner)
    document = json.loads(stored.document)
    form = document.pop("channel")
    return PrivateLink(owner=owner, address=loaded.profile.address, form=form, **document)
