"""What a server sends is hostile text: it is bounded, and shown as one printable line."""

import unicodedata

MAX_TEXT_LENGTH = 200


def clean(text: str, *, most: int = MAX_TEXT_LENGTH) -> str:
    """Return one printable line of at most `most` characters; what is invisible becomes a blank."""
    # Cc, Cf, Co, Cs: control, format (bidi, zero-width), private use, lone surrogates.
    visible = (" " if unicodedata.category(character).startswith(("C", "Z")) else character for character in text)
    line = " ".join("".join(visible).split())
    return line if len(line) <= most else line[: most - 1] + "…"
