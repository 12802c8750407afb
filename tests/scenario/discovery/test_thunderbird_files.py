"""The files of Thunderbird's database are read, or refused for a reason that is listed here.

They are read from the folder that CORPORA names: thunderbird/autoconfig, MPL-2.0.
"""

import os
from pathlib import Path

import pytest

from bot.discovery.autoconfig import read_autoconfig
from bot.discovery.published import UnusableError
from bot.smtp.network.guard import Guard
from tests.named import case

pytestmark = pytest.mark.databases()

FILES = Path(os.environ.get("CORPORA", ""), "ispdb", "ispdb")
PORTS = (25, 465, 587, 2525)
REFUSED = {
    "is offered without encryption": """
        bay.wind.ne.jp bb-niigata.jp broba.cc clio.ne.jp co1.wind.ne.jp co2.wind.ne.jp co3.wind.ne.jp dan.wind.ne.jp
        go.tvm.ne.jp goo.jp hal.ne.jp hana.or.jp ic-net.or.jp inet-shibata.or.jp iwafune.ne.jp ji.jet.ne.jp
        kl.wind.ne.jp kokuyou.ne.jp mahoroba.ne.jp mail.iwafune.ne.jp mail.wind.ne.jp ml.murakami.ne.jp mx1.tiki.ne.jp
        nifty.com nsat.jp parabox.or.jp po.wind.ne.jp pop.shibata.ne.jp so.wind.ne.jp tiki.ne.jp tiscali.cz
        vp.tiki.ne.jp xp.wind.jp
        """
}
"""Files by why none of their servers is used; all others name one that is."""


def test_each_file_names_a_server_that_can_be_used_or_is_refused_for_a_listed_reason() -> None:
    if not os.environ.get("CORPORA") or not FILES.is_dir():
        pytest.skip("needs CORPORA, the folder that holds Thunderbird's files as ispdb/ispdb/")
    guard = Guard((), PORTS)
    refused: dict[str, set[str]] = {}
    files = sorted(FILES.glob("*.xml"))
    assert len(files) >= 163
    for file in files:
        with case(file.name):
            try:
                read = read_autoconfig(file.read_bytes(), "lovelace.example", guard)
            except UnusableError as error:
                refused.setdefault(str(error).partition(" ")[2], set()).add(file.stem)
            else:
                assert "." in read.host
                assert read.port in PORTS
                assert "%" not in read.login
    assert refused == {why: set(names.split()) for why, names in REFUSED.items()}
