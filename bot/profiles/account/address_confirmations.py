"""Confirming the address of one's own profile: a code that was mailed there is typed back."""

from contextlib import suppress
from dataclasses import dataclass, replace

from bot.profiles.account.own_address import (
    ConfirmationCode,
    address_in_slack,
    is_same_address,
    own_address,
    store_confirmation,
    stored_confirmation,
)
from bot.profiles.account.profile import LABELS, Field
from bot.profiles.account.records import Loaded, ProfileView, load, require_readable
from bot.profiles.connection_tests.limits import WRONG_CODES, count, give_back
from bot.profiles.errors import DirectoryError, NoProfileError, UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.members import OnChange
from storage.database import Database, Transaction


class WrongCodeError(UserError):
    """What was typed is not the code that was mailed."""


class NoCodeError(UserError):
    """No code waits to be typed back for the profile as it is now."""

    def __init__(self) -> None:
        super().__init__(
            "No code waits for the address, server and login of your profile as they are now: it is too old, or one of "
            "them, or the pinned certificate, was changed since. Close this, and press “Confirm address” again."
        )


@dataclass(frozen=True, kw_only=True)
class AskedCode:
    """The address that a code confirms; `is_mailed` says that one was mailed there already."""

    address: str
    is_mailed: bool


@dataclass(frozen=True, kw_only=True)
class AddressConfirmations:
    """The rules for one's own address, on one database."""

    database: Database
    access: Access
    on_change: OnChange

    async def ask(self, *, caller: Person) -> AskedCode:
        """Return what confirms the address of the caller's profile.

        Raises:
            NotAllowedError: this person can have no profile.
            NoProfileError: there is not enough of a profile to mail a code.
            UnreadableProfileError: the stored profile does not open.
            UserError: the address is theirs already.
        """
        await self.access.require_member(caller)
        in_slack = await self._address_in_slack(caller)
        async with self.database.reading() as tx:
            loaded = await _complete(tx, caller)
            own = await own_address(tx, caller, loaded.profile, in_slack=in_slack)
            waiting = await stored_confirmation(tx, caller, loaded.profile)
        address = loaded.profile.address
        if own.is_profiles:
            raise UserError(f"{address} is known to be your address, so there is nothing to confirm.")
        return AskedCode(address=address, is_mailed=waiting is not None)

    async def is_missing(self, *, caller: Person, view: ProfileView) -> bool:
        """Whether a profile that the caller sees is their own, can send, and has an address that may not be theirs."""
        if view.owner != caller or view.unreadable or not view.profile.is_complete:
            return False
        try:
            in_slack = await address_in_slack(self.access, caller)
        except DirectoryError:
            return False
        if is_same_address(in_slack, view.profile.address):
            return False
        async with self.database.reading() as tx:
            return not (await own_address(tx, caller, view.profile, in_slack=in_slack)).is_profiles

    async def confirm(self, *, caller: Person, code: ConfirmationCode) -> str:
        """Confirm the address of the caller's profile by its code, and return the address.

        Raises:
            NotAllowedError: this person can have no profile.
            NoProfileError, UnreadableProfileError: as `ask`.
            NoCodeError: none waits for the profile as it is now.
            WrongCodeError: it is another.
            RateLimitedError: too many wrong ones were typed.
        """
        await self.access.require_member(caller)
        async with self.database.writing() as tx:
            # Counted as wrong before it is compared, so that over the limit even the right one confirms nothing.
            counted = await count(tx, WRONG_CODES, caller.workspace, caller.user)
            loaded = await _complete(tx, caller)
            waiting = await stored_confirmation(tx, caller, loaded.profile)
            if waiting is None:
                raise NoCodeError
            is_right = waiting.code is None or waiting.code.matches(code)
            if is_right:
                await give_back(tx, counted)
            if is_right and waiting.code is not None:
                await store_confirmation(tx, caller, replace(waiting, code=None))
                await _note(tx, caller, loaded.profile.address)
        if not is_right:
            raise WrongCodeError(
                f"This is not the code in the newest message to {loaded.profile.address}. Type its eight digits, for "
                "example 12345678. After five wrong codes in a day none is taken."
            )
        self.on_change(caller)
        return loaded.profile.address

    async def _address_in_slack(self, person: Person) -> str:
        with suppress(DirectoryError):
            return await address_in_slack(self.access, person)
        return ""


async def _complete(tx: Transaction, owner: Person) -> Loaded:
    loaded = require_readable(await load(tx, owner))
    if not loaded.profile.is_complete:
        raise NoProfileError("There is no email profile to confirm an address of yet. Use /email-profile edit first.")
    return loaded


async def _note(tx: Transaction, owner: Person, address: str) -> None:
    await tx.audit.append(
        owner.workspace,
        actor=owner.user,
        subject=owner.user,
        action="confirmed the address",
        fields=(LABELS[Field.ADDRESS],),
        details=(address,),
    )
