"""The format of a case, read strictly: whatever is not in it is a mistake in the file."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

FOLDER = Path(__file__).parent
MORE = FOLDER / "more"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Profile(_Part):
    """The values of the form, by its labels."""

    address: str = Field(alias="Email Address")
    login: str = Field("", alias="User/Login")
    password: str = Field("", alias="Password", repr=False)
    host: str = Field(alias="SMTP Server Address", min_length=1)
    port: int = Field(alias="Port")
    authenticate: bool = Field(alias="Authentication Required")


class Server(_Part):
    """One port, and what the server there says; texts are lines without codes of their own for the end of a line."""

    port: int
    ip: str = "127.0.0.1"
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    cert: Literal[
        "good", "nochain", "wrong", "bridge", "clientauth", "rsa1024",
        "avast", "kaspersky", "zscaler", "ownca",
        "expired", "notyet", "soon", "sixdays",
        "dh1024", "tls10", "nocipher", "wantsclient", "wantsclient12",
    ] = "good"  # fmt: skip
    login: str | None = None
    password: str | None = Field(None, repr=False)
    greeting: str = "220 {host} ESMTP"
    extensions: Sequence[str] = ("SIZE 26214400", "8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING")
    auth: Sequence[str] = ("PLAIN", "LOGIN")
    auth_word: str = "AUTH"
    auth_ok: str = "235 2.7.0 Authentication successful"
    auth_fail: str = "535 5.7.8 Error: authentication failed"
    login_challenges: Sequence[str] = ("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6")
    lf: bool = False
    encoding: str = "utf-8"
    pipelining: Literal["works", "broken-503", "swallows", "closes"] = "works"
    no_initial_response: bool = False
    replies: Mapping[str, str] = {}
    unless_signed_in: Mapping[str, str] = {}

    @property
    def texts(self) -> list[str]:
        """What the server may say that this case words for itself."""
        given = [self.greeting, self.auth_ok, self.auth_fail]
        return [*given, *self.replies.values(), *self.unless_signed_in.values()]


class Records(_Part):
    """What DNS holds under a name."""

    addresses: Sequence[str] = Field((), alias="A")
    mx: Sequence[str] = Field((), alias="MX")
    txt: Sequence[str] = Field((), alias="TXT")

    @model_validator(mode="before")
    @classmethod
    def _only_addresses(cls, value: object) -> object:
        return {"A": value} if isinstance(value, list) else value


class Expectation(_Part):
    """What one answer of the bot has to be like; patterns are regular expressions, in any case."""

    verdict: Literal["passed", "failed", "warned", "saved", "refused", "either"] | None = None
    stage: str | None = None
    must_say: Sequence[str] = ()
    must_not_say: Sequence[str] = ()
    must_show: Sequence[str] = ()
    must_not_show: Sequence[str] = ()
    must_offer: Sequence[str] = ()
    must_not_offer: Sequence[str] = ()
    roster: str | None = None


class Step(Expectation):
    """Something that a person does, and how the answer has to be: as the step itself says, or as one of several."""

    do: str
    one_of: Sequence[Expectation] = ()

    @property
    def expectations(self) -> Sequence[Expectation]:
        """Those of which one has to be met."""
        return self.one_of or (self,)


class Case(_Part):
    """A mail server, an account for it, and what is right to say."""

    name: str
    about: str
    kind: int | None = None
    source: str = ""
    answer: str
    profile: Profile
    extras: Sequence[tuple[str, str]] = ()
    settings: Mapping[str, str] = {}
    dns: Mapping[str, Records | Literal["SERVFAIL", "TIMEOUT"] | None] = {}
    servers: Sequence[Server]
    real: str = ""
    server_says: Sequence[str] = ()
    right: Sequence[Step]

    @property
    def encryption(self) -> str:
        """What is chosen in the form's menu: the extra configuration of the case that encrypts, or "none"."""
        return next((name for name, value in self.extras if name in ("TLS", "SSL") and value == "Y"), "none")

    @property
    def id(self) -> str:
        """The beginning of the name, by which people call a case."""
        return self.name.split("-", 1)[0]

    @cached_property
    def texts(self) -> list[str]:
        """What the servers may say that this case words for itself."""
        return [*self.server_says, *(text for server in self.servers for text in server.texts)]

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a case from its file.

        Raises:
            ValueError: it does not hold to the format.
        """
        return cls.model_validate(json.loads(file.read_text(encoding="utf-8")))

    @property
    def patterns(self) -> list[str]:
        """Every pattern of its steps, to be compiled before it is played."""
        expectations = [one for step in self.right for one in (step, *step.one_of)]
        lists = [
            (*one.must_say, *one.must_not_say, *one.must_show, *one.must_not_show, *one.must_offer, *one.must_not_offer)
            for one in expectations
        ]
        alone = [pattern for one in expectations for pattern in (one.stage, one.roster) if pattern is not None]
        pressed = [step.do.removeprefix("press ") for step in self.right if step.do.startswith("press ")]
        return [*alone, *pressed, *(pattern for patterns in lists for pattern in patterns)]


def files() -> list[Path]:
    """Return the files of all cases, in the order of their names."""
    return [*sorted(FOLDER.glob("*.json")), *sorted(MORE.glob("*.json"))]
