"""Advice on signing in."""

from collections.abc import Mapping

from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.check.report import Fault

SIGN_IN_ROWS: Mapping[When, Row] = {
    When(Fault.PASSWORD_MISSING): Row(
        what="no password is stored",
        why="your profile signs in, but it holds no password for this server.",
        do="open Edit and type the password.",
        field="password",
    ),
    When(Fault.SIGN_IN_NOT_OFFERED): Row(
        what="the server offers no sign-in",
        why="your profile signs in, but this server does not ask who you are on this port.",
        do="turn Authentication Required off, or ask your mail provider on which port people sign in.",
        field="authenticate",
        fixes=(Fix.TLS_ON_587, Fix.DO_NOT_AUTHENTICATE),
    ),
    When(Fault.MECHANISM_NOT_OFFERED): Row(
        what="there is no way of signing in that both sides know",
        why="the server's ways of signing in are not the one your profile uses.",
        do="remove the extra configuration AUTH if you have one; otherwise ask your mail provider.",
        field="authenticate",
        source="RFC 4954, 6",
    ),
    When(Fault.SIGN_IN_REFUSED): Row(
        what="the server refused login or password",
        why="the server does not accept {login} with the stored password.",
        do="check User/Login (often it is the full email address) and type the password again. Many providers ask for "
        "an app password here.",
        field="password",
        fixes=(Fix.ADDRESS_AS_LOGIN,),
        source="RFC 4954, 6",
    ),
    When(Fault.SIGN_IN_UNAVAILABLE): Row(
        what="signing in is not possible right now",
        why="the server could not check the password at the moment; it did not call it wrong.",
        do="try again in a few minutes.",
        source="RFC 4954, 6",
    ),
    When(Fault.SIGN_IN_NEEDED): Row(
        what="the server wants you to sign in first",
        why="it takes mail only from people who sign in, and your profile does not.",
        do="open Edit, turn Authentication Required on, and fill login and password.",
        field="authenticate",
        fixes=(Fix.AUTHENTICATE,),
        source="RFC 4954, 6",
    ),
    When(Fault.SIGN_IN_REFUSED, codes=(432,)): Row(
        what="the password must be changed first",
        why="the server wants a new password before it lets this one sign in.",
        do="sign in on your provider's web page, set a new password, and type it here.",
        field="password",
        source="RFC 5248, 2.4",
    ),
    When(Fault.SIGN_IN_REFUSED, codes=(534,)): Row(
        what="this way of signing in is not enough for the server",
        why="the server asks for something stronger than this password.",
        do="make an app password on your provider's web page and type it here, or ask your mail provider.",
        field="password",
        source="RFC 4954, 6",
    ),
}
