"""The fields of a letter that a program writes as JSON, and what may stand in each.

Whatever is refused is refused in a sentence that repeats nothing of the letter.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from email.headerregistry import Address
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from bot.profiles.account.profile import check_address, is_printable
from bot.smtp.network.guard import normal_host

MOST_RECIPIENTS = 100
"""To, Cc and Bcc together: what providers take of one message by SMTP."""

MOST_MAILBOX = 1000
"""Characters of an address with the name before it."""

MOST_SUBJECT = 998
MOST_TEXT = 1_000_000
"""Characters of text, and of HTML: what is longer goes along as a file, which costs a tenth of the time to encode."""

MOST_ATTACHMENTS = 100
MOST_HEADERS = 50
MOST_VALUES = 5_000
"""Of a body, the names of fields counted with them: all recipients, headers and attachments are some 1,500."""

MOST_HEADER_VALUE = 900
"""With its name on one line, of which RFC 5322, 2.1.1 allows 998 characters."""

_OWN_HEADER = re.compile(
    r"from|to|cc|bcc|reply-to|subject|sender|return-path|date|message-id|mime-version|received(-.*)?"
    r"|(content|resent|dkim|domainkey|arc|authentication)-.*",
    re.IGNORECASE,
)
"""What other fields set, or what the mail system writes."""

_HEADER_NAME = r"^[A-Za-z][A-Za-z0-9-]{0,75}$"
_MEDIA_TYPE = (
    r"^(?!message/|multipart/)[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}"
    r"(; ?[A-Za-z0-9-]{1,30}=[A-Za-z0-9_.+-]{1,60}){0,4}$"
)
_BASE64 = r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_CONTENT_ID = r"^[A-Za-z0-9._@+-]{1,128}$"
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_JSON_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A text in JSON (RFC 8259, 7), also one that does not end; nothing of it is read twice."""
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bq]\?", re.IGNORECASE)


def one_line(text: str) -> str:
    """Return a text that may stand in a header.

    Raises:
        ValueError: it has more than one line, control characters, or is encoded already.
    """
    if not is_printable(text) or "\u2028" in text or "\u2029" in text:
        raise ValueError("has to be one line without control characters")
    if _ENCODED_WORD.search(text):
        raise ValueError(
            "has to be written as it is read, not encoded as in a header: “Größe”, not “=?utf-8?q?Gr=C3=B6=C3=9Fe?=”"
        )
    return text


def _plain_text(text: str) -> str:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("has to be text; U+0000 and halves of surrogate pairs cannot be sent")
    return text


def read_mailbox(text: str) -> Address:
    """Return a recipient or sender, written `ada@example.com` or `Ada Lovelace <ada@example.com>`.

    Raises:
        ValueError: it is something else.
    """
    one_line(text)
    found = _NAMED.fullmatch(text.strip())
    name, address = (found["name"].strip(), found["address"].strip()) if found else ("", text.strip())
    if name.startswith('"') and name.endswith('"') and len(name) > 1:
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    try:
        local, _, domain = check_address(address).rpartition("@")
        return Address(display_name=name, username=local, domain=normal_host(domain))
    except ValueError:
        raise ValueError(
            "has to be an address, for example “ada@example.com” or “Ada Lovelace <ada@example.com>”"
        ) from None


def _sender(text: str) -> str:
    if "@" in one_line(text) or "<" in text:
        read_mailbox(text)
    return text


def _mailbox(text: str) -> str:
    read_mailbox(text)
    return text


def _base64(text: str) -> str:
    try:
        decoded(text)
    except binascii.Error:
        raise ValueError(
            "has to be base64 in the standard alphabet, with its padding, for example “SGVsbG8=”"
        ) from None
    return text


def decoded(text: str) -> bytes:
    """Return the bytes that base64 stands for; line breaks in it are taken out.

    Raises:
        binascii.Error: it is no base64.
    """
    return base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _headers(given: dict[str, str]) -> dict[str, str]:
    if len(given) > MOST_HEADERS:
        raise ValueError(f"may have at most {MOST_HEADERS} entries")
    for name, value in given.items():
        if not re.fullmatch(_HEADER_NAME, name):
            raise ValueError("has to have names of letters, digits and hyphens alone, for example “X-Order”")
        if len(value) > MOST_HEADER_VALUE:
            raise ValueError(f"has to have values of at most {MOST_HEADER_VALUE} characters")
        one_line(value)
        if _OWN_HEADER.fullmatch(name):
            raise ValueError(
                "may not have headers that another field sets (From, Subject, …) or the mail system writes"
            )
    return given


