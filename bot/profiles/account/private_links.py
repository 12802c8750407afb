"""Private password links, to a page of the bot for a password that shall not pass through Slack."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from pydantic import SecretStr

from bot.profiles.account.changes import named_account
from bot.profiles.account.profile import (
    LABELS,
    EmailProfile,
    Field,
    check_password,
    notes_on_password,
    split_typed_server,
)
from bot.profiles.account.records import Loaded, ProfileView, account_of, load, require_readable, save_profile
from bot.profiles.connection_tests.limits import LINK_ATTEMPTS, LINKS_OF_A_PERSON, SIGN_INS, count, give_back
from bot.profiles.errors import DirectoryError, InvalidFormError, NotAllowedError, UserError
from bot.profiles.people.access import Access, Member, Person
from bot.profiles.people.defaults import Defaults, load_defaults
from bot.profiles.people.members import OnChange, update_person_from
from bot.profiles.tokens.program_form import ProgramForm
from bot.smtp.account import Account
from bot.smtp.network.guard import HostError, normal_host
from storage.database import Database, Transaction
from storage.tables.audit import PASSWORD_SET
from storage.tables.password_links import StoredLink
from storage.tables.table import StaleRevisionError

LINK_LIFETIME_SECONDS = 600
TOKEN_BYTES = 16
"""128 bits: nobody guesses one."""

_BROWSER_BYTES = 32


class LinkGoneError(UserError):
    """A link is used, expired, somebody else's, or never existed; which of these is not revealed."""

    def __init__(self) -> None:
        super().__init__(
            "This link is used up, too old or not yours, or your profile's server, port, login or pinned certificate "
            "was changed since it was made. Nothing was changed now. Go back to Slack and choose “Set the password "
            "privately” again, or “Add a program”."
        )


class SignInNeededError(UserError):
    """A link for somebody in `workspace` is good, and nothing shows yet that they are before this browser."""

    def __init__(self, workspace: str) -> None:
        super().__init__("This page is for one person alone. Sign in with Slack first. Nothing was changed.")
        self.workspace = workspace


