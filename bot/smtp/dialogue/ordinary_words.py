"""The words of which servers make ordinary replies: what a password shares with them does not give it away.

Without them nobody whose password has such a word in it could read that their "password is incorrect".
"""

from bot.smtp.dialogue.readings import plain

_WORDS = """
aborted about absender abuse accept acceptable accepted access account accounts action activated active activity
address addresses admin administrator adres adresse advertised after again agree allow allowed already
alternative anmelden anmeldung another answer application apply argument arguments arrive attempt attempting
attempts autenticazione autenticação auth authenticate authenticated authentication authenticator
authentifizierung authorised authorization authorized available back badcredentials banned basic because been
before begin being benutzer benutzerkonto benutzername binarymime bitte black blacklist blacklisted block
blocked blocklist body bounce browser busy bytes cannot case challenge change changed channel characters check
chunking clave clear client close closed closing code command commands complete completed compte condition
configuration configured connect connected connecting connection connections connexion conta contact content
continue contraseña correct correo could courriel cram created credentials credits cuenta current daily data
database date days delay delayed deliver delivered delivery denied destinataire destination detected device
dialogue different digest disabled disallowed disconnect disconnecting does domain domains dovecot during ehlo
else email emails empfänger empty enable enabled encrypt encrypted encryption enhanced enhancedstatuscodes enter
entered entry envelope erreur error errors esmtp etrn every exceed exceeded exceeds exception exchange exim
exist exists expect expected expired explain explanation external fail failed failure falsch false features
fehler fehlgeschlagen filter find first fixed follow following forbidden format forward forwarded found
frequency from full fully further gebruiker general give given global gmail good goodbye google granted greet
greeting greetings greylisted greylisting gssapi handshake hasło have hello helo help here high host hostname
hosts hour hours http https identifiant identities identity illegal implemented inactive inbound include
incorrect incorrecta incorrecte information initial input insufficient internal into invalid issue issuer itself
junk keep kennwort known konto large later learn least leave legacy less level like limit limited limits line
link list listed local locked locking logged login logins long look lookup machine mail mailbox mailboxes mailed
mailer mailfrom mailserver main maintenance make manage many match matched maximum means mechanism mechanisms
mensaje message messages microsoft mime minute minutes mismatch missing mode moment more must mydomain nachricht
name named names need needed network never next nobody none normal nothing notice ntlm number oauth obtained
offer office okay only open option order other outbound outgoing outlook over owned owner page parameter
parameters parse part pass passe passed passes passwd password passwords passwort permanent permanently
permission permissions permit permitted personal phrase pipelining plain please policies policy port postfach
postfix postmaster preference present previous private problem problems proceed process processing prohibited
proper protection protocol provide provided provider public queue queued quit quota range rate rcpt reached read
ready really reason received recipient recipients recognized record reference refuse refused refusé refusée
register registered reject rejected relay relaying remote remove removed repeat reply report reputation request
requested requests require required requires reset resolve resource resources response restricted restriction
restrictions result retry return reverse right roger said same scanner score secure secured security seen self
send sendasdenied sender senders sending sendmail senha sent sequence server servers serveur service services
session setting settings should sign signed signin signing simple since site size slow smtp
smtpclientauthentication smtputf8 something soon sorry spam spamhaus specific specified spool start started
starttls state status step still storage store strange string subject submission submit submitted success
successful successfully such suite support supported supports suspended suspicion suspicious syntactically
syntax system table taken talk temporarily temporary tenant terminated text than thank that their them then
there these this throttled throttling time timed timeout times today token tokens transaction transfer
transmission transport tried true trust trusted turn turned type unable unacceptable unauthenticated
unauthorized unavailable under understood unexpected ungültig unknown unrecognized unsuccessful until unusual
unverified upgrade used user username users using usuario usuário utente utf8 utilisateur użytkownik valid
validate validation value verification verified verify version virtual virus visit wachtwoord waiting want
wanted weak webloginrequired webmail welcome were what when where whether which will wish with within without
words work world write wrong xoauth yahoo your zugang zugangsdaten
"""

ORDINARY_WORDS = plain(_WORDS).casefold()
"""Words of four letters and more that replies of mail servers have, one behind the other."""
