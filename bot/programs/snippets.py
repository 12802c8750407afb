"""Settings for known programs, as they are typed or pasted there; a placeholder stands for the token.

Each writes the values of `ProgramSettings` as its program wants them. The tests send with the real program where there
is one.
"""

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from bot.programs.program_settings import ProgramSettings, ServerSettings
from bot.smtp.account import Encryption

TOKEN_PLACEHOLDER = "PASTE-THE-TOKEN-HERE"  # noqa: S105 - it stands for one
_SOMEBODY = "grace@navy.example"


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """The settings of one program: its name, a sentence on where they go, and the lines."""

    id: str
    program: str
    note: str
    lines: tuple[str, ...]


def snippets(settings: ProgramSettings) -> tuple[Snippet, ...]:
    """Return the snippets for one person's programs; without a server, those that send through the web alone."""
    return (*(_through_server(settings.address, settings.server) if settings.server else ()), *_through_web(settings))


def find_snippet(settings: ProgramSettings, snippet_id: str) -> Snippet | None:
    """Return the snippet with this id; None where there is none, or none without a server."""
    return next((snippet for snippet in snippets(settings) if snippet.id == snippet_id), None)


def _through_server(address: str, server: ServerSettings) -> tuple[Snippet, ...]:
    makers: tuple[Callable[[str, ServerSettings], Snippet], ...] = (
        _markmagic,
        _javamail,
        _dotnet,
        _php,
        _python,
        _postfix,
        _msmtp,
        _curl,
        _scanner,
        _grafana,
        _gitlab,
        _nextcloud,
    )
    return tuple(make(address, server) for make in makers)


def _through_web(settings: ProgramSettings) -> tuple[Snippet, ...]:
    message = json.dumps({"to": [_SOMEBODY], "subject": "Label 4711", "text": "The label is printed."})
    send_api = Snippet(
        id="api",
        program="Send API",
        note="One request is one message. Idempotency-Key makes it safe to ask again when a connection broke.",
        lines=(
            f"curl {shlex.quote(f'{settings.api_url}/v1/send')} \\",
            f"  -H 'Authorization: Bearer {TOKEN_PLACEHOLDER}' \\",
            "  -H 'Content-Type: application/json' -H 'Idempotency-Key: label-4711' \\",
            f"  -d {shlex.quote(message)}",
        ),
    )
    environment = f"EMAIL_PROFILE_TOKEN_FILE=/etc/email-profile-token EMAIL_PROFILE_URL={settings.api_url}"
    sendmail = Snippet(
        id="sendmail",
        program="cron, PHP mail()",
        note="In place of the sendmail command. The token stands in a file that one user alone can read: put the user "
        "that PHP or cron sends as in place of www-data, and its whole path in place of email-profile-bot.",
        lines=(
            f"install -m 600 -o www-data /dev/stdin /etc/email-profile-token <<< {TOKEN_PLACEHOLDER}",
            "; php.ini",
            f'sendmail_path = "/usr/bin/env {environment} email-profile-bot sendmail -t -i"',
            "# for cron: /usr/sbin/sendmail (mode 755)",
            "#!/bin/sh",
            f'{environment} exec email-profile-bot sendmail "$@"',
        ),
    )
    return send_api, sendmail


def _markmagic(address: str, server: ServerSettings) -> Snippet:
    extra = {Encryption.SSL: "SSL Y", Encryption.TLS: "TLS Y", Encryption.NONE: ""}[server.encryption]
    return Snippet(
        id="markmagic",
        program="MarkMagic",
        note="In “Edit Email Information”.",
        lines=(
            f"Email Address            {address}",
            f"User/Login               {address}",
            f"Password                 {TOKEN_PLACEHOLDER}",
            f"SMTP Server Address      {server.host}",
            f"Port                     {server.port}",
            "Authentication Required  Y",
            *([f"Extra Configurations     {extra}"] if extra else []),
        ),
    )


def _javamail(address: str, server: ServerSettings) -> Snippet:
    encryption = {
        Encryption.SSL: ("mail.smtp.ssl.enable=true", "mail.smtp.ssl.checkserveridentity=true"),
        Encryption.TLS: (
            "mail.smtp.starttls.enable=true",
            "mail.smtp.starttls.required=true",
            "mail.smtp.ssl.checkserveridentity=true",
        ),
        Encryption.NONE: (),
    }[server.encryption]
    return Snippet(
        id="javamail",
        program="JavaMail",
        note="Properties of the session; the token is the password of its Authenticator. Spring Boot: begin each with "
        "spring.mail.properties.",
        lines=(
            "mail.transport.protocol=smtp",
            f"mail.smtp.host={server.host}",
            f"mail.smtp.port={server.port}",
            "mail.smtp.auth=true",
            *encryption,
            f"mail.smtp.user={address}",
            f"mail.smtp.from={address}",
            f"# password: {TOKEN_PLACEHOLDER}",
        ),
    )


