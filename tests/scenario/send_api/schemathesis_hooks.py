"""How schemathesis writes a letter as message/rfc822, which no schema can say: whatever it generates is the text."""

import base64

import schemathesis

HEADER = b"From: ada@mail.test\r\nTo: grace@mail.test\r\nContent-Transfer-Encoding: base64\r\n\r\n"


@schemathesis.serializer("message/rfc822")
def write_letter(_context: schemathesis.SerializationContext, value: object) -> bytes:
    """Return a letter with a value as its text."""
    text = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
    return HEADER + base64.encodebytes(text).replace(b"\n", b"\r\n")
