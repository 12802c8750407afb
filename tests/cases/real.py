"""The cases whose server is a real one, set up as their files say."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.cases.case import Case
from tests.cases.world import LOOPBACK, World, names_of
from tests.fakes.real_servers import Mailbox, missing, postfix

SETUPS: Mapping[str, Mapping[str, Any]] = {
    "P01": {"mechanisms": "plain login cram-md5", "restrictions": "", "scheme": "SHA512-CRYPT"},
    "P02": {"restrictions": "smtpd_sender_restrictions = reject_unknown_sender_domain\n"},
    "P05": {
        "restrictions": "smtpd_recipient_restrictions = check_recipient_access inline:{ { full@corp.example = "
        "552 5.2.2 Quota exceeded (mailbox for user is full) } }, permit_sasl_authenticated, reject\n"
    },
}
"""By the beginning of a case's name: what differs from a plain Postfix with Dovecot."""


def lacking(case: Case) -> str:
    """Say what is missing here for a case; empty where nothing is."""
    if not case.real:
        return "" if socket.has_ipv6 or all(":" not in server.ip for server in case.servers) else "needs IPv6"
    if absent := missing("postfix", "dovecot"):
        return f"needs {absent}"
    if os.geteuid() != 0:
        return "needs root: Postfix changes to users of its own"
    return "" if case.id in SETUPS else f"no server is set up for {case.id}"


@contextmanager
def real(case: Case) -> Iterator[World]:
    """Let the case's server run until the block ends."""
    given = dict(SETUPS[case.id])
    mailbox = Mailbox(login=case.profile.login, password=case.profile.password, scheme=given.pop("scheme", "PLAIN"))
    with postfix(host=case.profile.host, mailbox=mailbox, **given) as server:
        ports = {(LOOPBACK, 587): server.starttls_port, (LOOPBACK, 465): server.tls_port}
        yield World(names_of(case), ports, server.authority_file.read_text())
