"""“Sign in with Slack”, before a private page: it opens in the one browser alone in which its owner has signed in.

State and nonce are made of a secret that only that browser holds, in a cookie; so nothing is stored for them, and what
Slack sends back with somebody fits no other browser, and no other link.
"""

import hashlib
import hmac
import logging
import re
import secrets
from dataclasses import dataclass, replace
from html import escape
from typing import Protocol, Self

from aiohttp import web

from bot.profiles.account.private_links import (
    LINK_LIFETIME_SECONDS,
    Identity,
    LinkAddress,
    LinkGoneError,
    NotTheirLinkError,
    PrivateLinks,
    link_path,
)
from bot.profiles.connection_tests.limits import RateLimitedError
from bot.profiles.errors import UserError
from bot.web.pages import Pages, client_address, paragraph

log = logging.getLogger(__name__)

USER_ID = r"[A-Z0-9]{1,64}"
RANDOM_PART = r"[A-Za-z0-9_-]{1,64}"
"""What the address of a link is made of: what is anything else is not even looked up."""

_SECRET_BYTES = 32
_COOKIE = re.compile(rf"([A-Za-z0-9_-]{{43}})\.({USER_ID})\.({RANDOM_PART})")


class IdentityProvider(Protocol):
    """Where people sign in."""

    def authorize_url(self, *, state: str, nonce: str, workspace: str) -> str:
        """Return the address at which a person of a workspace signs in."""
        ...

    async def identify(self, *, code: str, nonce: str) -> Identity:
        """Return who signed in; raises UserError where that is not confirmed."""
        ...


@dataclass(frozen=True)
class BrowserCookie:
    """What the browser that opens a link holds: a secret of its own, and which link that is."""

    secret: str
    user: str
    token: str

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Read what `text` wrote; None for anything else."""
        found = _COOKIE.fullmatch(text)
        return cls(*found.groups()) if found else None

    @property
    def text(self) -> str:
        """The cookie's value."""
        return f"{self.secret}.{self.user}.{self.token}"

    @property
    def state(self) -> str:
        """What has to come back with somebody from signing in (RFC 6749, 10.12)."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """What has to stand in the token that tells who signed in (OpenID Connect Core 1.0, 15.5.2)."""
        return self._derived("nonce")

    def _derived(self, purpose: str) -> str:
        content = f"{purpose} {self.user} {self.token}"
        return hmac.new(self.secret.encode(), content.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class SignInPages:
    """The page before a private page, and the one that Slack sends people back to, at `path`."""

    provider: IdentityProvider
    links: PrivateLinks
    pages: Pages
    path: str

    def add_routes(self, application: web.Application) -> None:
        """Add the route of the page that people come back to."""
        pages = self.pages.sub_application("There is nothing here. Go back to Slack.")
        # What previews links shall end nothing.
        pages.router.add_get("", self.end, allow_head=False)
        application.add_subapp(self.path, pages)

    def browser_of(self, request: web.Request, user: str, token: str) -> str:
        """Return the secret that a browser shows for a link; empty without one."""
        held = BrowserCookie.read(request.cookies.get(self._cookie_name, ""))
        return held.secret if held is not None and (held.user, held.token) == (user, token) else ""

    def begin(self, address: LinkAddress, workspace: str, *, status: int) -> web.Response:
        """Return the page that asks the person to sign in, before anything is told of the link."""
        # A page that is loaded anew leaves what was begun in another tab as it is.
        held = BrowserCookie(address.browser or _new_secret(), address.user, address.token)
        sentence = (
            "This page is for one person alone. Sign in with Slack to show that it is you. Slack tells the bot who "
            "you are, and nothing else."
        )
        return self._with_link("Is it you?", sentence, held, workspace, status)

    async def end(self, request: web.Request) -> web.Response:
        """Read who signed in, and lead them on to the private page if it is theirs."""
        held = BrowserCookie.read(request.cookies.get(self._cookie_name, ""))
        state = request.query.get("state", "")
        if held is None or not hmac.compare_digest(held.state.encode(), state.encode("utf-8", "surrogatepass")):
            return self._begin_again()
        address = LinkAddress(user=held.user, token=held.token, network=client_address(request))
        try:
            workspace = await self.links.count_sign_in(address)
            if "code" not in request.query:
                sentence = "You chose Cancel at Slack, or Slack did not let you sign in. Nothing was changed."
                return self._retry("Not signed in", sentence, held, workspace, 403)
            return await self._identified(address, held, workspace, request.query["code"])
        except RateLimitedError as error:
            return self.pages.rate_limited(error)
        except LinkGoneError as error:
            return self.pages.response("This link does not work", paragraph(str(error)), 404)

    async def _identified(self, address: LinkAddress, held: BrowserCookie, workspace: str, code: str) -> web.Response:
        try:
            identity = await self.provider.identify(code=code, nonce=held.nonce)
            browser = await self.links.sign_in(address, identity)
        except NotTheirLinkError as error:
            log.warning("A private page of %s was refused to %s.", address.user, error.identity.user)
            return self._retry("Not your page", str(error), held, workspace, 403)
        except LinkGoneError:
            raise
        except UserError as error:
            return self._retry("Not signed in", str(error), held, workspace, 502)
        answer = web.Response(
            status=303, headers={**self.pages.headers, "Location": link_path(address.user, address.token)}
        )
        # Another secret than the one that was there before it was known who that is.
        return self._holding(answer, replace(held, secret=browser))

    def _retry(self, title: str, sentence: str, held: BrowserCookie, workspace: str, status: int) -> web.Response:
        return self._with_link(title, sentence, replace(held, secret=_new_secret()), workspace, status)

    def _with_link(self, title: str, sentence: str, held: BrowserCookie, workspace: str, status: int) -> web.Response:
        url = self.provider.authorize_url(state=held.state, nonce=held.nonce, workspace=workspace)
        link = f'<p><a class="primary" rel="noreferrer" href="{escape(url)}">Sign in with Slack</a></p>'
        hint = '<p class="hint">Stay in this browser. The link works for ten minutes.</p>'
        return self._holding(self.pages.response(title, f"{paragraph(sentence)}{link}{hint}", status), held)

    def _begin_again(self) -> web.Response:
        sentence = (
            "This page was opened in another browser than the one that you began in, a second time, or too late. "
            "Nothing was changed. Open the private page once more from Slack."
        )
        return self.pages.response("Please begin again", paragraph(sentence), 400)

    def _holding(self, answer: web.Response, held: BrowserCookie) -> web.Response:
        # Slack sends people back by a link, with which browsers send cookies that are lax.
        answer.set_cookie(
            self._cookie_name,
            held.text,
            max_age=LINK_LIFETIME_SECONDS,
            path="/",
            httponly=True,
            samesite="Lax",
            secure=self.pages.https,
        )
        return answer

    @property
    def _cookie_name(self) -> str:
        # With that beginning no other host of the same domain can set it (RFC 6265bis, 4.1.3.2).
        return "__Host-sign-in" if self.pages.https else "sign-in"


def _new_secret() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)
