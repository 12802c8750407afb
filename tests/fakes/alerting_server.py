"""A small mail server on blocking sockets: unlike asyncio's, its failed handshakes send the alert that says why."""

import socket
import ssl
import threading
from contextlib import suppress
from types import TracebackType

_OFFERED = b"250-mail.test\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"


class AlertingServer:
    """Greets, switches to TLS with `context` (at once when `implicit`), and answers 250 to whatever comes then."""

    def __init__(self, context: ssl.SSLContext, *, implicit: bool = False) -> None:
        self._context = context
        self._implicit = implicit
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.lines: list[bytes] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> "AlertingServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing alone does not wake up who waits in accept().
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(timeout=5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            connection.settimeout(5)
            with connection, suppress(OSError):
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        if not self._implicit:
            connection.sendall(b"220 mail.test ESMTP\r\n")
            for answer in (_OFFERED, b"220 2.0.0 go ahead\r\n"):
                self.lines.append(connection.recv(4096))
                connection.sendall(answer)
        with connection.dup() as still_open:
            try:
                encrypted = self._context.wrap_socket(connection, server_side=True)
            except ssl.SSLError:
                # What is left unread would make the system reset the connection, and lose the alert.
                still_open.shutdown(socket.SHUT_WR)
                while still_open.recv(4096):
                    pass
                return
        with encrypted:
            if self._implicit:
                encrypted.sendall(b"220 mail.test ESMTP\r\n")
            while line := encrypted.recv(4096):
                self.lines.append(line)
                encrypted.sendall(b"250 mail.test\r\n")
