"""What a letter must be like to leave in somebody's name: who it says it is from, and its form."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LetterRules:
    """The rules for letters of one profile; `address` is the profile's, the only one that letters may be from."""

    address: str

    def check_sender(self, mail_from: str) -> None:
        """Check an address of MAIL FROM, without its brackets.

        Raises:
            LetterRefusedError: 553 5.7.1, it is not the profile's address.
        """
        raise NotImplementedError

    def check_recipient(self, address: str, *, own_domain_only: bool) -> None:
        """Check an address of RCPT TO, without its brackets.

        Raises:
            LetterRefusedError: 553 5.1.3, it is no address; 550 5.7.1, the program may send to its own domain alone.
        """
        raise NotImplementedError

    async def check_content(self, content: bytes) -> None:
        """Check a letter's header and its lines; long ones in pieces, between which others have their turn.

        Raises:
            LetterRefusedError: 550 5.6.0, its header breaks a rule, or is not from the profile's address (5.7.1);
                550 5.6.11, a line does not end in CRLF; 550 5.6.0, a line is too long.
        """
        raise NotImplementedError
