"""What a modal remembers: whose profile it shows, on which revision, and what in it waits for Save."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from pydantic import TypeAdapter, ValidationError

from bot.profiles.errors import UserError

MAX_METADATA_LENGTH = 3000
"""Characters of a modal's private_metadata (https://docs.slack.dev/reference/views)."""


class OutdatedFormError(UserError):
    """A modal or a button was made by another version of the bot."""

    def __init__(self) -> None:
        super().__init__("This form is of an older version of the bot. Close it and open it again.")


@dataclass(frozen=True, kw_only=True)
class ReplyAddress:
    """The response_url of the command or press that opened a modal: whose it was, and its end in seconds since 1970.

    Whoever has it may post there, so it goes nowhere but into Slack's own keeping, and never into a log.
    """

    workspace: str
    user: str
    url: str = field(repr=False)
    until: float


@dataclass(frozen=True, kw_only=True)
class PrivateMetadata:
    """A modal's `private_metadata`: whose profile, and the revision it was opened on.

    `reply` is where the person stands who opened it.

    Of a form also: digests of what it began with (`initial`) and of what the bot filled in by itself (`filled`; of the
    address, the domain for which it did); the extra configurations whose changes wait for its Save (`extras`, None
    being one that is taken away); what shall be taken out of its password (`password_fixes`); how often it was drawn
    anew (`drawn`), and in which drawing each input began afresh (`generations`, by its name).

    Of a list of extra configurations, `changed` says that something was stored through it.

    In a modal on top of a form, `form` is what stands in that form, by input; None where there is none below.

    Nothing in it grants anything about a profile: whoever submits is authorised again.
    """

    owner: str
    revision: int
    reply: ReplyAddress | None = None
    initial: Mapping[str, str] = field(default_factory=dict)
    filled: Mapping[str, str] = field(default_factory=dict)
    extras: Mapping[str, str | None] = field(default_factory=dict)
    password_fixes: tuple[str, ...] = ()
    drawn: int = 0
    generations: Mapping[str, int] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    changed: bool = False

    def encode(self) -> str:
        """Return it as JSON; where that takes too much room, without the address of replies.

        Then without the longest values of the form below: they were typed, and Slack keeps what was typed.
        """
        if self.reply is not None and length(self._json(self.form or {})) > MAX_METADATA_LENGTH:
            return replace(self, reply=None).encode()
        form = dict(self.form or {})
        while length(text := self._json(form)) > MAX_METADATA_LENGTH and form:
            del form[max(form, key=lambda name: length(form[name]))]
        return text

    def _json(self, form: Mapping[str, str]) -> str:
        # Escaped, a letter beyond ASCII would take the room of six.
        values = {name: value for name, value in asdict(self).items() if value or name in ("owner", "revision")}
        if self.form is not None:
            values["form"] = form
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> "PrivateMetadata":
        """Read what `encode` wrote.

        Raises:
            OutdatedFormError: it is anything else.
        """
        try:
            metadata = _METADATA.validate_json(text, strict=True)
        except ValidationError:
            raise OutdatedFormError from None
        if not metadata.owner:
            raise OutdatedFormError
        return metadata

    def after_own_change(self, revision: int) -> "PrivateMetadata":
        """Return it on the revision that the person's own change made, unless somebody else's came between."""
        return replace(self, revision=revision) if revision - self.revision <= 1 else self


_METADATA = TypeAdapter(PrivateMetadata)


def length(text: str) -> int:
    """Return the length of a text as JavaScript counts it: UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
