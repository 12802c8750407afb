"""Settings: every bad or missing value ends in one line that names it, why, and an example."""

from pathlib import Path

import pytest

from bot import settings
from bot.app import endpoints, server_settings
from bot.demo import run
from bot.settings import EXAMPLES, REPLACED_SETTINGS, GivenSettings, Settings, SettingsError


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*EXAMPLES, *REPLACED_SETTINGS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_every_setting_has_an_example_and_every_example_a_setting() -> None:
    assert {name.upper() for name in Settings.model_fields} - set(REPLACED_SETTINGS) == set(EXAMPLES)


def test_defaults_are_those_of_the_documented_table() -> None:
    loaded = settings.load()
    assert loaded.slack_api_url == "https://slack.com/api/"
    assert loaded.database_url.get_secret_value() == "sqlite:///email-profiles.db"
    assert (loaded.host, loaded.port) == ("127.0.0.1", 3000)
    assert loaded.smtp_allowed_ports == {25, 465, 587, 2525}
    assert loaded.smtp_timeout == 15
    assert (loaded.log_level, loaded.log_format) == ("info", "text")


def test_a_dotenv_file_is_read_and_the_environment_stands_above_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("PORT=4000\nLOG_LEVEL=WARNING\n")
    monkeypatch.setenv("PORT", "5000")
    loaded = settings.load()
    assert (loaded.port, loaded.log_level) == (5000, "warning")


def test_passwords_are_kept_out_of_slack_when_there_is_a_page_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD_ENTRY", "Private")
    for address in ("https://email.example.com/", "http://127.0.0.1:3000"):
        monkeypatch.setenv("PUBLIC_URL", address)
        loaded = settings.load()
        assert loaded.password_entry == "private"
        assert loaded.public_url == address.rstrip("/")


def test_slacks_address_may_be_unencrypted_on_the_loopback_alone() -> None:
    for address in (
        "http://127.0.0.1:8080/api/",
        "http://localhost/api/",
        "http://[::1]:1/api/",
        "http://127.8.9.1/x/",
    ):
        assert settings.load(slack_api_url=address).slack_api_url == address


@pytest.mark.parametrize(
    ("given", "there"),
    [
        ({}, None),
        ({"metrics_host": "127.0.0.1", "metrics_port": "3000"}, None),
        ({"metrics_port": "9100"}, ("127.0.0.1", 9100)),
        ({"metrics_host": "10.0.0.5"}, ("10.0.0.5", 3000)),
        ({"host": "0.0.0.0", "port": "80", "metrics_host": "127.0.0.1"}, ("127.0.0.1", 80)),
    ],
)
def test_health_and_metrics_are_apart_where_their_address_is_another(
    given: dict[str, str], there: tuple[str, int] | None
) -> None:
    assert settings.load(**given).monitoring_address == there


def test_trusted_proxies_are_networks_or_single_addresses() -> None:
    loaded = settings.load(trusted_proxies="127.0.0.1, 10.1.0.0/16,2001:db8::/32")
    assert [str(network) for network in loaded.trusted_proxies] == ["127.0.0.1/32", "10.1.0.0/16", "2001:db8::/32"]


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_ALLOWED_PORTS", "")
    assert 587 in settings.load().smtp_allowed_ports


