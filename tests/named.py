"""Cases that one test goes through in a loop: hundreds of small tests would cost more than what they test."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def case(name: object) -> Iterator[None]:
    """Name a case below whatever fails in the block."""
    try:
        yield
    except Exception as error:
        error.add_note(f"The case: {name}")
        raise