def _dotnet(address: str, server: ServerSettings) -> Snippet:
    option = {Encryption.SSL: "SslOnConnect", Encryption.TLS: "StartTls", Encryption.NONE: "None"}[server.encryption]
    host, user = json.dumps(server.host), json.dumps(address, ensure_ascii=False)
    return Snippet(
        id="dotnet",
        program=".NET (MailKit)",
        note="MailKit, since System.Net.Mail.SmtpClient knows STARTTLS alone and is no longer developed.",
        lines=(
            "using var client = new MailKit.Net.Smtp.SmtpClient();",
            f"await client.ConnectAsync({host}, {server.port}, MailKit.Security.SecureSocketOptions.{option});",
            f'await client.AuthenticateAsync({user}, "{TOKEN_PLACEHOLDER}");',
            "await client.SendAsync(message);",
            "await client.DisconnectAsync(true);",
        ),
    )


def _php(address: str, server: ServerSettings) -> Snippet:
    encryption = {
        Encryption.SSL: ("$mail->SMTPSecure = PHPMailer::ENCRYPTION_SMTPS;",),
        Encryption.TLS: ("$mail->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;",),
        Encryption.NONE: ("$mail->SMTPSecure = '';", "$mail->SMTPAutoTLS = false;"),
    }[server.encryption]
    return Snippet(
        id="php",
        program="PHP (PHPMailer)",
        note="With PHPMailer. For PHP's own mail(), choose “cron, PHP mail()” in the menu.",
        lines=(
            "$mail->isSMTP();",
            f"$mail->Host = {_single_quoted(server.host)};",
            f"$mail->Port = {server.port};",
            *encryption,
            "$mail->SMTPAuth = true;",
            f"$mail->Username = {_single_quoted(address)};",
            f"$mail->Password = '{TOKEN_PLACEHOLDER}';",
            f"$mail->setFrom({_single_quoted(address)});",
        ),
    )


def _python(address: str, server: ServerSettings) -> Snippet:
    context = "context=ssl.create_default_context()"
    client = "smtplib.SMTP_SSL" if server.encryption is Encryption.SSL else "smtplib.SMTP"
    more = f", {context}" if server.encryption is Encryption.SSL else ""
    return Snippet(
        id="python",
        program="Python (smtplib)",
        note="message is an email.message.EmailMessage.",
        lines=(
            "import smtplib, ssl",
            f"with {client}({server.host!r}, {server.port}{more}) as client:",
            *([f"    client.starttls({context})"] if server.encryption is Encryption.TLS else []),
            f"    client.login({address!r}, {TOKEN_PLACEHOLDER!r})",
            "    client.send_message(message)",
        ),
    )


def _postfix(address: str, server: ServerSettings) -> Snippet:
    verified = ("smtp_tls_security_level = verify", "smtp_tls_CApath = /etc/ssl/certs")
    encryption = {
        Encryption.SSL: (*verified, "smtp_tls_wrappermode = yes"),
        Encryption.TLS: verified,
        Encryption.NONE: ("smtp_tls_security_level = none",),
    }[server.encryption]
    return Snippet(
        id="postfix",
        program="Postfix",
        note="Postfix then queues for programs that cannot try again. Each sender has a line of their own in "
        "sasl_passwd; run postmap /etc/postfix/sasl_passwd after a change.",
        lines=(
            "# /etc/postfix/main.cf",
            f"relayhost = [{server.host}]:{server.port}",
            "smtp_sasl_auth_enable = yes",
            "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd",
            "smtp_sasl_security_options = noanonymous",
            "smtp_sender_dependent_authentication = yes",
            *encryption,
            "# /etc/postfix/sasl_passwd (mode 600)",
            f"{address} {address}:{TOKEN_PLACEHOLDER}",
        ),
    )


def _msmtp(address: str, server: ServerSettings) -> Snippet:
    encryption = {
        Encryption.SSL: ("tls on", "tls_starttls off"),
        Encryption.TLS: ("tls on", "tls_starttls on"),
        Encryption.NONE: ("tls off",),
    }[server.encryption]
    return Snippet(
        id="msmtp",
        program="msmtp",
        note="In ~/.msmtprc, which its user alone can read (mode 600).",
        lines=(
            "account default",
            f"host {server.host}",
            f"port {server.port}",
            *encryption,
            "auth plain",
            f"user {address}",
            f"from {address}",
            f"password {TOKEN_PLACEHOLDER}",
        ),
    )