BAD = [
    ("SLACK_BOT_TOKEN", "xoxp-canary-1234", "xoxb-"),
    ("SLACK_APP_TOKEN", "xoxb-canary-1234", "xapp-"),
    ("SLACK_API_URL", "slack.com", "not a web address"),
    ("SLACK_API_URL", "https://[bad", "not a web address"),
    ("SLACK_API_URL", "http://slack.com/api/", "begins with https://"),
    ("SLACK_API_URL", "HTTP://slack.com/api/", "begins with https://"),
    ("SLACK_API_URL", "http://127.0.0.1@slack.example/", "begins with https://"),
    ("SLACK_API_URL", "http://localhost.example/", "begins with https://"),
    ("SLACK_API_URL", "http://10.0.0.1/", "begins with https://"),
    ("DATABASE_URL", "mysql://canary@db/x", "neither"),
    ("ENCRYPTION_KEYS_FILE", "/nowhere/keys", "cannot be read"),
    ("ENCRYPTION_KEYS_COMMAND", "sops -d 'canary", "not written as a command"),
    ("ENCRYPTION_KEYS_COMMAND", " ", "no command"),
    ("PORT", "http", "not a port"),
    ("PORT", "70000", "not a port"),
    ("PORT", "²", "not a port"),
    ("METRICS_PORT", "http", "not a port"),
    ("METRICS_PORT", "70000", "not a port"),
    ("TRUSTED_PROXIES", "nginx", "“nginx” is not a network"),
    ("TRUSTED_PROXIES", "10.0.0.1/8", "“10.0.0.1/8” is not a network"),
    ("TRUSTED_PROXIES", "127.0.0.1,0.0.0.0/0", "“0.0.0.0/0” is everybody"),
    ("TRUSTED_PROXIES", "::/0", "“::/0” is everybody"),
    ("PUBLIC_URL", "ftp://x", "not a web address"),
    ("PUBLIC_URL", "http://email.example.com", "https://"),
    ("PUBLIC_URL", "https://example.com/email", "it ends after the host"),
    ("PUBLIC_URL", "https://example.com?x=1", "it ends after the host"),
    ("PASSWORD_ENTRY", "slack", "'private'"),
    ("DISCOVERY", "yes", "'local' or 'off'"),
    ("PASSWORD_ENTRY", "private", "needs PUBLIC_URL"),
    ("HISTORY_DAYS", "forever", "not a number of days"),
    ("HISTORY_DAYS", "0", "from 1 to 36500"),
    ("ADMIN_USER_IDS", "U1,@ada", "“@ada” is not a Slack user id"),
    ("SMTP_ALLOWED_NETWORKS", "10.0.0.1/8", "“10.0.0.1/8” is not a network"),
    ("SMTP_ALLOWED_PORTS", "25,smtp", "“smtp” is not a port"),
    ("SMTP_ALLOWED_PORTS", ",", "at least one"),
    ("SMTP_TIMEOUT", "soon", "not a number"),
    ("SMTP_TIMEOUT", "0", "from 1 to 120"),
    ("SMTP_TIMEOUT", "nan", "from 1 to 120"),
    ("SMTP_CA_FILE", "/nowhere/ca.pem", "cannot be read"),
    (
        "SMTP_HELO",
        "my_bot.example.com",
        "“my_bot.example.com” is neither a full host name nor an IP address in brackets",
    ),
    ("PROGRAMS", "yes", "'on' or 'off'"),
    ("SUBMISSION_HOST", "mail-out.example.com", "use an IP address"),
    ("SUBMISSION_PORT", "smtp", "not a port"),
    ("SUBMISSION_TLS_PORT", "70000", "not a port"),
    ("SUBMISSION_NAME", "mail out", "neither a host name nor an IP address"),
    ("SUBMISSION_CERT_FILE", "/nowhere/cert.pem", "cannot be read"),
    ("SUBMISSION_KEY_FILE", "/nowhere/key.pem", "cannot be read"),
    ("SMTP_HELO", "laptop7", "neither a full host name"),
    ("SMTP_HELO", "192.0.2.1", "in brackets"),
    ("SMTP_HELO", "[IPv6:192.0.2.1]", "in brackets"),
    ("SMTP_HELO", "bot.example.com QUIT", "neither a full host name"),
    ("LOG_LEVEL", "loud", "'debug'"),
    ("LOG_FORMAT", "xml", "'json'"),
]


@pytest.mark.parametrize(("name", "value", "why"), BAD)
def test_a_bad_value_is_one_line_with_name_reason_and_example(
    name: str, value: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        settings.load()
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{name}: ")
    assert why in line
    assert line.endswith(f"Example: {name}={EXAMPLES[name]}")
    assert "canary" not in line


def test_two_bad_values_are_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("LOG_LEVEL", "x")
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == ["PORT", "LOG_LEVEL"]


def test_serving_slack_names_each_missing_token() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load().require_slack()
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]


OAUTH = {"slack_client_id": "12.34", "slack_client_secret": "canary"}


