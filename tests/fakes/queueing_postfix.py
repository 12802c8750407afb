"""Postfix as deploy/postfix/ configures it: a queue before the bot, in a folder of its own."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.deploy_files import read
from tests.fakes.real_servers import free_ports, missing, server_folder, wait_for_port

_SETTINGS = "/etc/postfix"
_RETURNED = "/var/spool/returned"


def lacking() -> str:
    """Name what is missing to run it; empty when all is there."""
    if absent := missing("postfix"):
        return absent
    # Without it the client of Postfix knows no mechanism; Debian has it in libsasl2-modules.
    plugins = [*Path("/usr/lib").glob("*/sasl2/libplain.so"), *Path("/usr/lib").glob("sasl2/libplain.so")]
    if not plugins and not any(Path("/usr/lib64/sasl2").glob("libplain.so")):
        return "Cyrus SASL's plug-in PLAIN"
    return "" if os.geteuid() == 0 else "root, since Postfix changes to users of its own"


@dataclass(frozen=True)
class QueueingPostfix:
    """A running Postfix; `port` takes letters from this machine without a sign-in."""

    folder: Path
    port: int

    @property
    def configuration(self) -> Path:
        """The folder with main.cf, senders and tokens."""
        return self.folder / "postfix"

    @property
    def log(self) -> str:
        """All that it wrote to its log."""
        return (self.folder / "mail.log").read_text(encoding="utf-8")

    def waiting(self) -> dict[str, set[str]]:
        """Return why letters wait, by sender; empty for one that is under way."""
        reasons: dict[str, set[str]] = {}
        for line in self._run("postqueue", "-j").splitlines():
            letter = json.loads(line)
            reasons.setdefault(letter["sender"], set()).add(_reason(letter))
        return reasons

    def reason(self, sender: str) -> str:
        """Return why the letters of a sender wait; empty where none does, or one is under way."""
        reasons = self.waiting().get(sender, set())
        return "; ".join(sorted(reasons)) if all(reasons) else ""

    def tries(self, sender: str) -> int:
        """Return how often letters of a sender were deferred."""
        ids = set(re.findall(rf"qmgr\[\d+\]: (\w+): from=<{re.escape(sender)}>", self.log))
        return sum(one in ids for one in re.findall(r"smtp\[\d+\]: (\w+): .*status=deferred", self.log))

    def try_again(self) -> None:
        """Try every letter of the queue again now."""
        self._run("postqueue", "-f")

    def change_tokens(self, tokens: Mapping[str, str]) -> None:
        """Put other tokens in place of those there, by sender, as an operator does."""
        _write_tokens(self.configuration, tokens)
        self._run("postfix", "reload")

    def returned(self) -> list[bytes]:
        """Return the letters that came back, each as a notice which has the letter in it."""
        return [file.read_bytes() for file in (self.folder / "returned" / "letters" / "new").glob("*")]

    def _run(self, program: str, *arguments: str) -> str:
        command = [program, "-c", str(self.configuration), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _reason(letter: dict[str, Any]) -> str:
    # Before it is put away, a request to try again would pass it by.
    is_put_away = letter["queue_name"] == "deferred"
    return str(letter["recipients"][0].get("delay_reason", "")) if is_put_away else ""


@contextmanager
def queueing_postfix(
    *, bot: str, authority: Path, tokens: Mapping[str, str], changes: Mapping[str, str] = MappingProxyType({})
) -> Iterator[QueueingPostfix]:
    """Run Postfix before the bot at `bot`, which is written as in senders: `[host]:port`.

    `tokens` has user name and token by sender, with a colon between; `changes` are settings of main.cf by name.
    """
    (port,) = free_ports(1)
    with server_folder() as folder:
        postfix = QueueingPostfix(folder, port)
        _lay_out(postfix, authority, changes)
        (postfix.configuration / "senders").write_text("".join(f"{sender} {bot}\n" for sender in tokens))
        _write_tokens(postfix.configuration, tokens)
        control = ["postfix", "-c", str(postfix.configuration)]
        try:
            subprocess.run([*control, "start"], check=True, capture_output=True)
            wait_for_port(port, folder / "mail.log")
            yield postfix
        finally:
            subprocess.run([*control, "abort"], check=False, capture_output=True)


def _write_tokens(configuration: Path, tokens: Mapping[str, str]) -> None:
    file = configuration / "tokens"
    file.touch(mode=0o600)
    file.write_text("".join(f"{sender} {values}\n" for sender, values in tokens.items()))


def _lay_out(postfix: QueueingPostfix, authority: Path, changes: Mapping[str, str]) -> None:
    folder = postfix.folder
    for name, owner in (("postfix", "root"), ("spool", "root"), ("data", "postfix"), ("returned", "nobody")):
        (folder / name).mkdir()
        shutil.chown(folder / name, owner)
    given = read("deploy/postfix/main.cf").replace(_SETTINGS, str(postfix.configuration))
    (postfix.configuration / "main.cf").write_text(given.replace(_RETURNED, str(folder / "returned")))
    (postfix.configuration / "master.cf").write_text(_master_cf(postfix.port))
    settings = {**_of_this_folder(folder, authority), **changes}
    changed = [f"{name}={value}" for name, value in settings.items()]
    subprocess.run(["postconf", "-c", str(postfix.configuration), "-e", *changed], check=True)


def _of_this_folder(folder: Path, authority: Path) -> dict[str, str]:
    """Return what differs from a machine that has this Postfix alone."""
    return {
        "queue_directory": f"{folder}/spool",
        "data_directory": f"{folder}/data",
        "command_directory": "/usr/sbin",
        "daemon_directory": "/usr/lib/postfix/sbin",
        "mail_owner": "postfix",
        "setgid_group": "postdrop",
        "maillog_file": f"{folder}/mail.log",
        "maillog_file_prefixes": "/",
        "myhostname": "programs.test",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "smtp_tls_CAfile": str(authority),
        "smtp_host_lookup": "native",
        "smtpd_peername_lookup": "no",
    }


def _master_cf(port: int) -> str:
    """Return the services that Postfix's own master.cf has, without those for mailboxes and other mail systems."""
    return f"""
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
tlsproxy unix - - n - 0 tlsproxy
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