class NotTheirLinkError(NotAllowedError):
    """Whoever signed in is not the person whom a link is for."""

    def __init__(self, identity: "Identity") -> None:
        """`identity` is who signed in."""
        super().__init__(
            f"You signed in to Slack as {identity.name}, and this page is for somebody else. Nothing was changed. If "
            "another person sent you the link, close this page and tell an admin. If you have several accounts in "
            "Slack, sign in with the one that you asked for the link with."
        )
        self.identity = identity


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who is before a browser, as Slack says: a user id, and the ids of the workspace and organisation it holds in."""

    user: str
    workspaces: Sequence[str]
    name: str

    def is_person(self, person: Person) -> bool:
        """Whether this is a person that the bot knows."""
        return self.user == person.user and person.workspace in self.workspaces


@dataclass(frozen=True, kw_only=True)
class LinkAddress:
    """What the address of a link tells: for whom, and the token; and from which network it is asked for.

    `browser` is the secret that `sign_in` gave to the browser, or empty.
    """

    user: str
    token: str
    network: str
    browser: str = ""


@dataclass(frozen=True, kw_only=True)
class PrivateLink:
    """An open link: for whom, and the server that the password goes to.

    `pinned_by` is the user id of whoever pinned the certificate that is trusted there: None where none is pinned, empty
    where nobody knows. `view_id` and `revision` are those of the open form, if the link was made from one, and `form`
    is what it remembers. A link with a `program` is for no password: it adds that program, and shows its token.
    """

    owner: Person
    address: str
    host: str
    port: int
    pinned_by: str | None
    view_id: str
    revision: int
    form: str = ""
    program: ProgramForm | None = None


@dataclass(frozen=True, kw_only=True)
class LinkSubject:
    """Whose profile a link is for, as Slack names them: name, address of their picture or empty, and workspace.

    `pinned_by` is the name of whoever pinned the certificate; empty where nobody did, or nobody knows.
    """

    name: str
    picture: str
    workspace: str
    pinned_by: str


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

    `public_url` is where browsers reach the bot, without a slash at its end; `workspace_name` tells what a workspace is
    called. Where people `sign_in_first`, a link opens in the browser alone in which its owner has signed in with Slack.
    """

    database: Database
    access: Access
    public_url: str
    workspace_name: Callable[[str], Awaitable[str]]
    clock: Callable[[], datetime]
    on_change: OnChange
    sign_in_first: bool = False

    async def create_link(
        self, *, owner: Person, account: Account | None = None, view_id: str = "", revision: int = 0, form: str = ""
    ) -> str:
        """Return the URL of a new link for the owner's password: for the account in an open form, or the stored one.

        Raises:
            NotAllowedError: this person can have no profile.
            UserError: no server is given or stored yet, or too many links were made.
        """
        await self.access.require_member(owner)
        async with self.database.writing() as tx:
            loaded = await self._begin_link(tx, owner)
            account = account or account_of(loaded.profile)
            account = replace(account, host=_check_host(account.host or loaded.profile.host))
            (await load_defaults(tx, owner.workspace)).defaults.require_allowed(account.host)
            return await self._add(tx, stored_link(loaded, account, view_id=view_id, revision=revision, form=form))

    async def create_program_link(self, *, owner: Person, form: ProgramForm) -> str:
        """Return the URL of a new link that adds a program to the owner's profile, and shows its token.

        Raises:
            NotAllowedError: this person can have no profile.
            RateLimitedError: too many links were made.
        """
        await self.access.require_member(owner)
        async with self.database.writing() as tx:
            loaded = await self._begin_link(tx, owner)
            return await self._add(tx, stored_link(loaded, account_of(loaded.profile), program=form))

    async def _begin_link(self, tx: Transaction, owner: Person) -> Loaded:
        await tx.links.purge()
        await count(tx, LINKS_OF_A_PERSON, owner.workspace, owner.user)
        return await load(tx, owner)

    async def _add(self, tx: Transaction, link: StoredLink) -> str:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        await tx.links.add(token, link, seconds=LINK_LIFETIME_SECONDS)
        return f"{self.public_url}{link_path(link.user, token)}"

    async def find_link(self, address: LinkAddress) -> PrivateLink:
        """Return a link without using it up.

        Raises:
            LinkGoneError: there is no such link.
            SignInNeededError: its owner has not signed in yet in this browser.
            RateLimitedError: too many wrong links were opened from there.
        """
        found = await self._require(address)
        if self.sign_in_first and not found.is_signed_in(address.browser):
            raise SignInNeededError(found.link.owner.workspace)
        return found.link

    async def count_sign_in(self, address: LinkAddress) -> str:
        """Count that somebody comes back from signing in, before Slack is asked who; return the link's workspace.

        Raises:
            LinkGoneError: there is no such link.
            RateLimitedError: too many came from there, or opened wrong links.
        """
        async with self.database.writing() as tx:
            await count(tx, SIGN_INS, address.network)
        return (await self._require(address)).link.owner.workspace

    async def sign_in(self, address: LinkAddress, identity: Identity) -> str:
        """Let a link open in the browser in which its owner just signed in; return the secret that it has to show.

        Raises:
            LinkGoneError: there is no such link.
            NotTheirLinkError: somebody else signed in.
        """
        browser = secrets.token_urlsafe(_BROWSER_BYTES)
        async with self.database.writing() as tx:
            found = await _find(tx, address)
            if found is None:
                raise LinkGoneError
            if not identity.is_person(found.link.owner):
                raise NotTheirLinkError(identity)
            await tx.links.change(address.token, found.signed_in(browser), seconds=LINK_LIFETIME_SECONDS)
        return browser

    async def subject_of(self, link: PrivateLink) -> LinkSubject:
        """Return whose profile a link is for, as the page names them; ids stand for what Slack does not say."""
        owner = link.owner
        member, pinned_by = await self._member(owner), link.pinned_by
        pinning = await self._member(Person(owner.workspace, pinned_by)) if pinned_by else None
        return LinkSubject(
            name=member.name if member else owner.user,
            picture=member.picture if member else "",
            workspace=await self.workspace_name(owner.workspace),
            pinned_by=pinning.name if pinning else pinned_by or "",
        )

    async def set_password(self, address: LinkAddress, password: SecretStr) -> PasswordSet:
        """Store the typed password, and use the link up.

        Raises:
            LinkGoneError: there is no such link, or it was just used.
            SignInNeededError: its owner has not signed in yet in this browser.
            NotAllowedError: its person can have no profile any more.
            InvalidFormError: this is no password; the link stays valid.
            RateLimitedError: too many wrong links were opened from there.
        """
        link = await self.find_link(address)
        if link.program is not None:
            raise LinkGoneError
        await self.access.require_member(link.owner)
        async with self.database.writing() as tx:
            defaults = (await load_defaults(tx, link.owner.workspace)).defaults
            # First what another password would not mend.
            defaults.require_allowed(link.host)
            if sentence := check_password(password):
                raise InvalidFormError({Field.PASSWORD: sentence})
            # Found once more: what it was made for may have been changed since, and then it must not be used.
            found = await _find(tx, address)
            if found is None or not await tx.links.use(address.token, address.user, seconds=LINK_LIFETIME_SECONDS):
                raise LinkGoneError
            stored = await self._store(tx, found, password)
        self.on_change(link.owner)
        return PasswordSet(link=link, view=stored.view, defaults=defaults, notes=notes_on_password(password))

    async def use_program_link(self, address: LinkAddress) -> PrivateLink:
        """Use up a link that is to add a program, and return it; errors as `find_link`."""
        link = await self.find_link(address)
        if link.program is None:
            raise LinkGoneError
        async with self.database.writing() as tx:
            if not await tx.links.use(address.token, address.user, seconds=LINK_LIFETIME_SECONDS):
                raise LinkGoneError
        return link

    async def _require(self, address: LinkAddress) -> "_Found":
        """Return what there is of a link; errors as `find_link`, but for the sign-in."""
        async with self.database.writing() as tx:
            # Counted as wrong before it is looked up, so that over the limit even a right guess opens nothing.
            counted = await count(tx, LINK_ATTEMPTS, address.network)
            found = await _find(tx, address)
            if found is not None:
                await give_back(tx, counted)
        if found is None:
            raise LinkGoneError
        return found

    async def _member(self, person: Person) -> Member | None:
        with suppress(DirectoryError):
            return await self.access.member(person)
        return None

    async def _store(self, tx: Transaction, found: "_Found", password: SecretStr) -> Loaded:
        loaded, now = require_readable(found.loaded), self.clock()
        owner, host = loaded.owner, found.link.host
        profile = replace(
            loaded.profile, password=password, password_host=host, password_set_at=now, password_set_by="", before=None
        )
        try:
            stored = await save_profile(tx, loaded, profile)
        except StaleRevisionError:
            raise UserError("Your profile was changed at this very moment. Please try again.") from None
        await update_person_from(tx, stored.view, at=now)
        await tx.audit.append(
            owner.workspace,
            actor=owner.user,
            subject=owner.user,
            action=PASSWORD_SET,
            fields=(LABELS[Field.PASSWORD],),
            details=("Password changed", *named_account(account_of(profile))),
        )
        return stored


