"""Which profiles can send, and what programs are told of those that cannot; their owners are told once."""

from dataclasses import dataclass

from bot.profiles.account.records import Loaded, ProfileState, account_of, load
from bot.profiles.connection_tests.told_refusals import is_first_to_tell
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.profiles.people.defaults import load_defaults
from bot.profiles.people.notices import RefusedNotice, notify_of_refusal
from bot.profiles.sending.kept_connections import ProfileAtRevision
from bot.profiles.sending.letters import Cause, LetterRefusedError
from bot.smtp.account import Account, Encryption
from bot.smtp.check.report import StageName
from storage.database import Database, Transaction


@dataclass(frozen=True, kw_only=True)
class ReadyProfile:
    """A profile that can send, as it is stored now."""

    loaded: Loaded
    account: Account

    @property
    def at(self) -> ProfileAtRevision:
        """Which profile it is, at which revision."""
        return ProfileAtRevision(self.loaded.owner, self.loaded.record_id, self.loaded.revision)


class HeldProfileError(LetterRefusedError):
    """A profile's server refused the sign-in, and nobody has set that right yet."""

    def __init__(self, address: str) -> None:
        super().__init__(
            Cause.NOT_READY,
            454,
            "4.7.0",
            f"The mail account {address} has to be set right by its owner, in Slack: its server refuses the sign-in.",
            stage=StageName.SIGN_IN,
        )


async def ready_profile(tx: Transaction, person: Person) -> ReadyProfile:
    """Return somebody's profile if it can send.

    Raises:
        HeldProfileError: its server refused the sign-in; the owner is to be told, see `tell_owner`.
        LetterRefusedError: 454 4.7.0, it needs its owner for another reason; 535 5.7.8, there is none.
    """
    loaded = await load(tx, person)
    view = loaded.view
    account = account_of(loaded.profile)
    try:
        (await load_defaults(tx, person.workspace)).defaults.require_allowed(account.host)
    except UserError as error:
        raise _not_ready(str(error)) from None
    if view.state is ProfileState.NOT_SET_UP:
        raise LetterRefusedError(Cause.ENDED, 535, "5.7.8", "There is no email profile any more to send with.")
    if view.state is ProfileState.UNREADABLE:
        raise _not_ready("The email profile cannot be read; its owner has to type it again, in Slack.")
    if view.state is ProfileState.PASSWORD_MISSING:
        sentence = f"The password of {account.address} is missing; its owner has to type it, in Slack."
        raise _not_ready(sentence, StageName.SIGN_IN)
    if account.authenticate and account.encryption is Encryption.NONE:
        sentence = f"The profile of {account.address} has no encryption; its owner has to choose one, in Slack."
        raise _not_ready(sentence, StageName.ENCRYPTION)
    if view.is_held:
        raise HeldProfileError(account.address)
    return ReadyProfile(loaded=loaded, account=account)


async def tell_owner(database: Database, owner: Person) -> bool:
    """Tell an owner that programs wait because the sign-in is refused; returns whether that was not told before."""
    async with database.writing() as tx:
        loaded = await load(tx, owner)
        return loaded.view.is_held and await tell_of_refusal(tx, loaded)


async def tell_of_refusal(tx: Transaction, loaded: Loaded) -> bool:
    """Write a notice of a refused sign-in, once until one is accepted or the profile is changed; returns whether."""
    if not await is_first_to_tell(tx, loaded):
        return False
    account = account_of(loaded.profile)
    notice = RefusedNotice(
        address=account.address,
        host=account.host,
        login=account.login,
        record_id=loaded.record_id,
        revision=loaded.revision,
    )
    await notify_of_refusal(tx, loaded.owner, notice)
    return True


def _not_ready(sentence: str, stage: StageName | None = None) -> LetterRefusedError:
    return LetterRefusedError(Cause.NOT_READY, 454, "4.7.0", sentence, stage=stage)