def _media_type(text: str) -> str:
    if not re.fullmatch(_MEDIA_TYPE, text):
        raise ValueError(
            "has to be a media type, for example “application/pdf” or “text/csv; charset=utf-8”, but neither "
            "message/… nor multipart/…"
        )
    return text


def _content_id(text: str) -> str:
    if not re.fullmatch(_CONTENT_ID, text):
        raise ValueError("has to be made of up to 128 letters, digits and . _ @ + -, for example “label-1”")
    return text


_ONE_LINE = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
_SCHEMA_OF_MAILBOX: dict[str, Any] = {"type": "string", "format": "email", "maxLength": MOST_MAILBOX}
_SCHEMA_OF_MAILBOXES: dict[str, Any] = {
    "anyOf": [{"type": "array", "maxItems": MOST_RECIPIENTS, "items": _SCHEMA_OF_MAILBOX}, _SCHEMA_OF_MAILBOX],
    "examples": [["ada@example.com", "grace@example.com"]],
}
_SCHEMA_OF_HEADERS: dict[str, Any] = {
    "type": "object",
    "maxProperties": MOST_HEADERS,
    "propertyNames": {"pattern": _HEADER_NAME},
    "additionalProperties": {"type": "string", "maxLength": MOST_HEADER_VALUE, "pattern": _ONE_LINE},
    "examples": [{"X-Order": "4711"}],
}
_SCHEMA_OF_SENDER: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "format": "email"},
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 600,
            "pattern": r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029<>@]*$",
        },
        {"type": "null"},
    ],
    "examples": ["Label Printer"],
}
_SOMEBODY: dict[str, Any] = {
    "anyOf": [
        {"required": [name], "properties": {name: {"anyOf": [{"type": "array", "minItems": 1}, {"type": "string"}]}}}
        for name in ("to", "cc", "bcc")
    ]
}
"""Of a letter's schema: one of these is there, and not empty."""

Line = Annotated[str, AfterValidator(one_line), Field(json_schema_extra={"pattern": _ONE_LINE})]
Mailbox = Annotated[str, Field(max_length=MOST_MAILBOX), AfterValidator(_mailbox)]
Mailboxes = Annotated[
    list[Mailbox], Field(max_length=MOST_RECIPIENTS), BeforeValidator(_as_list), WithJsonSchema(_SCHEMA_OF_MAILBOXES)
]
LongText = Annotated[
    str, Field(max_length=MOST_TEXT, json_schema_extra={"pattern": r"^[^\u0000]*$"}), AfterValidator(_plain_text)
]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Attachment(_Fields):
    """A file that goes along. Its content comes with the request: nothing is fetched from anywhere."""

    filename: Line = Field(min_length=1, max_length=255)
    content: Annotated[str, AfterValidator(_base64)] = Field(
        description="The bytes of the file in base64.",
        json_schema_extra={"contentEncoding": "base64", "pattern": _BASE64},
    )
    content_type: Annotated[str, AfterValidator(_media_type)] = Field(
        default="application/octet-stream",
        alias="contentType",
        description="Its media type, neither message/… nor multipart/….",
        json_schema_extra={"pattern": _MEDIA_TYPE},
    )
    cid: Annotated[str, AfterValidator(_content_id)] | None = Field(
        default=None,
        description='By which the HTML shows it: `<img src="cid:…">`.',
        json_schema_extra={"pattern": _CONTENT_ID},
    )


