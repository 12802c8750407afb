"""An endpoint at which a mail server asks whose a token is (RFC 7662)."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@contextmanager
def token_endpoint(tokens: Mapping[str, str]) -> Iterator[str]:
    """Answer until the block ends, by token whose it is; yield the address, to which a token is appended."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            (token,) = parse_qs(urlsplit(self.path).query)["token"]
            login = tokens.get(token)
            found = {"username": login} if login else {"error": "invalid_token"}
            body = json.dumps(found).encode()
            self.send_response(200 if login else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write nothing down: the address holds the token."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/?token="
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