@pytest.mark.parametrize(
    ("given", "name", "why"),
    [
        ({"slack_client_id": "12.34"}, "SLACK_CLIENT_SECRET", "it is not set, although SLACK_CLIENT_ID is"),
        ({"slack_client_secret": "canary"}, "SLACK_CLIENT_ID", "it is not set, although SLACK_CLIENT_SECRET is"),
        ({**OAUTH, "slack_bot_token": "xoxb-canary"}, "SLACK_BOT_TOKEN", "keep one of them"),
        ({**OAUTH, "admin_user_ids": "U1"}, "ADMIN_USER_IDS", "somebody else in another workspace"),
    ],
)
def test_one_workspace_or_many_and_nothing_between(given: dict[str, str], name: str, why: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load(**given)
    line = str(caught.value)
    assert line.startswith(f"{name}: ")
    assert why in line
    assert line.endswith(f"Example: {name}={EXAMPLES[name]}")
    assert "\n" not in line
    assert "canary" not in line


def test_many_workspaces_need_no_bot_token_but_a_way_in() -> None:
    for way_in in ({"slack_signing_secret": "canary"}, {"slack_app_token": "xapp-canary"}):
        loaded = settings.load(**OAUTH, **way_in)
        loaded.require_slack()
        assert loaded.many_workspaces
        assert "canary" not in repr(loaded)
    with pytest.raises(SettingsError, match=r"^SLACK_APP_TOKEN: .*SLACK_SIGNING_SECRET"):
        settings.load(**OAUTH).require_slack()


def test_beside_a_bot_token_the_client_serves_signing_in_alone() -> None:
    one = {"slack_bot_token": "xoxb-canary", "admin_user_ids": "U1"}
    loaded = settings.load(**OAUTH, **one, public_url="https://email.example.com")
    assert (loaded.many_workspaces, loaded.sign_in_first) == (False, True)
    assert not settings.load(**one, public_url="https://email.example.com").sign_in_first
    many = settings.load(**OAUTH, public_url="https://email.example.com")
    assert (many.many_workspaces, many.sign_in_first) == (True, True)
    assert not settings.load(**OAUTH).sign_in_first
    with pytest.raises(
        SettingsError, match=r"^SLACK_BOT_TOKEN: .* Or set PUBLIC_URL, and people of this one workspace"
    ):
        settings.load(**OAUTH, **one)


def test_two_sources_of_keys_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("abc\n")
    monkeypatch.setenv("ENCRYPTION_KEYS", "abc")
    monkeypatch.setenv("ENCRYPTION_KEYS_FILE", str(tmp_path / "keys"))
    with pytest.raises(SettingsError, match="ENCRYPTION_KEYS: both"):
        settings.load()


def test_a_key_file_holds_one_key_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("first\nsecond\n")
    monkeypatch.setenv("ENCRYPTION_KEYS_FILE", str(tmp_path / "keys"))
    assert settings.load().key_text() == "first,second"


def test_no_secret_stands_in_a_repr() -> None:
    loaded = settings.load(
        slack_bot_token="xoxb-canary",
        slack_app_token="xapp-canary",
        slack_signing_secret="canary",
        database_url="postgresql://bot:canary@db/x",
        encryption_keys="canary",
        vault_token="canary",
    )
    by_command = settings.load(encryption_keys_command="vault kv get canary")
    assert by_command.encryption_keys_command[-1] == "canary"
    assert "canary" not in repr(loaded) + str(loaded) + repr(by_command)


def test_given_settings_ignore_the_environment_and_dotenv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SLACK_APP_TOKEN=xapp-real\n")
    monkeypatch.setenv("PORT", "5000")
    given = GivenSettings(host="::1")
    assert (given.slack_app_token, given.port, given.host) == (None, 3000, "::1")


def test_the_demo_keeps_its_database_in_its_folder(tmp_path: Path) -> None:
    # Scenarios put others in its place, which must end with them.
    assert run.embedded_database(tmp_path) == f"sqlite:///{tmp_path}/email-profiles.db"


def test_a_name_in_dotenv_that_is_nearly_a_setting_is_told_and_names_of_others_are_not(tmp_path: Path) -> None:
    assert settings.settings_file() is None
    assert settings.misspelt_settings() == {}
    near = {
        "SLACK_BOT_TOKN": "SLACK_BOT_TOKEN",
        "ENCRYPTION_KEY": "ENCRYPTION_KEYS",
        "DATABASE_URI": "DATABASE_URL",
        "LOGLEVEL": "LOG_LEVEL",
        "ADMIN_USER_ID": "ADMIN_USER_IDS",
        "SMTP_ALLOWED_PORT": "SMTP_ALLOWED_PORTS",
    }
    others = ("SMTP_HOST", "SMTP_PORT", "POSTGRES_PASSWORD", "OTEL_SERVICE_NAME", "TZ", "AWS_PROFILE", "VAULT_ADDR")
    like_replaced = ("VAULT_TOKEN_FILE", "VAULT_NAMESPACES", "ENCRYPTION_PASSPHRASES")
    lines = [f"{name}=canary" for name in (*near, *others, *like_replaced, "log_format")]
    (tmp_path / ".env").write_text("\n".join([*lines, "export HISTORY_DAY=1", "VAULT_TOKEN=canary"]))
    assert settings.misspelt_settings() == {**near, "HISTORY_DAY": "HISTORY_DAYS"}
    assert settings.settings_file() == tmp_path / ".env"
    (tmp_path / ".env").write_bytes(b"SLACK_BOT_TOKN=\xff")
    assert settings.misspelt_settings() == {}


@pytest.mark.parametrize("name", ["bot.example.com", "Bot-1.Example.COM", "[192.0.2.1]", "[IPv6:2001:db8::1]"])
def test_what_mail_servers_may_be_greeted_with_is_kept_as_it_is(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SMTP_HELO", name)
    assert settings.load().smtp_helo == name


@pytest.mark.parametrize(
    ("given", "name", "why"),
    [
        ({"submission_tls_port": "465"}, "SUBMISSION_CERT_FILE", "SUBMISSION_TLS_PORT needs a certificate"),
        ({"submission_cert_file": "FILE"}, "SUBMISSION_KEY_FILE", "although SUBMISSION_CERT_FILE is"),
        ({"submission_key_file": "FILE"}, "SUBMISSION_CERT_FILE", "although SUBMISSION_KEY_FILE is"),
        ({"submission_host": "0.0.0.0", "submission_port": "587"}, "SUBMISSION_CERT_FILE", "without encryption"),
        (
            {
                "submission_host": "0.0.0.0",
                "submission_port": "587",
                "submission_cert_file": "FILE",
                "submission_key_file": "FILE",
            },
            "SUBMISSION_NAME",
            "programs are told a name",
        ),
    ],
)
def test_a_submission_server_that_anybody_could_read_or_nobody_would_find_ends_the_start(
    given: dict[str, str], name: str, why: str, tmp_path: Path
) -> None:
    (tmp_path / "file.pem").write_text("")
    with pytest.raises(SettingsError) as caught:
        settings.load(**{key: str(tmp_path / "file.pem") if value == "FILE" else value for key, value in given.items()})
    assert str(caught.value).startswith(f"{name}: ")
    assert why in str(caught.value)
    assert str(caught.value).endswith(f"Example: {name}={EXAMPLES[name]}")


def test_programs_are_told_the_server_as_it_is_reached(tmp_path: Path) -> None:
    (tmp_path / "file.pem").write_text("")
    files = dict.fromkeys(("submission_cert_file", "submission_key_file"), str(tmp_path / "file.pem"))
    everywhere = {"submission_host": "0.0.0.0", "submission_name": "mail-out.example.com", **files}

    def told(**given: str) -> tuple[str, int, str] | None:
        values = server_settings(settings.load(**given))
        return None if values is None else (values.host, values.port, values.encryption)

    assert told() is None
    assert told(submission_port="2587", programs="off") is None
    assert told(submission_port="2587") == ("127.0.0.1", 2587, "none")
    assert told(submission_port="2587", **files) == ("127.0.0.1", 2587, "TLS")
    assert told(submission_port="587", **everywhere) == ("mail-out.example.com", 587, "TLS")
    assert told(submission_port="587", submission_tls_port="465", **everywhere) == ("mail-out.example.com", 465, "SSL")


def test_programs_are_told_the_send_api_as_it_is_reached() -> None:
    reached = {
        "127.0.0.1": "http://127.0.0.1:3000",
        "0.0.0.0": "http://127.0.0.1:3000",
        "::": "http://[::1]:3000",
        "10.1.4.7": "http://10.1.4.7:3000",
    }
    assert {host: endpoints(settings.load(host=host)).api_url for host in reached} == reached
    public = settings.load(host="0.0.0.0", public_url="https://email.example.com")
    assert endpoints(public).api_url == "https://email.example.com"
