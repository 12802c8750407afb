"""What the bot says of mail servers as people met them: the cases in tests/cases, each through the front door."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cases.case import MORE, Case, files
from tests.cases.certificates import CaseCertificates
from tests.cases.play import play
from tests.cases.real import lacking
from tests.counts import scaled
from tests.scenario.started_before import StartedBefore

# What is said of a mail server hangs on no database.
pytestmark = pytest.mark.databases("sqlite")

DAILY = [file for file in files() if file.parent != MORE]
"""The others run with PROVE=1."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CaseCertificates]:
    yield CaseCertificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("file", scaled(quick=DAILY, full=files()), ids=lambda file: file.stem)
async def test_the_bot_tells_the_truth_about(
    file: Path, certificates: CaseCertificates, started: StartedBefore, tmp_path: Path
) -> None:
    case = Case.read(file)
    if absent := lacking(case):
        pytest.skip(absent)
    outcome = await play(case, certificates, tmp_path, encryption_keys=started.key)
    assert list(outcome.wrong) == [], outcome.answer
