"""Private password links: a page of the bot where a person types a password that shall not pass through Slack."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import SecretStr

from bot.profiles.account.changes import OnChange
from bot.profiles.account.profile import LABELS, Field, check_password
from bot.profiles.account.records import Loaded, ProfileView, load, require_readable, save_profile
from bot.profiles.errors import InvalidFormError, UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.defaults import load_defaults
from bot.profiles.people.members import note_state
from bot.profiles.tests.limits import take_link, take_wrong_link, was_right_link
from bot.smtp.network.guard import HostError, normal_host
from storage.database import Database, Transaction
from storage.tables.password_links import StoredLink
from storage.tables.sealed_records import StaleRevisionError

LINK_SECONDS = 600
TOKEN_BYTES = 16
"""128 bits: nobody guesses one."""


class LinkGoneError(UserError):
    """A link is used, over, somebody else's, or never was; which of these is not told."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "This link is used up, too old or not yours. Nothing was changed. Go back to Slack and choose "
            "“Set the password privately” again."
        )


@dataclass(frozen=True, kw_only=True)
class PrivateLink:
    """An open link: for whom, the server that the password goes to, and where the person is in Slack.

    `view_id` and `revision` are those of the form that is open, if one is.
    """

    owner: Person
    address: str
    host: str
    channel: str
    view_id: str
    revision: int


@dataclass(frozen=True, kw_only=True)
class PasswordSet:
    """A password that was set: the profile now, and the link it came through."""

    link: PrivateLink
    view: ProfileView


class PrivateLinks:
    """The links at work. Each is for the person who asked for it, for one server, and is used once."""

    def __init__(
        self,
        *,
        database: Database,
        access: Access,
        public_url: str,
        clock: Callable[[], datetime],
        on_change: OnChange,
    ) -> None:
        """`public_url` is where browsers reach the bot, without a slash at its end."""
        self._database = database
        self._access = access
        self._public_url = public_url
        self._clock = clock
        self._on_change = on_change

    async def offer(
        self, *, owner: Person, host: str = "", channel: str = "", view_id: str = "", revision: int = 0
    ) -> str:
        """Make a link for one's own password towards `host`, or else the stored server; gives its address.

        Raises:
            NotAllowedError: this person can have no profile.
            UserError: there is no server yet that a password could belong to, or too many links were made.
        """
        await self._access.require_member(owner)
        async with self._database.writing() as tx:
            await tx.links.purge()
            await take_link(tx, owner)
            loaded = await load(tx, owner)
            host = _host(host or loaded.profile.host)
            (await load_defaults(tx, owner.workspace)).defaults.require_allowed(host)
            token = secrets.token_urlsafe(TOKEN_BYTES)
            document = json.dumps({"host": host, "channel": channel, "view_id": view_id, "revision": revision}).encode()
            stored = StoredLink(workspace=owner.workspace, user=owner.user, document=document)
            await tx.links.add(token, stored, seconds=LINK_SECONDS)
        return f"{self._public_url}/password/{owner.user}/{token}"

    async def look(self, *, user: str, token: str, from_where: str) -> PrivateLink:
        """Read a link without using it up; `from_where` is the network address that asks.

        Raises:
            LinkGoneError: there is no such link.
            LimitedError: too many wrong ones were tried from there.
        """
        async with self._database.writing() as tx:
            # Counted as wrong before it is looked at, so that over the limit even a right guess opens nothing.
            await take_wrong_link(tx, from_where)
            link = await _found(tx, user, token)
            if link is not None:
                await was_right_link(tx, from_where)
        if link is None:
            raise LinkGoneError
        return link

    async def set_password(self, *, user: str, token: str, password: SecretStr, from_where: str) -> PasswordSet:
        """Store what was typed, and use the link up.

        Raises:
            LinkGoneError: there is no such link, or it was just used.
            NotAllowedError: its person can have no profile any more.
            InvalidFormError: this is no password; the link stays good.
            LimitedError: too many wrong links were tried from there.
        """
        link = await self.look(user=user, token=token, from_where=from_where)
        await self._access.require_member(link.owner)
        sentence = check_password(password)
        if sentence:
            raise InvalidFormError({Field.PASSWORD: sentence})
        async with self._database.writing() as tx:
            (await load_defaults(tx, link.owner.workspace)).defaults.require_allowed(link.host)
            if not await tx.links.use(token, user, seconds=LINK_SECONDS):
                raise LinkGoneError
            stored = await self._store(tx, link, password)
        self._on_change(link.owner)
        return PasswordSet(link=link, view=stored.view)

    async def _store(self, tx: Transaction, link: PrivateLink, password: SecretStr) -> Loaded:
        owner, now = link.owner, self._clock()
        loaded = require_readable(await load(tx, owner))
        profile = replace(loaded.profile, password=password, password_host=link.host, password_set_at=now, before=None)
        try:
            stored = await save_profile(tx, loaded, profile)
        except StaleRevisionError:
            raise UserError("Your profile was changed at this very moment. Please try again.") from None
        await tx.audit.append(
            owner.workspace,
            actor=owner.user,
            subject=owner.user,
            action="password set privately",
            fields=(LABELS[Field.PASSWORD],),
        )
        await note_state(tx, stored.view, at=now)
        return stored


def _host(text: str) -> str:
    try:
        return normal_host(text.strip())
    except HostError:
        raise UserError(
            "A password belongs to one mail server, and none is given yet. Fill in the SMTP Server Address first."
        ) from None


async def _found(tx: Transaction, user: str, token: str) -> PrivateLink | None:
    stored = await tx.links.find(token, user, seconds=LINK_SECONDS)
    if stored is None:
        return None
    owner = Person(workspace=stored.workspace, user=user)
    values = json.loads(stored.document)
    loaded = await load(tx, owner)
    return PrivateLink(owner=owner, address=loaded.profile.address, **values)
