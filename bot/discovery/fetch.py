"""Fetches the documents that domains publish, over https: from checked addresses alone, and bounded in every way."""

import asyncio
import ssl
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from bot.discovery.search import NowhereError, Search, TooManyRequestsError
from bot.smtp.dialogue.cleaning import clean
from bot.smtp.network.guard import literal, normal_host

HTTPS_PORT = 443
REQUEST_SECONDS = 5.0
TLS_SHUTDOWN_SECONDS = 1.0
"""How long a server may take to end the encryption, once everything is over."""
MAX_DOCUMENT_BYTES = 64 * 1024
"""Of what arrives, and of what is unpacked from it."""
MAX_LOCATION_LENGTH = 2000
"""Characters of where a redirect leads."""

_HEADERS = {"User-Agent": "email-profile-bot", "Accept-Encoding": "identity"}
_REDIRECTS = (301, 302, 303, 307, 308)
_PACKED = ("gzip", "x-gzip", "deflate")
_EITHER_PACKING = zlib.MAX_WBITS | 32
"""Lets zlib take gzip and deflate, whichever it finds (https://docs.python.org/3/library/zlib.html#zlib.decompress)."""


class FetchError(Exception):
    """There is no document that could be used; the message is a short sentence for admins."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document as it was published, unpacked, and the host that served it, after redirects."""

    content: bytes
    host: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a document is published, and how often a redirect is followed from there, to hosts that are trusted."""

    host: str
    path: str
    redirects: int
    may_lead_to: Callable[[str], Awaitable[bool]]


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    location: str
    packing: str
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Web:
    """The web as a search may use it: https only, and nothing is told but which host and path are asked for.

    Proxies that the environment names are not used, for they would connect to addresses that nobody checked.
    """

    trust: ssl.SSLContext
    seconds: float = REQUEST_SECONDS

    async def document(self, search: Search, place: Place) -> Document:
        """Fetch what is published at a place.

        Raises:
            FetchError: there is nothing, or it may not be used.
            UnansweredError: the DNS gave no answer.
        """
        url = URL.build(scheme="https", host=place.host, path=place.path)
        for left in range(place.redirects, -1, -1):
            host = url.raw_host or ""
            answer = await self._answer(search, host, url)
            if answer.status not in _REDIRECTS:
                return Document(content=_content(host, answer), host=host)
            if not left:
                break
            url = followed(url, answer.location)
            if not await place.may_lead_to(url.raw_host or ""):
                raise FetchError(f"{host} leads on to {url.raw_host}, which is in another domain.")
        raise FetchError(f"{host} leads on to another page once too often.")

    async def _answer(self, search: Search, host: str, url: URL) -> _Answer:
        """Make one request."""
        try:
            search.count_request()
            async with asyncio.timeout(self.seconds):
                protocol = await self._connect(search, host)
                return await _request(protocol, url)
        except TooManyRequestsError:
            raise FetchError(f"{host} was not asked: the search had made all its requests.") from None
        except TimeoutError:
            raise FetchError(f"{host} took longer than {self.seconds:g} seconds.") from None
        except (aiohttp.ClientError, OSError) as error:
            raise FetchError(f"{host} gave no proper answer.") from error

    async def _connect(self, search: Search, host: str) -> ResponseHandler:
        """Connect to a host at a checked address, and verify that the certificate is for its name."""
        try:
            addresses = await search.addresses(host)
        except NowhereError:
            raise FetchError(f"{host} does not exist, or leads where the bot may not look.") from None
        try:
            sock = await search.network.connect(addresses, HTTPS_PORT)
        except OSError:
            raise FetchError(f"{host} does not answer on port {HTTPS_PORT}.") from None
        loop = asyncio.get_running_loop()
        try:
            _, protocol = await loop.create_connection(
                lambda: ResponseHandler(loop),
                sock=sock,
                ssl=self.trust,
                server_hostname=host,
                ssl_shutdown_timeout=TLS_SHUTDOWN_SECONDS,
            )
        except ssl.SSLCertVerificationError as error:
            raise FetchError(f"The certificate of {host} does not hold: {clean(error.verify_message)}.") from None
        except OSError:
            raise FetchError(f"{host} speaks no TLS that could be used.") from None
        return protocol


class _OneConnection(aiohttp.BaseConnector):
    """Hands out the connection that was made to a checked address, once; a request is never repeated."""

    allowed_protocol_schema_set = frozenset({"https"})

    def __init__(self, protocol: ResponseHandler) -> None:
        super().__init__(force_close=True)
        self._connections = [protocol]

    async def _create_connection(self, *_: object, **__: object) -> ResponseHandler:
        """Return the connection; it is what a connector of one's own overrides.

        https://docs.aiohttp.org/en/stable/client_reference.html#aiohttp.BaseConnector
        """
        if not self._connections:
            # aiohttp repeats a GET by itself when the server hangs up.
            raise aiohttp.ServerDisconnectedError
        return self._connections.pop()


async def _request(protocol: ResponseHandler, url: URL) -> _Answer:
    """Ask for a page, in a session of its own, so that no cookie is left for the next."""
    async with (
        aiohttp.ClientSession(
            connector=_OneConnection(protocol),
            headers=_HEADERS,
            auto_decompress=False,
            # The caller's deadline counts.
            timeout=aiohttp.ClientTimeout(),
            trust_env=False,
        ) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        body = b"" if response.status in _REDIRECTS else await _body(response)
        return _Answer(
            status=response.status,
            location=response.headers.get("Location", ""),
            packing=response.headers.get("Content-Encoding", "").strip().lower(),
            body=body,
        )


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > MAX_DOCUMENT_BYTES:
            _refuse_size(response.url.raw_host or "")
    return bytes(body)


def _content(host: str, answer: _Answer) -> bytes:
    """Return the document of an answer, unpacked."""
    if answer.status != 200:
        raise FetchError(f"{host} has no such document (HTTP status {answer.status}).")
    if answer.packing in ("", "identity"):
        return answer.body
    if answer.packing not in _PACKED:
        raise FetchError(f"{host} packs its document in a way that was not asked for.")
    unpacking = zlib.decompressobj(_EITHER_PACKING)
    try:
        content = unpacking.decompress(answer.body, MAX_DOCUMENT_BYTES + 1)
    except zlib.error:
        raise FetchError(f"What {host} sent cannot be unpacked.") from None
    if len(content) > MAX_DOCUMENT_BYTES:
        _refuse_size(host)
    return content


def _refuse_size(host: str) -> NoReturn:
    raise FetchError(f"{host} sends more than {MAX_DOCUMENT_BYTES // 1024} kB.")


def followed(url: URL, location: str) -> URL:
    """Return where a redirect leads, if that may be asked for at all."""
    host = url.raw_host
    if len(location) > MAX_LOCATION_LENGTH:
        raise FetchError(f"{host} leads on to an address of more than {MAX_LOCATION_LENGTH} characters.")
    try:
        target = url.join(URL(location))
        named = normal_host(target.raw_host or "")
        port = target.port
    # yarl 1.25 raises an IndexError over "//[]@".
    except (ValueError, IndexError):
        raise FetchError(f"{host} leads on to something that is no web address.") from None
    if target.scheme != "https":
        raise FetchError(f"{host} leads on to an address without encryption (http).")
    if port != HTTPS_PORT or target.user is not None or target.password is not None or literal(named) is not None:
        raise FetchError(f"{host} leads on to a web address with a login, a port or an IP address in it.")
    return target.with_host(named).with_fragment(None)
