"""Real mail servers on the loopback: Postfix with Dovecot's sign-in, and Exim; each in a folder of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from tests.fakes.smtp_server import HOST, LOGIN

SECRET = "correct horse battery"
OTHER = "boss@mail.test"
STRANGER = "somebody@elsewhere.test"
UNKNOWN_DOMAIN = "corp.invalid"


@dataclass(frozen=True)
class RealServer:
    """A running server: its ports for STARTTLS and for TLS from the first byte, and whom to trust."""

    starttls_port: int
    tls_port: int
    authority_file: Path


def missing(*programs: str) -> str:
    """Name the programs that are not installed, or lack a library to start; empty when all are there."""
    return ", ".join(program for program in programs if not _starts(program))


def _starts(program: str) -> bool:
    path = shutil.which(program)
    if path is None:
        return False
    # A program that misses a library exits with 127; what else it makes of the option does not matter.
    return subprocess.run([path, "--version"], capture_output=True, check=False).returncode != 127


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that nobody uses now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextmanager
def server_folder() -> Iterator[Path]:
    """Make a folder for a mail server, until the block ends."""
    # The servers run as users of their own, who must get in here; their socket paths must be short.
    with tempfile.TemporaryDirectory(prefix="mta") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextmanager
def _certified_folder(host: str) -> Iterator[Path]:
    with server_folder() as folder:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "authority.pem")
        issued = authority.issue_cert(host)
        issued.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        yield folder


def wait_for_port(port: int, log: Path) -> None:
    """Wait until something listens there; raise a RuntimeError with the log when nothing does."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {log.read_text() if log.exists() else 'no log'}")


OWN_ADDRESS = f"""
smtpd_sender_login_maps = inline:{{ {{ {LOGIN} = {LOGIN} }}, {{ {OTHER} = {OTHER} }} }}
smtpd_sender_restrictions = reject_sender_login_mismatch
"""
"""Each login may send only as itself."""


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    """The one account of a server; `scheme` is the form in which Dovecot keeps its password."""

    login: str = LOGIN
    password: str = field(default=SECRET, repr=False)
    scheme: str = "PLAIN"

    def line(self) -> str:
        """Return its line in Dovecot's file of users."""
        kept = f"{{PLAIN}}{self.password}"
        if self.scheme != "PLAIN":
            command = ["doveadm", "-c", os.devnull, "pw", "-s", self.scheme, "-p", self.password]
            kept = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        return f"{self.login}:{kept}\n"


