"""Advice on sender and recipient."""

from collections.abc import Mapping

from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.check.report import Fault

SENDER_ROWS: Mapping[When, Row] = {
    When(Fault.SENDER_REFUSED): Row(
        what="the server refuses {address} as sender",
        why="its answer above is all that it says about the reason.",
        do="check Email Address. If it is right, ask your mail provider, and pass on that answer.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="RFC 6409, 6.1",
    ),
    When(Fault.SENDER_NOT_OWNED): Row(
        what="this login may not send as {address}",
        why="the server let {login} sign in, but {address} is not a sender that it allows this login.",
        do="use an Email Address that belongs to this login, or ask your mail provider to allow {address} for it.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="https://www.postfix.org/SASL_README.html",
    ),
    When(Fault.SENDER_DOMAIN_UNKNOWN): Row(
        what="the server cannot find the domain of {address}",
        why="in DNS the domain {domain} does not exist, or does not take mail, and the server takes nothing from such "
        "a domain. This stays until it is mended.",
        do="correct Email Address. If it is right, the domain's owner has to enter it in DNS, with an MX record.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="https://www.postfix.org/postconf.5.html#reject_unknown_sender_domain",
        dated="2026-11-30",
    ),
    When(Fault.SENDER_UNKNOWN): Row(
        what="the server does not accept {address} as a sender that exists",
        why="it takes mail only from complete addresses that it finds to exist, and {address} is none for it.",
        do="check Email Address for a typing error, or ask your mail provider whether that mailbox exists.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="https://www.postfix.org/ADDRESS_VERIFICATION_README.html",
        dated="2026-11-30",
    ),
    When(Fault.SENDER_LISTED): Row(
        what="{address} or its domain is on a block list",
        why="the server takes no mail from senders on that list, whichever way the mail comes.",
        do="ask your mail provider, or whoever looks after {domain}, to have it taken off the list that the server's "
        "answer above names.",
        field="address",
        source="https://www.postfix.org/postconf.5.html#reject_rhsbl_sender",
        dated="2026-11-30",
    ),
    When(Fault.ADDRESS_NOT_ASCII): Row(
        what="the server takes only plain ASCII addresses",
        why="{address} has a letter beyond ASCII (as ü, é or ж are). Such an address needs a server that takes it "
        "(SMTPUTF8), and this one does not.",
        do="use an Email Address of plain letters, or ask your mail provider for a server that takes others.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="RFC 6531, 3.1",
        dated="2026-11-30",
    ),
    When(Fault.RELAY_DENIED): Row(
        what="the server does not pass on mail for {address}",
        why="you have signed in, but for this server {address} is neither a sender nor a recipient of its own.",
        do="check that Email Address belongs to this mail server, and that User/Login is the account for it.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="RFC 5321, 3.6.2",
    ),
    When(Fault.RELAY_DENIED_TO_STRANGER): Row(
        what="the server does not pass on mail for the bot",
        why="{recipient} is not a mailbox of its own, and it lets nobody sign in on port {port}.",
        do="use your mail provider's server for sending, on which people have a login. Only if no login is meant to "
        "be needed: ask the server's admin to let the bot's public address send.",
        field="host",
        source="RFC 5321, 3.6.2",
        dated="2026-11-30",
    ),
    When(Fault.STRANGER_REFUSED): Row(
        what="the server refuses mail from somebody who has not signed in",
        why="your profile does not sign in, though the server offers it, and its answer above gives no other reason.",
        do="turn Authentication Required on, and fill login and password. If the answer stays the same, give it to "
        "your mail provider.",
        field="authenticate",
        fixes=(Fix.AUTHENTICATE,),
        source="RFC 6409, 4.3",
        dated="2026-11-30",
    ),
    When(Fault.SIGN_IN_NEEDED_NOT_OFFERED): Row(
        what="the server wants a sign-in, but offers none here",
        why="it takes mail only after a sign-in, and on port {port} with {mode} it lists no way of signing in.",
        do="ask your mail provider which server and port are meant for sending, and fill them in with your login.",
        field="host",
        source="RFC 4954, 3",
        dated="2026-11-30",
    ),
    When(Fault.SIGN_IN_NEEDED_IN_CLEAR): Row(
        what="the server wants a sign-in, which needs encryption",
        why="it takes mail only after a sign-in, and offers none on an unencrypted link.",
        do="turn encryption on (TLS for port 587 or 25, SSL for port 465), and then the sign-in.",
        field="encryption",
        fixes=(Fix.USE_SSL, Fix.USE_TLS),
        source="RFC 8314, 3",
        dated="2026-11-30",
    ),
    When(Fault.SIGN_IN_ASKED_AGAIN): Row(
        what="the server asks to sign in, although the bot has",
        why="it took {login} and the password, and then refused as if nobody had signed in.",
        do="ask your mail provider whether this login may send, and pass on the server's answer above.",
        source="RFC 4954, 6",
        dated="2026-11-30",
    ),
    When(Fault.ENVELOPE_REFUSED): Row(
        what="the server refuses sender or recipient",
        why="it refused after both were named, {address} and {recipient}; its answer above is all that it says about "
        "the reason.",
        do="check Email Address. If it is right, ask your mail provider, and pass on that answer.",
        field="address",
        source="https://www.postfix.org/postconf.5.html#smtpd_delay_reject",
        dated="2026-11-30",
    ),
    When(Fault.RECIPIENT_REFUSED): Row(
        what="the server does not know {recipient} as recipient",
        why="the server took {address} as sender, so you can send, but mail to {recipient}, to which the test writes, "
        "would not arrive.",
        do="check Email Address for a typing error; programs that only send may go on.",
        field="address",
        source="RFC 3463, 3.2",
    ),
    When(Fault.MAILBOX_FULL): Row(
        what="the mailbox {recipient} is full",
        why="sending works, but the mailbox {recipient}, to which the test writes, is full and takes no mail.",
        do="make room in that mailbox. There is nothing to change in your profile.",
        source="RFC 3463, 3.3",
        dated="2026-11-30",
    ),
    When(Fault.MAILBOX_DISABLED): Row(
        what="the mailbox {recipient} takes no mail",
        why="sending works, but the mailbox {recipient}, to which the test writes, is switched off.",
        do="if mail to it is meant to arrive, ask your mail provider. There is nothing to change in your profile.",
        source="RFC 3463, 3.3",
        dated="2026-11-30",
    ),
    When(Fault.GREYLISTED): Row(
        what="the server asked to come back later",
        why="it postpones senders that it sees for the first time (greylisting); programs try again by themselves.",
        do="nothing now; test again in ten minutes to be sure.",
        source="RFC 6647",
        dated="2026-11-30",
    ),
    When(Fault.TEMPORARY_REFUSAL): Row(
        what="the server put off its answer",
        why="it refused for now, and its answer above is all that it says about the reason.",
        do="test again later. If the answer stays the same for an hour, give it to your mail provider.",
        source="RFC 5321, 4.2.1",
    ),
    When(Fault.RATE_LIMITED): Row(
        what="the server takes no more at the moment",
        why="it counts connections and messages, and saw too many in a short time.",
        do="wait an hour and test again. If that does not help, ask your mail provider for a higher limit.",
        source="https://www.postfix.org/anvil.8.html",
        dated="2026-11-30",
    ),
    When(Fault.LIMIT_REACHED): Row(
        what="the sending limit is reached",
        why="the server takes no more mail from this account until the period of its limit ends, often a day.",
        do="wait until then, or ask your mail provider for a higher limit. There is nothing to change in your profile.",
        source="RFC 3463, 3.5",
        dated="2026-11-30",
    ),
    When(Fault.ACCOUNT_BLOCKED): Row(
        what="this account may not send at the moment",
        why="the server let {login} sign in, but the account is blocked, or not activated for sending yet.",
        do="ask your mail provider to unblock or activate the account, and pass on the server's answer above.",
        source="https://learn.microsoft.com/defender-office-365/outbound-spam-restore-restricted-users",
        dated="2026-11-30",
    ),
}
