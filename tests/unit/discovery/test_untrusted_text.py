"""Whatever a web server sends: it is read, or refused with the error that is meant for it."""

from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as st
from yarl import URL

from bot.discovery.autoconfig import read_autoconfig
from bot.discovery.fetch import FetchError, followed
from bot.discovery.published import UnusableError
from bot.smtp.network.guard import Guard, literal
from tests.counts import scaled
from tests.fakes.config_documents import document

EXAMPLES = scaled(quick=200, full=5_000)
DOCUMENT = document().encode()
GUARD = Guard((), (465, 587))

pieces = st.one_of(
    st.binary(max_size=20),
    st.text(max_size=20).map(str.encode),
    st.sampled_from(
        [b"<", b">", b"&#0;", b"<![CDATA[", b"]]>", b"<?x?>", b"%EMAILDOMAIN%", b"\xff\xfe", b"<!--", b'"']
    ),
)
altered = st.tuples(st.integers(0, len(DOCUMENT)), st.integers(0, 40), pieces).map(
    lambda change: DOCUMENT[: change[0]] + change[2] + DOCUMENT[change[0] + change[1] :]
)
locations = st.one_of(
    st.text(max_size=60),
    st.tuples(
        st.sampled_from(["https://", "http://", "//", "https:", "/", "https:////", "ftp://", "https://ada@"]),
        st.text(alphabet="a.-_:@[]%/?#\\①ä\u202e\u200b 0x1", max_size=40),
    ).map("".join),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.one_of(altered, st.binary(max_size=200)))
def test_whatever_stands_in_a_document_it_names_a_server_or_is_unusable(content: bytes) -> None:
    with suppress(UnusableError):
        read = read_autoconfig(content, "lovelace.example", GUARD)
        assert read.port in GUARD.allowed_ports
        assert literal(read.host) is None
        assert not set(read.host) & set("%@/: ")
        assert "%" not in read.login


@settings(max_examples=EXAMPLES, deadline=None)
@example("//[]@")
@given(locations)
def test_wherever_a_redirect_leads_it_is_an_https_address_by_name_or_refused(location: str) -> None:
    with suppress(FetchError):
        url = followed(URL("https://autoconfig.lovelace.example/x"), location)
        assert (url.scheme, url.port, url.user, url.password) == ("https", 443, None, None)
        assert url.raw_host
        assert literal(url.raw_host) is None
