"""What people typed, on its way into a header that the standard library writes."""


def header_text(text: str) -> str:
    """Return a text in which the library finds no encoded word (RFC 2047): it reads them in whatever it is given.

    So `=?utf-8?q?x=0D=0ABcc:_y?=` in a subject or a name would write a header of its own, or end the headers.
    """
    return text.replace("=?", "= ?")
