"""Slack's signature of an HTTP request, checked over the bytes that came, before anything of them is parsed.

https://docs.slack.dev/authentication/verifying-requests-from-slack/ (the timestamp, its five minutes, the base string)
"""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping

from pydantic import SecretStr

TIMESTAMP = "X-Slack-Request-Timestamp"
SIGNATURE = "X-Slack-Signature"

MAX_AGE_SECONDS = 300

_SECONDS_SINCE_1970 = re.compile(r"[0-9]{1,12}")
"""Enough digits for the next thirty thousand years."""

_SHA256 = re.compile(r"v0=[0-9a-f]{64}")


def age_seconds(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds ago a request was signed, as it says itself; None where it tells no time."""
    timestamp = headers.get(TIMESTAMP, "")
    return time.time() - int(timestamp) if _SECONDS_SINCE_1970.fullmatch(timestamp) else None


class SlackSignature:
    """Tells what Slack signed just now from everything else."""

    def __init__(self, secret: SecretStr) -> None:
        self._secret = secret

    def may_fit(self, headers: Mapping[str, str]) -> bool:
        """Whether a request may be Slack's by its headers alone: signed in form, and within the last five minutes."""
        age = age_seconds(headers)
        return (
            age is not None
            and abs(age) <= MAX_AGE_SECONDS
            and _SHA256.fullmatch(headers.get(SIGNATURE, "")) is not None
        )

    def fits(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether Slack signed exactly this body; what `may_fit` refuses never fits."""
        if not self.may_fit(headers):
            return False
        signed = b"v0:%s:%s" % (headers[TIMESTAMP].encode(), body)
        expected = hmac.new(self._secret.get_secret_value().encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(f"v0={expected}", headers[SIGNATURE])
