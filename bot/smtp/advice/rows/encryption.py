"""Advice on TLS and certificates."""

from collections.abc import Mapping

from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.check.report import Fault

ENCRYPTION_ROWS: Mapping[When, Row] = {
    When(Fault.TLS_TO_PLAIN_PORT): Row(
        what="port {port} begins in clear text, your profile says SSL",
        why="your profile encrypts from the first byte, but this port starts unencrypted and then switches.",
        do="use TLS on this port, or change the port to 465.",
        field="encryption",
        fixes=(Fix.USE_TLS, Fix.SSL_ON_465),
        source="RFC 8314, 3.3",
    ),
    When(Fault.PLAIN_TO_TLS_PORT): Row(
        what="port {port} expects SSL, your profile says {mode}",
        why="this port is encrypted from the first byte, but your profile begins in clear text.",
        do="use SSL on this port. It was tried without your password: it answers.",
        field="encryption",
        fixes=(Fix.USE_SSL, Fix.TLS_ON_587),
        source="RFC 8314, 3.3",
    ),
    When(Fault.STARTTLS_NOT_OFFERED): Row(
        what="the server does not offer TLS on port {port}",
        why="your profile requires TLS, which this server does not offer on this port. Your password was not sent.",
        do="try port 465 with SSL, or ask your mail provider which port is encrypted.",
        field="port",
        fixes=(Fix.SSL_ON_465,),
        source="RFC 3207, 4",
    ),
    When(Fault.STARTTLS_REFUSED): Row(
        what="the server refused to switch to TLS",
        why="it offers TLS but did not start it. Your password was not sent.",
        do="try port 465 with SSL, or ask your mail provider.",
        field="port",
        fixes=(Fix.SSL_ON_465,),
        source="RFC 3207, 4",
    ),
    When(Fault.TLS_FAILED): Row(
        what="the encryption could not be set up",
        why="the TLS handshake broke down. Your password was not sent.",
        do="check that Port and encryption fit: 587 with TLS, 465 with SSL. Otherwise ask your mail provider.",
        field="encryption",
    ),
    When(Fault.TLS_TOO_OLD): Row(
        what="the server's encryption is too old",
        why="it speaks only TLS versions before 1.2, which are no longer safe. Your password was not sent.",
        do="ask your mail provider to update the server, or for another server's address.",
        field="host",
        source="RFC 8997",
    ),
    When(Fault.CERTIFICATE_EXPIRED): Row(
        what="the server's certificate has expired",
        why="its owner did not renew it in time, so the server cannot prove who it is. Your password was not sent.",
        do="tell your mail provider. There is nothing to change in your profile.",
    ),
    When(Fault.CERTIFICATE_NOT_YET_VALID): Row(
        what="the server's certificate is not valid yet",
        why="its time begins in the future, so a clock is wrong somewhere. Your password was not sent.",
        do="tell your mail provider. There is nothing to change in your profile.",
    ),
    When(Fault.CERTIFICATE_WRONG_NAME): Row(
        what="the server's certificate is for another name",
        why="the certificate does not name {host}{names}. Your password was not sent.",
        do="use a name from the certificate as SMTP Server Address, if it is your provider's.",
        field="host",
        fixes=(Fix.NAME_FROM_CERTIFICATE,),
        source="RFC 6125, 6.4",
    ),
    When(Fault.CERTIFICATE_SELF_SIGNED): Row(
        what="the server's certificate is signed by the server itself",
        why="nobody else vouches for it. Your password was not sent.",
        do="ask whoever runs the mail server for a proper certificate, or whoever runs the bot to trust it with "
        "SMTP_CA_FILE.",
        field="host",
    ),
    When(Fault.CERTIFICATE_UNTRUSTED): Row(
        what="the server's certificate is not trusted",
        why="it comes from an authority that the bot does not know. Your password was not sent.",
        do="if your company has its own authority, ask whoever runs the bot to add it with SMTP_CA_FILE.",
        field="host",
    ),
    When(Fault.CERTIFICATE_ENDS_SOON): Row(
        what="the server's certificate ends soon",
        why="its owner has not renewed it yet; when it ends, mail programs stop working with this server.",
        do="tell your mail provider. There is nothing to change in your profile.",
    ),
    When(Fault.CERTIFICATE_NOT_THE_PINNED): Row(
        what="the server's key is not the one you trusted",
        why="the server shows another key than the one in PIN, so it may be another server. Your password was not "
        "sent.",
        do="ask whoever runs the mail server whether its key was changed. If so, remove PIN and test again.",
        field="encryption",
    ),
    When(Fault.PASSWORD_OVER_CLEAR_TEXT): Row(
        what="your password would travel unencrypted",
        why="your profile signs in but encrypts nothing, so your password was not sent.",
        do="turn encryption on: TLS for port 587 or 25, SSL for port 465.",
        field="encryption",
        fixes=(Fix.USE_SSL, Fix.USE_TLS),
        source="RFC 8314, 3",
    ),
    When(Fault.ENCRYPTION_NEEDED): Row(
        what="the server wants encryption first",
        why="it answers only over an encrypted link.",
        do="turn encryption on: TLS for port 587 or 25, SSL for port 465.",
        field="encryption",
        fixes=(Fix.USE_SSL, Fix.USE_TLS),
        source="RFC 4954, 6",
    ),
}