@contextmanager
def postfix(
    *,
    host: str = HOST,
    mailbox: Mailbox | None = None,
    mechanisms: str = "plain login",
    restrictions: str = OWN_ADDRESS,
    introspection_url: str = "",
) -> Iterator[RealServer]:
    """Run Postfix, with Dovecot to check passwords, or tokens at an address; `restrictions` are lines of main.cf."""
    starttls_port, tls_port = free_ports(2)
    with _certified_folder(host) as folder:
        (folder / "server.pem").chmod(0o600)
        (folder / "spool" / "private").mkdir(parents=True)
        shutil.chown(folder / "spool" / "private", "postfix")
        (folder / "data").mkdir()
        shutil.chown(folder / "data", "postfix")
        (folder / "postfix").mkdir()
        (folder / "postfix" / "main.cf").write_text(_main_cf(folder, host) + restrictions)
        (folder / "postfix" / "master.cf").write_text(_master_cf(starttls_port, tls_port))
        (folder / "users").write_text((mailbox or Mailbox()).line())
        tokens = _token_passdb(folder, introspection_url) if introspection_url else ""
        (folder / "dovecot.conf").write_text(_dovecot_conf(folder, mechanisms, tokens))
        dovecot = ["dovecot", "-c", str(folder / "dovecot.conf"), "-F"]
        authentication = subprocess.Popen(dovecot, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        control = ["postfix", "-c", str(folder / "postfix")]
        try:
            subprocess.run([*control, "start"], check=True, capture_output=True)
            wait_for_port(starttls_port, folder / "mail.log")
            _wait_for_file(folder / "spool" / "private" / "auth")
            yield RealServer(starttls_port, tls_port, folder / "authority.pem")
        finally:
            subprocess.run([*control, "abort"], check=False, capture_output=True)
            authentication.terminate()
            authentication.wait(10)


def _wait_for_file(path: Path) -> None:
    for _ in range(200):
        if path.exists():
            return
        time.sleep(0.05)
    raise RuntimeError(f"{path.name} did not appear")


def _main_cf(folder: Path, host: str) -> str:
    return f"""
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/mail.log
maillog_file_prefixes = /
myhostname = {host}
mydestination = {host}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
local_recipient_maps = inline:{{ {{ {LOGIN} = ok }} }}
smtpd_tls_chain_files = {folder}/server.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_peername_lookup = no
# Who makes mistakes is kept waiting for a second each time; so it is with Dovecot below.
smtpd_error_sleep_time = 0
"""


def _master_cf(starttls_port: int, tls_port: int) -> str:
    return f"""
127.0.0.1:{starttls_port} inet n - n - - smtpd
127.0.0.1:{tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
qmgr unix n - n 300 1 qmgr
defer unix - - n - 0 bounce
bounce unix - - n - 0 bounce
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
"""


def _dovecot_conf(folder: Path, mechanisms: str, tokens: str) -> str:
    return f"""
base_dir = {folder}/dovecot
log_path = {folder}/dovecot.log
protocols =
ssl = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
{tokens}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  unix_listener {folder}/spool/private/auth {{
    mode = 0660
    user = postfix
    group = postfix
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


def _token_passdb(folder: Path, introspection_url: str) -> str:
    """Let Dovecot ask at an address whose a token is (RFC 7662, in its simpler form with GET)."""
    file = folder / "oauth2.conf"
    file.write_text(
        f"introspection_mode = get\nintrospection_url = {introspection_url}\nusername_attribute = username\n"
    )
    return f"""
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {file}
}}
"""


@contextmanager
def exim() -> Iterator[RealServer]:
    """Run Exim; each login may send only as itself."""
    starttls_port, tls_port = free_ports(2)
    with _certified_folder(HOST) as folder:
        for name in ("server.pem", "authority.pem"):
            (folder / name).chmod(0o644)
        (folder / "spool").mkdir()
        shutil.chown(folder / "spool", "Debian-exim")
        (folder / "exim.conf").write_text(_exim_conf(folder, starttls_port, tls_port))
        command = ["exim4", "-C", str(folder / "exim.conf"), "-bdf"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(starttls_port, folder / "spool" / "mainlog")
            yield RealServer(starttls_port, tls_port, folder / "authority.pem")
        finally:
            server.terminate()
            server.wait(10)


def _exim_conf(folder: Path, starttls_port: int, tls_port: int) -> str:
    return f"""
primary_hostname = {HOST}
spool_directory = {folder}/spool
log_file_path = {folder}/spool/%slog
keep_environment =
pid_file_path = {folder}/spool/exim.pid
daemon_smtp_ports = {starttls_port} : {tls_port}
local_interfaces = 127.0.0.1
tls_on_connect_ports = {tls_port}
tls_certificate = {folder}/server.pem
tls_privatekey = {folder}/server.pem
tls_advertise_hosts = *
exim_user = Debian-exim
exim_group = Debian-exim
acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt
host_lookup =
rfc1413_query_timeout = 0s
begin acl
check_mail:
  deny authenticated = *
       !senders = *@{UNKNOWN_DOMAIN}
       condition = ${{if !eqi{{$sender_address}}{{$authenticated_id}}}}
       message = Sender address not owned by $authenticated_id
  accept
check_rcpt:
  deny senders = *@{UNKNOWN_DOMAIN}
       !verify = sender
  accept authenticated = *
  deny message = relay not permitted
begin routers
elsewhere:
  driver = dnslookup
  verify_only
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{LOGIN}}}}}{{eq{{$auth3}}{{{SECRET}}}}}}}}}
  server_set_id = $auth2
  server_advertise_condition = ${{if def:tls_in_cipher}}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{LOGIN}}}}}{{eq{{$auth2}}{{{SECRET}}}}}}}}}
  server_set_id = $auth1
  server_advertise_condition = ${{if def:tls_in_cipher}}
"""