class LetterFields(_Fields):
    """A letter, from the profile that the token belongs to."""

    model_config = ConfigDict(json_schema_extra=_SOMEBODY)

    to: Mailboxes = Field(
        default=[],
        description=(
            "Recipients: a list, or one of them alone, each `ada@example.com` or `Ada Lovelace <ada@example.com>`."
        ),
    )
    cc: Mailboxes = Field(default=[], description="As `to`.")
    bcc: Mailboxes = Field(default=[], description="As `to`; the other recipients do not see them.")
    subject: Line = Field(default="", max_length=MOST_SUBJECT)
    text: LongText | None = Field(default=None, description="The message as plain text.")
    html: LongText | None = Field(default=None, description="The message as HTML; with `text`, both go out.")
    attachments: list[Attachment] = Field(default=[], max_length=MOST_ATTACHMENTS)
    reply_to: Mailboxes = Field(default=[], alias="replyTo", description="As `to`.")
    headers: Annotated[dict[str, str], AfterValidator(_headers), WithJsonSchema(_SCHEMA_OF_HEADERS)] = Field(
        default={}, description="Further headers by name: none that another field sets, or that the mail system writes."
    )
    sender: Annotated[
        Annotated[str, Field(min_length=1, max_length=600), AfterValidator(_sender)] | None,
        WithJsonSchema(_SCHEMA_OF_SENDER),
    ] = Field(
        default=None,
        alias="from",
        description="A name to be shown with the profile's address, or that address, with or without a name.",
    )

    def recipients(self) -> tuple[str, ...]:
        """Return the addresses that the letter goes to, each once."""
        written = (*self.to, *self.cc, *self.bcc)
        return tuple(dict.fromkeys(read_mailbox(one).addr_spec for one in written))


class LetterFieldsError(Exception):
    """Fields break rules. `errors` maps each one's place, as `attachments[0].cid`, to a sentence without its value."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


def read_letter_fields(body: bytes) -> LetterFields:
    """Read the JSON that a program sent.

    Raises:
        LetterFieldsError: it is no JSON, or not that of a letter.
    """
    if not _has_few_values(body):
        raise LetterFieldsError({"": f"The body has more than {MOST_VALUES:,} values; no message needs so many."})
    try:
        fields = LetterFields.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=True, include_input=False)
        raise LetterFieldsError(dict(_told(one) for one in found[:_MOST_TOLD])) from None
    most = f"A message has 1 to {MOST_RECIPIENTS} recipients, in `to`, `cc` and `bcc` together"
    if not fields.recipients():
        raise LetterFieldsError({"to": f'{most}: write for example `"to": ["ada@example.com"]`.'})
    if len(fields.recipients()) > MOST_RECIPIENTS:
        raise LetterFieldsError({"to": f"{most}; send it several times."})
    return fields


def _has_few_values(body: bytes) -> bool:
    """Whether JSON has no more values than any letter needs, by its commas and texts, before any of them is read.

    What is wrong with a million fields would be told of each, in a gigabyte of memory.
    """
    values = end = 0
    for text in _JSON_TEXT.finditer(body):
        values += 1 + body.count(b",", end, text.start())
        end = text.end()
        if values > MOST_VALUES:
            return False
    return values + body.count(b",", end) <= MOST_VALUES


_MOST_TOLD = 20

_WORDS = {
    "missing": "is missing",
    "extra_forbidden": (
        "is no field here. A message has to, cc, bcc, subject, text, html, attachments, replyTo, headers and from; an "
        "attachment filename, content, contentType and cid"
    ),
    "string_type": "has to be a text",
    "list_type": "has to be a list",
    "dict_type": 'has to be an object, for example {"X-Order": "4711"}',
    "model_type": "has to be an object",
    "string_unicode": "has to be text in UTF-8",
}
"""By the types of https://pydantic.dev/docs/errors/validation_errors/, what stands behind the name of a field."""


def _told(error: Mapping[str, Any]) -> tuple[str, str]:
    kind, context = error["type"], error.get("ctx", {})
    place = _place(error["loc"])
    if kind in ("json_invalid", "json_type"):
        return "", "The body is no JSON in UTF-8."
    if not place:
        return (
            "",
            'The body is a JSON object, for example {"to": ["ada@example.com"], "subject": "Label", "text": "…"}.',
        )
    match kind:
        case "value_error":
            words = str(context["error"])
        case "string_too_long" | "too_long":
            words = (
                f"may have at most {context['max_length']} {'characters' if kind == 'string_too_long' else 'entries'}"
            )
        case "string_too_short":
            words = "is empty"
        case _:
            words = _WORDS.get(kind, "is not as the API's description says")
    return place, f"`{place}` {words}."


def _place(path: tuple[int | str, ...]) -> str:
    """Return where in a letter something stands; names that look like none of a field are left out."""
    place = ""
    for step in path:
        if isinstance(step, int):
            place += f"[{step}]"
        elif re.fullmatch(r"[A-Za-z_]{1,30}", step):
            place += f".{step}" if place else step
    return place or ("a name" if path else "")
