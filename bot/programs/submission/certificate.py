"""The certificate of the submission server, read anew when its files change."""

import logging
import ssl
from pathlib import Path

log = logging.getLogger(__name__)

_State = tuple[tuple[int, int, int], ...]


class CertificateError(Exception):
    """Certificate and key cannot be used. `str(error)` says why, as the end of a sentence."""


class ServerCertificate:
    """A certificate and its key in two files, PEM."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read both.

        Raises:
            CertificateError: they cannot be read, or do not belong together.
        """
        self._files = (certificate, key)
        self._state = self._state_of_files()
        self._context = context_with(certificate, key)

    def context(self) -> ssl.SSLContext:
        """Return the context for a new connection; as long as changed files cannot be used, the one before."""
        state = self._state_of_files()
        if state != self._state:
            self._state = state
            try:
                self._context = context_with(*self._files)
            except CertificateError as error:
                log.warning("The new certificate for programs is not used, the one before still is: %s.", error)
            else:
                log.info("The certificate for programs was read anew.")
        return self._context

    def _state_of_files(self) -> _State:
        """Return what differs once a file was written or replaced."""
        try:
            return tuple((found.st_ino, found.st_mtime_ns, found.st_size) for found in map(Path.stat, self._files))
        except OSError:
            return ()


def context_with(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a server's context, TLS 1.2 or later.

    Raises:
        CertificateError: the files cannot be read, or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        # Without a password OpenSSL would ask for one at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        # The second: the key is of another kind than the certificate, as RSA is than that of an elliptic curve.
        if "MISMATCH" in (error.reason or "") or error.reason == "NO_CERTIFICATE_ASSIGNED":
            raise CertificateError("the key is not that of the certificate") from None
        raise CertificateError("they are no PEM files, or the key is protected by a password") from None
    except OSError as error:
        raise CertificateError(f"a file cannot be read ({error.strerror})") from None
    return context
