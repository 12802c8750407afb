"""Which addresses are certainly a person's own: the one that Slack has verified, and one to which a code was mailed."""

import hmac
import json
import secrets
import unicodedata
from contextlib import suppress
from dataclasses import asdict, dataclass

from pydantic import SecretStr

from bot.profiles.account.profile import EmailProfile, check_address
from bot.profiles.people.access import Access, Person
from bot.smtp.network.guard import HostError, normal_host
from storage.database import Transaction

CODE_SECONDS = 86_400
"""How long a code can be typed back: as long as no other is mailed to its address."""

CODE_DIGITS = 8

_DOTS_DO_NOT_COUNT = ("gmail.com", "googlemail.com")
"""https://support.google.com/mail/answer/7436150"""


def is_same_address(one: str, other: str) -> bool:
    """Whether two addresses are one: the domains in any spelling, what stands before the @ letter by letter.

    Only the server of an address knows whether case matters before the @ (RFC 5321, 2.4).
    """
    return bool(one) and _parts(one) == _parts(other)


def mailbox_of(address: str) -> str:
    """Return the mailbox that an address most likely leads to, so that its other spellings count as the same."""
    local, domain = _parts(unicodedata.normalize("NFKC", address))
    local = local.casefold().partition("+")[0]
    if domain in _DOTS_DO_NOT_COUNT:
        return f"{local.replace('.', '')}@{_DOTS_DO_NOT_COUNT[0]}"
    return f"{local}@{domain}"


def _parts(address: str) -> tuple[str, str]:
    local, _, domain = address.rpartition("@")
    with suppress(HostError):
        domain = normal_host(domain)
    return local, domain.casefold()


class ConfirmationCode:
    """A code that is mailed to an address and typed back; no repr shows it."""

    def __init__(self, digits: SecretStr) -> None:
        self._digits = digits

    def __repr__(self) -> str:
        return "ConfirmationCode(…)"

    @classmethod
    def generate(cls) -> "ConfirmationCode":
        """Return a new code."""
        return cls(SecretStr(f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"))

    @classmethod
    def typed(cls, text: str) -> "ConfirmationCode":
        """Return the digits of what was typed, of any script and width: people type blanks, marks and words too."""
        return cls(SecretStr("".join(str(unicodedata.decimal(digit)) for digit in text if digit.isdecimal())))

    @property
    def secret(self) -> SecretStr:
        """The digits."""
        return self._digits

    def matches(self, other: "ConfirmationCode") -> bool:
        """Whether both are the same code, found out in the same time for each."""
        return hmac.compare_digest(self.secret.get_secret_value(), other.secret.get_secret_value())


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """What is stored of an address: the code that was mailed there, None once it was typed back.

    It holds for the account that the code went through: whoever runs another server, or reads what another login has
    sent, may have read it. Another `pin` makes it another server: one's own name can be led to anybody's, whose
    certificate is trusted by that alone.
    """

    address: str
    host: str
    login: str
    pin: str
    code: ConfirmationCode | None = None

    @classmethod
    def of(cls, profile: EmailProfile, code: ConfirmationCode) -> "Confirmation":
        """Return that a code is mailed to a profile's address."""
        host, login, pin = _account_of(profile)
        return cls(address=profile.address, host=host, login=login, pin=pin, code=code)

    def holds_for(self, profile: EmailProfile) -> bool:
        """Whether it is about this profile's address, server, pinned certificate and login."""
        is_of_account = (self.host, self.login, self.pin) == _account_of(profile)
        return is_of_account and is_same_address(self.address, profile.address)

    def to_document(self) -> bytes:
        """Return what is sealed."""
        code = self.code.secret.get_secret_value() if self.code else None
        return json.dumps({**asdict(self), "code": code}).encode()

    @classmethod
    def from_document(cls, document: bytes) -> "Confirmation":
        """Read what `to_document` wrote."""
        values = json.loads(document)
        code = values.pop("code")
        return cls(**values, code=None if code is None else ConfirmationCode(SecretStr(code)))


def _account_of(profile: EmailProfile) -> tuple[str, str, str]:
    """Return host, login and pinned certificate; a login that is not used counts as none."""
    return profile.host, profile.login if profile.authenticate else "", profile.extras.get("PIN", "")


async def stored_confirmation(tx: Transaction, owner: Person, profile: EmailProfile) -> Confirmation | None:
    """Read what is stored of a profile's address; None where that is of another address or account."""
    document = await tx.confirmations.find(owner.workspace, owner.user)
    confirmation = None if document is None else Confirmation.from_document(document)
    return confirmation if confirmation and confirmation.holds_for(profile) else None


async def store_confirmation(tx: Transaction, owner: Person, confirmation: Confirmation) -> None:
    """Store a confirmation in place of what there was: a code for a day, a confirmed address for good."""
    seconds = CODE_SECONDS if confirmation.code else None
    await tx.confirmations.put(owner.workspace, owner.user, confirmation.to_document(), seconds=seconds)


async def address_in_slack(access: Access, person: Person) -> str:
    """Return a person's address that Slack has verified; empty where there is none, or it is none to send mail to.

    Raises:
        DirectoryError: Slack does not answer.
    """
    member = await access.member(person)
    with suppress(ValueError):
        return check_address(member.verified_address) if member else ""
    return ""


@dataclass(frozen=True, kw_only=True)
class OwnAddress:
    """The address at which mail certainly reaches a profile's owner, "" where none is known.

    `is_profiles` says that it is the address of the profile.
    """

    address: str
    is_profiles: bool


async def own_address(tx: Transaction, owner: Person, profile: EmailProfile, *, in_slack: str) -> OwnAddress:
    """Return where mail reaches the owner; `in_slack` is their verified address in Slack, "" where there is none.

    Where the profile's address differs from that in the case of letters before the @ alone, Slack's spelling is it.
    """
    if is_same_address(in_slack, profile.address):
        return OwnAddress(address=profile.address, is_profiles=True)
    confirmation = await stored_confirmation(tx, owner, profile)
    if confirmation is not None and confirmation.code is None:
        return OwnAddress(address=profile.address, is_profiles=True)
    is_profiles = is_same_address(in_slack.casefold(), profile.address.casefold())
    return OwnAddress(address=in_slack, is_profiles=is_profiles)