def stored_link(
    loaded: Loaded,
    account: Account,
    *,
    view_id: str = "",
    revision: int = 0,
    form: str = "",
    program: ProgramForm | None = None,
) -> StoredLink:
    """Return a link as it is stored, for the password of `account`, or for a program that it adds.

    It is good while the profile is as it is now.
    """
    sealed = _Sealed(
        host=account.host,
        port=account.port,
        pinned_by=_pinned_by(account.pin, loaded.profile, loaded.owner),
        view_id=view_id,
        revision=revision,
        form=form,
        made_for=_made_for(loaded.profile),
        program=None if program is None else asdict(program),
    )
    return StoredLink(workspace=loaded.owner.workspace, user=loaded.owner.user, document=sealed.to_document())


def link_path(user: str, token: str) -> str:
    """Return the path of a link's page."""
    return f"/password/{user}/{token}"


@dataclass(frozen=True, kw_only=True)
class _Sealed:
    """What is sealed with a link: `made_for` is a digest of what has to be as it was when the link was made.

    `browser` is a hash of the secret of the browser in which the owner signed in; empty before. `program` are the
    fields of the form of a program that the link adds, None where it is for a password.
    """

    host: str
    port: int
    pinned_by: str | None
    view_id: str
    revision: int
    form: str
    made_for: str
    browser: str = ""
    program: dict[str, str] | None = None

    def to_document(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_document(cls, document: bytes) -> "_Sealed | None":
        """Read what `to_document` wrote; None where another version of the program wrote it."""
        try:
            return cls(**json.loads(document))
        except TypeError:
            return None


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A link that is good, and the profile that it is for."""

    sealed: _Sealed
    loaded: Loaded

    @property
    def link(self) -> PrivateLink:
        sealed = self.sealed
        return PrivateLink(
            owner=self.loaded.owner,
            address=self.loaded.profile.address,
            host=sealed.host,
            port=sealed.port,
            pinned_by=sealed.pinned_by,
            view_id=sealed.view_id,
            revision=sealed.revision,
            form=sealed.form,
            program=None if sealed.program is None else ProgramForm(**sealed.program),
        )

    def is_signed_in(self, browser: str) -> bool:
        """Whether the owner signed in, in the browser that shows this secret."""
        return bool(self.sealed.browser) and hmac.compare_digest(_hashed(browser), self.sealed.browser)

    def signed_in(self, browser: str) -> StoredLink:
        """Return the link as it is stored for the browser with this secret alone."""
        document = replace(self.sealed, browser=_hashed(browser)).to_document()
        return StoredLink(workspace=self.loaded.owner.workspace, user=self.loaded.owner.user, document=document)


async def _find(tx: Transaction, address: LinkAddress) -> _Found | None:
    stored = await tx.links.find(address.token, address.user, seconds=LINK_LIFETIME_SECONDS)
    sealed = _Sealed.from_document(stored.document) if stored else None
    if stored is None or sealed is None:
        return None
    loaded = await load(tx, Person(workspace=stored.workspace, user=stored.user))
    # Whoever writes to the database cannot bring a used link back either: the password is another one since.
    return _Found(sealed=sealed, loaded=loaded) if sealed.made_for == _made_for(loaded.profile) else None


def _made_for(profile: EmailProfile) -> str:
    """Return a digest of where the password goes, and of when the one that is stored was set."""
    set_at = profile.password_set_at.isoformat() if profile.password_set_at else None
    return _hashed(json.dumps([*profile.destination, set_at]))


def _pinned_by(pin: str | None, profile: EmailProfile, owner: Person) -> str | None:
    """Return who pinned a certificate; what stands in the owner's form alone is their own."""
    if pin is None:
        return None
    return profile.pin_set_by if pin == profile.extras.get("PIN") else owner.user


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _check_host(text: str) -> str:
    try:
        return normal_host(split_typed_server(text)[0])
    except HostError:
        raise UserError(
            "A password belongs to one mail server, and none is given yet. Fill in the SMTP Server Address first."
        ) from None
