"""Mailbox domains and MX hosts that people have, listed apart from the table of providers to measure it."""

_DOMAINS = """
    gmail.com googlemail.com outlook.com hotmail.com hotmail.co.uk live.com msn.com yahoo.com yahoo.co.uk yahoo.fr
    yahoo.co.in yahoo.com.br yahoo.co.jp ymail.com rocketmail.com aol.com icloud.com me.com mac.com proton.me
    protonmail.com pm.me fastmail.com zoho.com zohomail.eu mail.com email.com tutanota.com tuta.com hey.com hushmail.com
    mailfence.com runbox.com startmail.com disroot.org riseup.net
    gmx.de gmx.net gmx.at gmx.ch gmx.com web.de t-online.de freenet.de mail.de posteo.de mailbox.org arcor.de
    vodafone.de a1.net chello.at bluewin.ch
    orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr libero.it virgilio.it tim.it alice.it tiscali.it
    fastwebnet.it sapo.pt
    btinternet.com sky.com virginmedia.com talktalk.net ziggo.nl kpnmail.nl xs4all.nl proximus.be skynet.be telenet.be
    wp.pl onet.pl o2.pl interia.pl seznam.cz centrum.cz abv.bg inbox.lv ukr.net
    mail.ru bk.ru list.ru yandex.ru ya.ru rambler.ru
    comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net optonline.net
    bell.net shaw.ca rogers.com uol.com.br bol.com.br terra.com.br
    qq.com foxmail.com 163.com 126.com sina.com aliyun.com naver.com daum.net hanmail.net nate.com docomo.ne.jp
    rediffmail.com bigpond.com xtra.co.nz
"""
DOMAINS = tuple(_DOMAINS.split())

MX_HOSTS = {
    "Gmail": "aspmx.l.google.com alt3.aspmx.l.google.com aspmx5.googlemail.com smtp.google.com",
    "Microsoft 365": "corp-example.mail.protection.outlook.com corp-example.p-v1.mx.microsoft",
    "Zoho": "mx.zoho.com mx2.zoho.eu mx3.zoho.in mx.zoho.com.au mx2.zohomail.com mx.zohocloud.ca",
    "Fastmail": "in1-smtp.messagingengine.com in2-smtp.messagingengine.com",
    "iCloud": "mx01.mail.icloud.com mx02.mail.icloud.com",
    "IONOS": "mx00.ionos.de mx01.ionos.co.uk mx00.ionos.com mx00.kundenserver.de mx01.1and1.com mx00.perfora.net",
    "OVHcloud": "mx1.mail.ovh.net mx0.mail.ovh.net mx3.ovh.net mxb.ovh.net mx1.mail.ovh.ca",
    "GoDaddy": "smtp.secureserver.net mailstore1.secureserver.net mailstore1.europe.secureserver.net",
    "Proton": "mail.protonmail.ch mailsec.protonmail.ch",
    "Yandex": "mx.yandex.net mx.yandex.ru",
    "Amazon WorkMail": "inbound-smtp.us-east-1.amazonaws.com inbound-smtp.eu-west-1.amazonaws.com",
    "Gandi": "spool.mail.gandi.net fb.mail.gandi.net",
    "Hostinger": "mx1.hostinger.com mx2.hostinger.com",
    "mailbox.org": "mxext1.mailbox.org mxext3.mailbox.org",
    "Migadu": "aspmx1.migadu.com aspmx2.migadu.com",
    "Purelymail": "mailserver.purelymail.com",
    "Rackspace": "mx1.emailsrvr.com mx2.emailsrvr.com",
    "Namecheap Private Email": "mx1.privateemail.com",
    "Titan": "mx1.titan.email",
    "Infomaniak": "mta-gw.infomaniak.ch",
    "STRATO": "smtpin.rzone.de",
    "Aruba": "mx.aruba.it",
    "QQ": "mxbiz1.qq.com",
    "Alibaba Mail": "mxn.mxhichina.com mx1.qiye.aliyun.com",
    "Yahoo": "mta5.am0.yahoodns.net",
    "one.com": "mx1.pub.mailpod2-cph3.one.com",
}
"""By the label of the provider, MX hosts as its customers have them."""

GATEWAYS = {
    "Proofpoint": "mxa-0012ab01.gslb.pphosted.com mx1-us1.ppe-hosted.com",
    "Mimecast": "eu-smtp-inbound-1.mimecast.com",
    "Barracuda": "d188133a.ess.barracudanetworks.com",
    "Symantec Email Security.cloud": "cluster5.eu.messagelabs.com",
    "Cisco Secure Email": "mx1.hc1234-56.iphmx.com",
    "Trend Micro": "corp-example.in.tmes.trendmicro.eu",
    "Sophos Email": "mx-01-eu-west-1.prod.hydra.sophos.com",
    "Hornetsecurity": "mx01.hornetsecurity.com",
    "Cloudflare Email Routing": "route1.mx.cloudflare.net",
}
"""By the label of the gateway, MX hosts as its customers have them."""