def _curl(address: str, server: ServerSettings) -> Snippet:
    scheme = "smtps" if server.encryption is Encryption.SSL else "smtp"
    host = f"[{server.host}]" if ":" in server.host else server.host
    required = " --ssl-reqd" if server.encryption is Encryption.TLS else ""
    return Snippet(
        id="curl",
        program="curl",
        note="letter.eml is the whole message, with From, To and Subject. Where its lines end in CR LF already, leave "
        "out --crlf.",
        lines=(
            f"curl --url {shlex.quote(f'{scheme}://{host}:{server.port}')}{required} \\",
            f"  --user {shlex.quote(f'{address}:{TOKEN_PLACEHOLDER}')} \\",
            f"  --mail-from {shlex.quote(address)} --mail-rcpt {_SOMEBODY} \\",
            "  --crlf --upload-file letter.eml",
        ),
    )


def _scanner(address: str, server: ServerSettings) -> Snippet:
    encryption = {Encryption.SSL: "SSL/TLS (not STARTTLS)", Encryption.TLS: "STARTTLS", Encryption.NONE: "off"}[
        server.encryption
    ]
    return Snippet(
        id="scanner",
        program="Scanner, printer",
        note="In the device's web page, under Email or Scan to email. The names differ a little from maker to maker.",
        lines=(
            f"SMTP server            {server.host}",
            f"SMTP port              {server.port}",
            f"Encryption             {encryption}",
            "SMTP authentication    on (PLAIN or LOGIN)",
            f"User name              {address}",
            f"Password               {TOKEN_PLACEHOLDER}",
            f"Sender / From address  {address}",
        ),
    )


def _grafana(address: str, server: ServerSettings) -> Snippet:
    policy = "MandatoryStartTLS" if server.encryption is Encryption.TLS else "NoStartTLS"
    note = "Environment variables."
    if server.encryption is Encryption.SSL and server.port != 465:
        note = "Environment variables. Grafana speaks SSL from the first byte on port 465 alone."
    return Snippet(
        id="grafana",
        program="Grafana",
        note=note,
        lines=(
            "GF_SMTP_ENABLED=true",
            f"GF_SMTP_HOST={server.host}:{server.port}",
            f"GF_SMTP_USER={address}",
            f"GF_SMTP_PASSWORD={TOKEN_PLACEHOLDER}",
            f"GF_SMTP_FROM_ADDRESS={address}",
            f"GF_SMTP_STARTTLS_POLICY={policy}",
        ),
    )


def _gitlab(address: str, server: ServerSettings) -> Snippet:
    starttls = str(server.encryption is Encryption.TLS).lower()
    return Snippet(
        id="gitlab",
        program="GitLab",
        note="In /etc/gitlab/gitlab.rb; then gitlab-ctl reconfigure.",
        lines=(
            "gitlab_rails['smtp_enable'] = true",
            f"gitlab_rails['smtp_address'] = {_single_quoted(server.host)}",
            f"gitlab_rails['smtp_port'] = {server.port}",
            f"gitlab_rails['smtp_user_name'] = {_single_quoted(address)}",
            f"gitlab_rails['smtp_password'] = '{TOKEN_PLACEHOLDER}'",
            "gitlab_rails['smtp_authentication'] = 'login'",
            f"gitlab_rails['smtp_tls'] = {str(server.encryption is Encryption.SSL).lower()}",
            f"gitlab_rails['smtp_enable_starttls_auto'] = {starttls}",
            f"gitlab_rails['gitlab_email_from'] = {_single_quoted(address)}",
        ),
    )


def _nextcloud(address: str, server: ServerSettings) -> Snippet:
    local, _, domain = address.rpartition("@")
    return Snippet(
        id="nextcloud",
        program="Nextcloud",
        note="In config/config.php. Without “ssl” Nextcloud uses STARTTLS where the server offers it.",
        lines=(
            "'mail_smtpmode' => 'smtp',",
            f"'mail_smtphost' => {_single_quoted(server.host)},",
            f"'mail_smtpport' => {server.port},",
            f"'mail_smtpsecure' => '{'ssl' if server.encryption is Encryption.SSL else ''}',",
            "'mail_smtpauth' => true,",
            f"'mail_smtpname' => {_single_quoted(address)},",
            f"'mail_smtppassword' => '{TOKEN_PLACEHOLDER}',",
            f"'mail_from_address' => {_single_quoted(local)},",
            f"'mail_domain' => {_single_quoted(domain)},",
        ),
    )


def _single_quoted(text: str) -> str:
    """Return a text as PHP and Ruby quote it: in single quotes, where a backslash guards these and itself."""
    guarded = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{guarded}'"
