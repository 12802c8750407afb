"""Requests that no browser makes, each with the path of a private link somewhere in it."""

import re
from collections.abc import Mapping
from urllib.parse import quote

END = b"\r\n\r\n"
GET = b"GET <path> HTTP/1.1\r\nHost: <host>\r\n"
POST = b"POST <path> HTTP/1.1\r\nHost: <host>\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
PARTS = b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 40" + END + b"--x\r\n"

MALFORMED: Mapping[str, bytes] = {
    "no version": b"GET <path>" + END,
    "an unknown version": b"GET <path> HTTP/9.9" + END,
    "a version that is none": b"GET <path> HTTP/one.one" + END,
    "three paths": b"<path> <path> <path>" + END,
    "the path alone": b"<path>" + END,
    "the path as method": b"<path without its slash> / HTTP/1.1" + END,
    "an unknown method": b"G@T <path> HTTP/1.1" + END,
    "lower case": b"get <path> http/1.1" + END,
    "blanks in the path": b"GET <path> and more HTTP/1.1" + END,
    "control characters": b"GET <path>\x00\x01\x7f HTTP/1.1" + END,
    "bytes that are no UTF-8": b"GET <path>\xff\xfe HTTP/1.1" + END,
    "letters beyond ASCII": "GET <path>ü漢 HTTP/1.1".encode() + END,
    "half a surrogate": b"GET <path>%ed%a0%80 HTTP/1.1" + END,
    "percent without digits": b"GET <path>%zz%/%u0041% HTTP/1.1" + END,
    "a NUL, encoded": b"GET <path>%00 HTTP/1.1" + END,
    "a NUL in the person": b"GET <path with a NUL in the person> HTTP/1.1" + END,
    "a person who is none": b"GET <path with half a surrogate in the person> HTTP/1.1" + END,
    "everything encoded": b"GET /<path encoded> HTTP/1.1" + END,
    "encoded twice": b"GET /<path encoded twice> HTTP/1.1" + END,
    "dots": b"GET /../%2e%2e/x/..<path>/../. HTTP/1.1" + END,
    "a slash too many": b"GET /<path>/ HTTP/1.1" + END,
    "absolute": b"GET http://<host><path> HTTP/1.1\r\nHost: <host>" + END,
    "absolute, elsewhere": b"GET https://user:secret@elsewhere.test<path> HTTP/1.1" + END,
    "absolute, a port too high": b"GET http://x:99999<path> HTTP/1.1" + END,
    "absolute, no port": b"GET http://x:port<path> HTTP/1.1" + END,
    "absolute, half an address": b"GET http://[::1<path> HTTP/1.1" + END,
    "absolute, no host": b"GET http://<path> HTTP/1.1" + END,
    "another scheme": b"GET ftp://x<path> HTTP/1.1" + END,
    "authority": b"CONNECT <host><path> HTTP/1.1" + END,
    "a fragment": b"GET <path>#<path>?<path> HTTP/1.1" + END,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n<path>" + END,
    "HTTP/2, afterwards": GET + b"\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n<path>" + END,
    "an upgrade": GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk" + END,
    "a WebSocket": GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13" + END,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"<path>" * 9 + END,
    "a header without a colon": GET + b"<path>" + END,
    "a header's name that is none": GET + b"<path>: x" + END,
    "a header folded": GET + b"X: y\r\n <path>" + END,
    "a header with a NUL": GET + b"Referer: <path>\x00" + END,
    "a bare line feed": b"GET <path> HTTP/1.1\nHost: <host>\nReferer: <path>\n\n",
    "two hosts": GET + b"Host: <path>" + END,
    "no host": b"GET <path> HTTP/1.1" + END,
    "a line too long": b"GET <path>" + b"x" * 20_000 + b" HTTP/1.1" + END,
    "a query too long": b"GET <path>?" + b"<path>" * 900 + b" HTTP/1.1" + END,
    "a header too long": GET + b"Referer: " + b"<path>" * 900 + END,
    "headers too many": GET + b"".join(b"X-%d: <path>\r\n" % number for number in range(999)) + END,
    "cookies that are none": GET + b'Cookie: <path>=<path>; "<path>; =; ;;[]' + END,
    "a length that is none": POST + b"Content-Length: <path>" + END,
    "a length below zero": POST + b"Content-Length: -1" + END + b"<path>",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2" + END + b"<path>",
    "length and chunks": POST + b"Content-Length: 9\r\nTransfer-Encoding: chunked" + END + b"<path>",
    "chunks that are none": POST + FORM + b"Transfer-Encoding: chunked" + END + b"<path>\r\n",
    "a chunk cut off": POST + FORM + b"Transfer-Encoding: chunked" + END + b"5\r\nmark=\r\nzz\r\n<path>",
    "an unknown encoding": POST + b"Transfer-Encoding: <path>" + END,
    "gzip that is none": POST + FORM + b"Content-Encoding: gzip\r\nContent-Length: 9" + END + b"mark=abcd",
    "parts without an end": POST + PARTS + b"Content-Disposition: /password/U0A",
    "parts whose heads are none": POST + PARTS + b"/password/U0ADA\xff\xff:::\r\n\r\n12345678901",
    "a form in no encoding": POST + b"Content-Type: text/plain; charset=<path>\r\nContent-Length: 1" + END + b"x",
    "expecting something": POST + b"Expect: <path>\r\nContent-Length: 1" + END + b"x",
    "hung up": POST + FORM + b"Content-Length: 999" + END + b"mark=",
    "asked twice at once": GET + b"\r\n" + GET + b"\r\nGET <path>\x00" + END,
    "metrics": b"GET /metrics?<path> HTTP/9.1\r\nHost: <host>" + END,
    "Slack's address": b"POST /slack/events<path> HTTP/1.1\r\nX-Slack-Signature: <path>" + END,
}


def malformed(path: str, host: str) -> dict[str, bytes]:
    """Return the requests by name, for the path of a link at a host."""
    encoded = quote(path, safe="")
    pieces = {
        "path": path,
        "path without its slash": path[1:],
        "path with a NUL in the person": path.replace("/U", "/U%00", 1),
        "path with half a surrogate in the person": path.replace("/U", "/%ed%a0%80u", 1),
        "path encoded": encoded,
        "path encoded twice": quote(encoded, safe=""),
        "host": host,
    }
    return {
        name: re.sub(rb"<([\w ]+)>", lambda found: pieces[found[1].decode()].encode(), request)
        for name, request in MALFORMED.items()
    }
