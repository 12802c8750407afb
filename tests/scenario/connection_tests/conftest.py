"""Certificates of the scripted servers, issued once for all tests of connections."""

import ssl

import pytest

from bot.smtp.network.certificate import trust_store
from tests.fakes.certificates import Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def trust(certificates: Certificates) -> ssl.SSLContext:
    """What a client trusts: the authority of the good certificates."""
    return trust_store(certificates.authority_file)
