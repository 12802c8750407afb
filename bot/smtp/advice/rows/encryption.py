"""Advice on TLS and certificates.

Other ports are never named here: the report offers those that were found to answer.
"""

from collections.abc import Mapping

from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.check.report import Fault

_OPENSSL_LEVELS = "https://docs.openssl.org/3.0/man3/SSL_CTX_set_security_level/"
_VERIFY_ERRORS = "https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/"

ENCRYPTION_ROWS: Mapping[When, Row] = {
    When(Fault.TLS_TO_PLAIN_PORT): Row(
        what="port {port} begins in clear text, your profile says SSL",
        why="your profile encrypts from the first byte, but this port starts unencrypted and then switches.",
        do="use TLS on this port.",
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
        why="your profile requires TLS, which this server does not offer on this port. Your password was not sent."
        "{elsewhere}",
        do="ask your mail provider which of its ports is encrypted.{clear_text}",
        field="port",
        fixes=(Fix.SSL_ON_465,),
        source="RFC 3207, 4",
    ),
    When(Fault.STARTTLS_MASKED): Row(
        what="something on the way masks the server's encryption",
        why="a firewall or proxy between the bot and the server rewrites what the server says, so that STARTTLS "
        "cannot be used. Your password was not sent.",
        do="tell whoever runs that network, on the bot's side or the mail server's: SMTP inspection has to let "
        "STARTTLS through. There is nothing to change in your profile.",
        source="https://www.cisco.com/c/en/us/support/docs/security/pix-500-series-security-appliances/69374-pix7x.html",
        dated="2026-11-30",
    ),
    When(Fault.STARTTLS_REFUSED): Row(
        what="the server refused to switch to TLS",
        why="it offers TLS but did not start it: often its certificate or key is not set up. Your password was not "
        "sent.{elsewhere}",
        do="tell whoever runs the mail server, or your mail provider, and pass on the server's answer above.",
        fixes=(Fix.SSL_ON_465,),
        source="RFC 3207, 4",
    ),
    When(Fault.TEXT_BEFORE_TLS): Row(
        what="somebody put text in before the encryption began",
        why="behind its agreement to encrypt, unencrypted text came that does not belong there: a faulty server, or "
        "somebody on the way. The bot threw it away.",
        do="tell whoever runs the mail server, or your mail provider. There is nothing to change in your profile.",
        source="RFC 3207, 4.2, and CVE-2011-0411",
        dated="2026-11-30",
    ),
    When(Fault.TLS_TIMED_OUT): Row(
        what="the server fell silent when the encryption should begin",
        why="it was reached and greeted, then no answer came in time: it is stuck, or something on the way holds back "
        "encrypted data. Your password was not sent.",
        do="test again in a few minutes. If it stays, tell whoever runs the mail server, and whoever runs the bot.",
        source="RFC 3207, 4",
    ),
    When(Fault.TLS_CLOSED): Row(
        what="the server hung up when the encryption should begin",
        why="it was reached, and closed the connection in the handshake. Its certificate or key may not be set up, it "
        "may want a client certificate or turn the bot away, or something on the way cuts encrypted connections.",
        do="tell whoever runs the mail server, or your mail provider. There is nothing to change in your profile.",
        source="https://github.com/stalwartlabs/stalwart/pull/135",
        dated="2026-11-30",
    ),
    When(Fault.TLS_FAILED): Row(
        what="the encryption could not be set up",
        why="the server and the bot could not agree, and the handshake of TLS broke down. Your password was not sent.",
        do="tell whoever runs the mail server, or your mail provider, and pass on the line above.",
    ),
    When(Fault.TLS_TOO_OLD): Row(
        what="the server's encryption is too old",
        why="it speaks only TLS versions before 1.2, which are no longer safe. Your password was not sent.",
        do="ask your mail provider, or whoever runs the mail server, to update it. Another setting does not help.",
        source="RFC 8997",
    ),
    When(Fault.TLS_TOO_WEAK): Row(
        what="the server's encryption is too weak",
        why="what it uses for the encryption (a key, a signature or a cipher) is too short or too old to be safe. "
        "Your password was not sent.",
        do="ask your mail provider, or whoever runs the mail server, to renew it. Another setting does not help.",
        source=_OPENSSL_LEVELS,
        dated="2026-11-30",
    ),
    When(Fault.TLS_NOTHING_IN_COMMON): Row(
        what="the server and the bot have no encryption in common",
        why="the server refused every kind of encryption that the bot offers. Usually its own is too old; some servers "
        "do so when they want a certificate from the other side. Your password was not sent.",
        do="ask your mail provider, or whoever runs the mail server. Another setting does not help.",
        source="RFC 8446, 6.2",
        dated="2026-11-30",
    ),
    When(Fault.TLS_NAME_UNKNOWN): Row(
        what="the server does not know the name {host}",
        why="it ended the encryption because it has no certificate for {host}. Your password was not sent.",
        do="check SMTP Server Address: use the name that your mail provider gives. If it is right, tell whoever runs "
        "the mail server.",
        field="host",
        source="RFC 6066, 3",
        dated="2026-11-30",
    ),
    When(Fault.TLS_CLIENT_CERTIFICATE_WANTED): Row(
        what="the server wants a certificate from whoever connects",
        why="it lets in only programs that have a client certificate of their own, and the bot has none. Your password "
        "was not sent.",
        do="ask whoever runs the mail server for a server or port that takes a login and a password instead.",
        source="RFC 8446, 6.2",
        dated="2026-11-30",
    ),
    When(Fault.TLS_LEGACY_RENEGOTIATION): Row(
        what="the server's encryption is too old",
        why="it does not know secure renegotiation, without which others can put words into the connection. Your "
        "password was not sent.",
        do="ask your mail provider, or whoever runs the mail server, to update it. Another setting does not help.",
        source="RFC 5746",
        dated="2026-11-30",
    ),
    When(Fault.CERTIFICATE_EXPIRED): Row(
        what="the server's certificate has expired",
        why="its owner did not renew it in time, so the server cannot prove who it is. Your password was not sent.",
        do="tell your mail provider. There is nothing to change in your profile.",
    ),
    When(Fault.CERTIFICATE_CHAIN_EXPIRED): Row(
        what="a certificate behind the server's own has expired",
        why="the server's certificate is in date, but one of its issuers ({issuer}, or one above) is not. Your "
        "password was not sent.",
        do="tell whoever runs the mail server: it has to send its issuer's present certificates. There is nothing to "
        "change in your profile.",
        source=_VERIFY_ERRORS,
        dated="2026-11-30",
    ),
    When(Fault.CERTIFICATE_NOT_YET_VALID): Row(
        what="the server's certificate is not valid yet",
        why="its time begins in the future, so a clock is wrong, its own or the bot's. Your password was not sent.",
        do="tell your mail provider; whoever runs the bot, if that happens with other servers too. There is nothing "
        "to change in your profile.",
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
    ),
    When(Fault.CERTIFICATE_OF_OWN_AUTHORITY): Row(
        what="the server's certificate is not trusted",
        why="it was issued by {issuer}, and nobody whom the bot trusts vouches for that. Your password was not sent.",
        do="if that is your company's own authority, ask whoever runs the bot to add it with SMTP_CA_FILE. If not, ask "
        "whoever runs the mail server for a proper certificate.",
    ),
    When(Fault.CERTIFICATE_UNTRUSTED): Row(
        what="the server's chain of certificates does not end at anybody the bot trusts",
        why="its certificate was issued by {issuer}. Usually the server leaves out an intermediate certificate; or "
        "that is an authority of its own. Your password was not sent.",
        do="ask the mail server's admin to install the full chain; for your company's own authority ask whoever runs "
        "the bot (SMTP_CA_FILE). What you trust by hand ends when the server renews its key.",
        source="RFC 5246, 7.4.2",
        dated="2026-11-30",
    ),
    When(Fault.CERTIFICATE_CHAIN_INCOMPLETE): Row(
        what="the server leaves out its intermediate certificate",
        why="its certificate was issued by {issuer}, but the server does not send that issuer's own certificate, so "
        "the chain is broken. Your password was not sent.",
        do="ask the mail server's admin, or your mail provider, to install the full chain (fullchain.pem). There is "
        "nothing to change in your profile.",
        source="RFC 5246, 7.4.2",
        dated="2026-11-30",
    ),
    When(Fault.CERTIFICATE_INTERCEPTED): Row(
        what="something on the way opens the encryption",
        why="the certificate is not the mail server's: it was made by {issuer}, a virus scanner or proxy between the "
        "bot and the server, which could read along. Your password was not sent.",
        do="tell whoever runs the bot: its machine or network has to leave mail connections alone. There is nothing to "
        "change in your profile.",
        source="https://github.com/nodemailer/nodemailer/issues/330",
        dated="2026-11-30",
    ),
    When(Fault.CERTIFICATE_TOO_WEAK): Row(
        what="the server's certificate is too weak",
        why="its key, or the signature of its issuer, is too short or too old to be safe. Your password was not sent.",
        do="ask your mail provider, or whoever runs the mail server, for a new certificate. There is nothing to change "
        "in your profile.",
        source=_OPENSSL_LEVELS,
        dated="2026-11-30",
    ),
    When(Fault.CERTIFICATE_WRONG_PURPOSE): Row(
        what="the server's certificate is made for something else",
        why="it was issued for another purpose than a server's, so it proves nothing. Your password was not sent.",
        do="ask whoever runs the mail server, or your mail provider, for a server certificate. There is nothing to "
        "change in your profile.",
        source="RFC 5280, 4.2.1.12",
        dated="2026-11-30",
    ),
    When(Fault.CERTIFICATE_REVOKED): Row(
        what="the server's certificate has been revoked",
        why="its issuer, {issuer}, has taken it back, so it proves nothing any more. Your password was not sent.",
        do="tell your mail provider, or whoever runs the mail server. There is nothing to change in your profile.",
        source="RFC 5280, 3.3",
        dated="2026-11-30",
    ),
    When(Fault.CERTIFICATE_BROKEN): Row(
        what="the server's certificate breaks a rule for certificates",
        why="it, or one of its issuers ({issuer}), does not hold as the line above says. Your password was not sent.",
        do="tell whoever runs the mail server, or your mail provider, and pass on the line above.",
        source=_VERIFY_ERRORS,
        dated="2026-11-30",
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
        do="{encrypting}.",
        field="encryption",
        fixes=(Fix.USE_SSL, Fix.USE_TLS),
        source="RFC 8314, 3",
    ),
    When(Fault.ENCRYPTION_NEEDED): Row(
        what="the server wants encryption first",
        why="it answers only over an encrypted link.",
        do="{encrypting}.",
        field="encryption",
        fixes=(Fix.USE_SSL, Fix.USE_TLS),
        source="RFC 4954, 6",
    ),
    When(Fault.ENCRYPTION_NOT_SEEN): Row(
        what="the server asks for encryption, though the link is encrypted",
        why="TLS was set up, and yet the server does not see it: usually a proxy before it ends the encryption. Your "
        "settings are right.",
        do="tell whoever runs the mail server, or your mail provider, and pass on the server's answer above.",
        source="RFC 3207, 4",
        dated="2026-11-30",
    ),
}
