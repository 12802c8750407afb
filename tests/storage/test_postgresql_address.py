"""Which hosts of a PostgreSQL address are beyond this machine, and connected to without checking who they are."""

import pytest

from storage.engines.postgresql import connection_values, unverified_hosts


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://bot@/profiles", ()),
        ("postgresql://bot@/profiles?host=/var/run/postgresql", ()),
        ("postgresql://bot@%2Fvar%2Frun%2Fpostgresql/profiles", ()),
        ("postgresql://bot@localhost/profiles", ()),
        ("postgresql://bot@127.0.0.1/profiles", ()),
        ("postgresql://bot@[::1]:5433/profiles?sslmode=disable", ()),
        ("postgresql://bot@db.example/profiles", ("db.example",)),
        ("postgresql://bot@db.example/profiles?sslmode=require", ("db.example",)),
        # It checks the certificate, and not whose it is.
        ("postgresql://bot@db.example/profiles?sslmode=verify-ca", ("db.example",)),
        ("postgresql://bot@db.example/profiles?sslmode=verify-full", ()),
        ("postgresql://bot@db.example/profiles?sslrootcert=system", ()),
        ("postgresql://bot@localhost,db1,db2:5433/profiles", ("db1", "db2")),
        ("postgresql://bot@127.0.0.1.example/profiles", ("127.0.0.1.example",)),
        ("postgresql://bot@localhost/profiles?hostaddr=10.0.0.5", ("10.0.0.5",)),
        ("postgresql://bot@db.example/profiles?hostaddr=127.0.0.1", ()),
    ],
)
def test_only_a_socket_the_loopback_and_a_certificate_that_is_checked_by_name_are_sure(
    url: str, hosts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGSSLMODE", "PGSSLROOTCERT"):
        monkeypatch.delenv(name, raising=False)
    assert unverified_hosts(connection_values(url)) == hosts


def test_what_the_address_leaves_out_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example")
    assert unverified_hosts(connection_values("postgresql://bot@/profiles")) == ("db.example",)
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert unverified_hosts(connection_values("postgresql://bot@/profiles")) == ()
    assert unverified_hosts(connection_values("postgresql://bot@/profiles?sslmode=prefer")) == ("db.example",)
