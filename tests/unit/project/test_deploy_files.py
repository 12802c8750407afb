"""What deploys the bot agrees with the program and with itself: names, commands, ports, paths, users, times."""

import json
import re
import shutil
import subprocess
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import bot.observability.metrics
from bot.app import RUNNING_TESTS
from bot.cli import cli
from bot.exit_codes import EX_CONFIG
from bot.http_server import IDLE_SECONDS
from bot.observability.log import Outcome
from bot.observability.metrics import SENDS_ENDED, SUBMISSION_SESSIONS_ENDED, SUBMISSION_SIGN_INS_ENDED
from bot.profiles.account.private_links import link_path
from bot.programs.submission.connections import MOST as MOST_CONNECTIONS
from bot.server import DRAIN_SECONDS
from bot.settings import Settings
from bot.slack.request import MOST_BODY_BYTES
from bot.slack.workspaces.oauth import INSTALL_PATH, REDIRECT_PATH
from bot.slack.workspaces.sign_in import SIGN_IN_PATH
from bot.smtp.check.report import Outcome as StageOutcome
from bot.smtp.check.report import StageName
from storage.engines.postgresql import connection_values
from tests.deploy_files import (
    ROOT,
    alert_expressions,
    all_kubernetes,
    dockerfile,
    expressions,
    health_check,
    image,
    image_environment,
    kubernetes,
    panel_expressions,
    pod,
    read,
    services,
    submission_service,
    unit,
    unit_environment,
)
from tests.documents import rows

FILES = [
    "Dockerfile",
    ".dockerignore",
    "compose.yaml",
    "deploy/compose-submission.yaml",
    "deploy/email-profile-bot.service",
    "deploy/kubernetes.yaml",
    "deploy/kubernetes-submission.yaml",
    "deploy/nginx.conf",
    "deploy/postfix/main.cf",
    "deploy/postfix/senders",
    "deploy/postfix/tokens",
    "deploy/prometheus-rules.yaml",
    "deploy/grafana-dashboard.json",
]
SETTINGS = {name.upper() for name in Settings.model_fields}
MALLOC = {"MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_"}
"""What glibc is told (https://man7.org/linux/man-pages/man3/mallopt.3.html)."""
UID = 10001
SUBMISSION = "465"
"""The port for TLS from the first byte (RFC 8314)."""
PUBLIC_PATHS = (
    *("/slack/events", "/healthz", "/private/password.css", "/private/password.js"),
    *(INSTALL_PATH, REDIRECT_PATH, SIGN_IN_PATH, link_path("U0ADA", "token")),
)
"""What Slack and browsers ask the bot for."""
TO_CLOSE = 5
"""Seconds that a stop may take after the jobs have been waited for."""


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def of_the_program() -> list[dict[str, Any]]:
    return [service for service in services().values() if service["image"] == "email-profile-bot"]


def containers() -> list[dict[str, Any]]:
    return [*pod()["initContainers"], *pod()["containers"]]


# Names


def test_every_environment_variable_is_a_setting() -> None:
    given = set(image_environment())
    for service in of_the_program():
        given |= set(service["environment"])
    for container in containers():
        given |= {each["name"] for each in container["env"]}
    assert given - {"PATH", *MALLOC} <= SETTINGS
    assert {"HOST", "PORT", "DATABASE_URL", "ENCRYPTION_KEYS_FILE"} <= given


@pytest.mark.parametrize("name", FILES)
def test_every_setting_that_a_comment_or_a_sentence_names_exists(name: str) -> None:
    named = set(re.findall(r"\b[A-Z]{2,}_[A-Z_]+\b", read(name)))
    of_others = {word for word in named if word.startswith(("PIP_", "POSTGRES_", "AF_", "MALLOC_"))}
    assert named - of_others <= SETTINGS


@pytest.mark.parametrize("name", FILES)
def test_every_command_that_a_file_names_exists(name: str) -> None:
    for line in set(re.findall(r"email-profile-bot ((?:db|keys) [a-z]+|check|run)\b", read(name))):
        assert CliRunner().invoke(cli, [*line.split(), "--help"]).exit_code == 0, line


def test_what_is_started_is_a_command_of_the_program() -> None:
    scripts = tomllib.loads(read("pyproject.toml"))["project"]["scripts"]
    assert json.loads(image()["ENTRYPOINT"]) == list(scripts) == ["email-profile-bot"]
    path, _, arguments = unit()["ExecStart"].partition(" ")
    assert Path(path).name in scripts
    started = [json.loads(image()["CMD"]), arguments.split()]
    started += [service["command"] for service in of_the_program() if "command" in service]
    started += [container["args"] for container in containers()]
    assert sorted(map(tuple, started)) == [("db", "upgrade")] * 2 + [("run",)] * 3
    for each in started:
        assert CliRunner().invoke(cli, [*each, "--help"]).exit_code == 0


def test_images_are_plain_names_from_nowhere_in_particular() -> None:
    names = [rest.split()[0] for name, rest in dockerfile() if name == "FROM"]
    names += [each["image"] for each in [*services().values(), *containers()]]
    for name in names:
        assert re.fullmatch(r"(python|postgres|email-profile-bot)(:[\w.${}-]+)?", name), name


def test_the_image_has_a_python_that_the_program_is_made_for() -> None:
    ((_, given),) = ((name, rest) for name, rest in dockerfile() if name == "ARG")
    least = tomllib.loads(read("pyproject.toml"))["project"]["requires-python"].removeprefix(">=")
    version = given.removeprefix("PYTHON=").partition("-")[0]
    assert [int(part) for part in version.split(".")] >= [int(part) for part in least.split(".")]


def test_kubernetes_runs_the_version_that_the_program_has() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert {container["image"] for container in containers()} == {f"email-profile-bot:{version}"}


def test_the_image_is_built_from_what_is_needed_and_never_sees_a_secret() -> None:
    lines = [line for line in read(".dockerignore").splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    let_in = {line.removeprefix("!") for line in lines[1:] if line.startswith("!")}
    assert let_in == {"bot", "storage", "manifest.yml", "pyproject.toml", "requirements.txt", "README.md", "LICENSE"}
    # A link whose end is left out would be left out of the program too, without a word.
    for link in (each for room in ("bot", "storage") for each in (ROOT / room).rglob("*") if each.is_symlink()):
        assert link.resolve(strict=True).relative_to(ROOT).parts[0] in let_in, link
    assert any("--require-hashes -r requirements.txt" in rest for name, rest in dockerfile() if name == "RUN")
    assert not {name for name in SETTINGS if "TOKEN" in name or "KEY" in name or "SECRET" in name} & {
        name for kind, rest in dockerfile() if kind in ("ENV", "ARG") for name in re.findall(r"([A-Z_]+)=", rest)
    }


# Users, ports and paths


def test_nothing_runs_as_root_and_the_user_is_the_same_everywhere() -> None:
    assert image()["USER"] == f"{UID}:{UID}"
    assert any(f"--uid {UID} " in rest for name, rest in dockerfile() if name == "RUN")
    told = pod()["securityContext"]
    assert (told["runAsUser"], told["runAsGroup"], told["fsGroup"]) == (UID, UID, UID)
    assert told["runAsNonRoot"] is True
    assert all("user" not in service for service in of_the_program())
    assert services()["database"]["user"] != "root"
    assert unit()["User"] not in ("", "root")


def test_the_port_is_the_same_everywhere_and_published_on_loopback_alone() -> None:
    port, monitoring = image_environment()["PORT"], "9100"
    assert image_environment()["HOST"] == "0.0.0.0"
    assert port == image()["EXPOSE"] == str(Settings.model_fields["port"].default)
    assert services()["bot"]["ports"] == [f"127.0.0.1:{each}:{each}" for each in (port, monitoring)]
    assert services()["bot"]["environment"]["METRICS_PORT"] == monitoring
    assert all("ports" not in service for name, service in services().items() if name != "bot")
    ((container,),) = (pod()["containers"],)
    opened = {each["name"]: str(each["containerPort"]) for each in container["ports"]}
    assert opened == {"http": port, "monitoring": monitoring, "submission": SUBMISSION}
    assert {"name": "METRICS_PORT", "value": monitoring} in container["env"]
    ((door,),) = (kubernetes("Service")["spec"]["ports"],)
    assert door["targetPort"] == "http"
    rules = kubernetes("NetworkPolicy")["spec"]["ingress"]
    assert [[str(each["port"]) for each in rule["ports"]] for rule in rules] == [[port], [monitoring]]
    assert "os.environ['PORT']" in health_check()[-1]


def test_the_submission_server_is_reached_by_who_asks_for_it_alone_at_the_port_that_programs_are_told() -> None:
    assert image_environment()["SUBMISSION_HOST"] == "0.0.0.0"
    assert pod()["securityContext"]["sysctls"] == [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]
    assert all(SUBMISSION not in port for port in services()["bot"]["ports"])
    assert "submission" not in read("compose.yaml")
    service, policy = all_kubernetes("deploy/kubernetes-submission.yaml")
    assert service["spec"]["ports"] == [{"name": "submission", "port": int(SUBMISSION), "targetPort": "submission"}]
    ((rule,),) = (policy["spec"]["ingress"],)
    assert [str(each["port"]) for each in rule["ports"]] == [SUBMISSION]
    for chosen in (service["spec"]["selector"], policy["spec"]["podSelector"]["matchLabels"]):
        assert chosen == kubernetes("Service")["spec"]["selector"]
    added = submission_service()
    assert added["ports"] == [f"{SUBMISSION}:{SUBMISSION}"]
    assert added["sysctls"] == {"net.ipv4.ip_unprivileged_port_start": "0"}
    assert added["environment"]["SUBMISSION_TLS_PORT"] == SUBMISSION
    assert f"]:{SUBMISSION}" in read("deploy/postfix/senders")
    assert f"SUBMISSION_TLS_PORT={SUBMISSION}" in read("deploy/kubernetes-submission.yaml")
    assert f"ip_unprivileged_port_start={SUBMISSION} " in read("deploy/email-profile-bot.service")


def test_the_certificate_of_the_submission_server_is_read_from_a_folder_that_may_change() -> None:
    folder = "/etc/email-profile-bot-tls"
    (mounted,) = submission_service()["volumes"]
    assert mounted.split(":")[1:] == [folder, "ro"]
    for name in ("SUBMISSION_CERT_FILE", "SUBMISSION_KEY_FILE"):
        assert Path(submission_service()["environment"][name]).parent == Path(folder)
        assert f"{name}={folder}/tls." in read("deploy/kubernetes-submission.yaml")
    for container in containers():
        # Not `subPath`, which Kubernetes never brings up to date.
        assert {"name": "certificate", "mountPath": folder, "readOnly": True} in container["volumeMounts"]
    (given,) = (volume["secret"] for volume in pod()["volumes"] if volume["name"] == "certificate")
    assert given["optional"] is True


def test_settings_and_keys_are_files_in_the_folder_that_the_program_starts_in() -> None:
    folder = unit()["WorkingDirectory"]
    for service in of_the_program():
        assert service["working_dir"] == folder
        assert {secret["target"] for secret in service["secrets"]} == {f"{folder}/.env", f"{folder}/encryption-keys"}
        assert service["environment"]["ENCRYPTION_KEYS_FILE"] == f"{folder}/encryption-keys"
    for container in containers():
        assert container["workingDir"] == folder
        assert {"name": "settings", "mountPath": folder, "readOnly": True} in container["volumeMounts"]
        assert {"name": "ENCRYPTION_KEYS_FILE", "value": f"{folder}/encryption-keys"} in container["env"]
    # What a unit's Environment= says would stand above the file, and not hold for commands that are typed.
    assert "EnvironmentFile" not in unit()
    assert set(unit_environment()) == MALLOC


def test_the_c_library_s_memory_is_bounded_alike_wherever_it_runs() -> None:
    given = [image_environment(), unit_environment(), *(service["environment"] for service in of_the_program())]
    given += [{each["name"]: each["value"] for each in container["env"]} for container in containers()]
    bounds = {name: {each[name] for each in given} for name in MALLOC}
    assert bounds == {"MALLOC_ARENA_MAX": {"2"}, "MALLOC_TRIM_THRESHOLD_": {"131072"}}


def test_no_secret_stands_in_an_environment() -> None:
    kept = {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_CLIENT_SECRET", "ENCRYPTION_KEYS"}
    for service in of_the_program():
        assert not kept & set(service["environment"])
        assert ":" not in service["environment"]["DATABASE_URL"].removeprefix("postgresql:")
    for container in containers():
        assert not (kept | {"DATABASE_URL"}) & {each["name"] for each in container["env"]}


def test_the_bot_of_compose_reaches_its_database_through_a_socket_that_nobody_else_has() -> None:
    database = services()["database"]
    for service in of_the_program():
        values = connection_values(service["environment"]["DATABASE_URL"])
        assert values["user"] == database["environment"]["POSTGRES_USER"]
        assert values["dbname"] == database["environment"]["POSTGRES_DB"]
        assert f"socket:{values['host']}" in database["volumes"]
        assert f"socket:{values['host']}" in service["volumes"]
        assert service["depends_on"]["database"] == {"condition": "service_healthy"}
    assert database["network_mode"] == "none"
    assert services()["bot"]["depends_on"]["schema"] == {"condition": "service_completed_successfully"}


def test_the_data_of_the_image_is_where_sqlite_makes_its_file() -> None:
    assert image()["WORKDIR"] == image()["VOLUME"] == "/data"
    assert Settings.model_fields["database_url"].default.get_secret_value() == "sqlite:///email-profiles.db"
    assert "DATABASE_URL=sqlite:////var/lib/email-profile-bot/" in read("deploy/email-profile-bot.service")
    assert unit()["StateDirectory"] == "email-profile-bot"


def test_nginx_hands_on_what_is_for_everybody_and_nothing_of_health_or_metrics() -> None:
    text = re.sub(r"(?m)^\s*#.*$", "", read("deploy/nginx.conf"))
    exact, matched = (re.findall(rf"location {sign} (\S+) \{{", text) for sign in "=~")
    for path in (*PUBLIC_PATHS, "/v1/send", "/v1/profile", "/v1/openapi.json"):
        assert path in exact or any(re.search(pattern, path) for pattern in matched), path
    for path in (
        "/readyz",
        "/metrics",
        "/",
        "/v1/",
        "/v1/send/x",
        "/v1/openapi",
        "/healthz/x",
        "/slack/events/x",
        f"{SIGN_IN_PATH}/x",
        f"{INSTALL_PATH}x",
    ):
        assert path not in exact, path
        assert not any(re.search(pattern, path) for pattern in matched), path
    assert re.search(r"location / \{\s*return 404;", text)
    assert f"server 127.0.0.1:{image_environment()['PORT']};" in text
    # What a visitor wrote there is replaced, so that the last word is nginx's own.
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in text
    assert f"client_max_body_size {MOST_BODY_BYTES // 1024}k;" in text
    (kept,) = re.findall(r"keepalive_timeout (\d+)s;", text)
    assert int(kept) < IDLE_SECONDS


# Walls


@pytest.mark.parametrize("name", sorted(services()))
def test_a_service_of_compose_is_locked_down(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "/tmp" in service["tmpfs"]


def test_a_pod_is_locked_down() -> None:
    assert pod()["automountServiceAccountToken"] is False
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers():
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "limits" in container["resources"]


def test_pods_reach_mail_servers_on_the_allowed_ports_and_no_address_inside() -> None:
    names, database, outside = kubernetes("NetworkPolicy")["spec"]["egress"]
    assert {each["port"] for each in names["ports"]} == {53}
    assert [each["port"] for each in database["ports"]] == [5432]
    assert {each["port"] for each in outside["ports"]} == {443, *Settings.model_fields["smtp_allowed_ports"].default}
    closed = [ip_network(each) for to in outside["to"] for each in to["ipBlock"]["except"]]
    for address in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "10.1.2.3", "127.0.0.1"):
        assert any(ip_address(address) in network for network in closed), address


def test_one_pod_is_always_left() -> None:
    replicas = kubernetes("Deployment")["spec"]["replicas"]
    assert 1 <= kubernetes("PodDisruptionBudget")["spec"]["minAvailable"] < replicas
    assert kubernetes("Deployment")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    labels = kubernetes("Deployment")["spec"]["template"]["metadata"]["labels"]
    for chosen in (
        kubernetes("Deployment")["spec"]["selector"]["matchLabels"],
        kubernetes("Service")["spec"]["selector"],
        kubernetes("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        kubernetes("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ):
        assert chosen == labels


def test_the_unit_is_well_formed_and_exposes_little(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here")
    # The program is not installed there now, so another one stands in its place.
    text = read("deploy/email-profile-bot.service").replace(unit()["ExecStart"], "/bin/true")
    there = tmp_path / "email-profile-bot.service"
    there.write_text(text, encoding="utf-8")
    done = subprocess.run([analyze, "verify", str(there)], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    # In tenths; a service without any of it has 96, and what is left is that it opens sockets.
    measured = [analyze, "security", "--offline=true", "--threshold=15", str(there)]
    done = subprocess.run(measured, capture_output=True, text=True, check=False, timeout=60)
    if "offline" in done.stderr:
        pytest.skip("systemd-analyze is too old to measure a file")
    assert done.returncode == 0, done.stdout


# Times


def test_everybody_waits_long_enough_for_a_stop() -> None:
    least = DRAIN_SECONDS + TO_CLOSE
    assert seconds(services()["bot"]["stop_grace_period"]) >= least
    assert int(unit()["TimeoutStopSec"]) >= least
    ((bot,),) = (pod()["containers"],)
    *_, waited = bot["lifecycle"]["preStop"]["exec"]["command"]
    assert pod()["terminationGracePeriodSeconds"] >= int(waited) + least


def test_only_a_process_that_does_not_serve_is_started_anew() -> None:
    ((bot,),) = (pod()["containers"],)
    assert bot["livenessProbe"]["httpGet"]["path"] == bot["startupProbe"]["httpGet"]["path"] == "/healthz"
    assert bot["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert "'/healthz'" in health_check()[-1]


def test_systemd_reads_keys_anew_and_gives_up_on_wrong_settings_alone() -> None:
    assert unit()["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert unit()["KillSignal"] == "SIGTERM"
    assert unit()["Restart"] == "on-failure"
    assert unit()["RestartPreventExitStatus"] == str(EX_CONFIG)
    # A credential is a copy that was made at the start: reading it anew would read what is known already.
    assert "LoadCredential" not in unit()


# Alerts and dashboard


def test_alerts_say_what_happened_and_what_to_do() -> None:
    (group,) = yaml.safe_load(read("deploy/prometheus-rules.yaml"))["groups"]
    for rule in group["rules"]:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"].endswith(".")


def test_alerts_and_panels_name_stages_and_limits_that_exist() -> None:
    ends = {"passed", *StageName}
    for expression in expressions():
        for value in re.findall(r'test_seconds\w*\{ended\W+"([^"]*)"', expression):
            assert set(value.split("|")) <= ends
        for value in re.findall(r'renewals_total\{ended="([^"]*)"', expression):
            assert value in ("renewed", "refused", "failed")
        for limit in re.findall(r"jobs_running >= (\d+)", expression):
            assert int(limit) < RUNNING_TESTS
        for limit in re.findall(r"submission_connections\) >= (\d+)", expression):
            assert int(limit) < MOST_CONNECTIONS
        for name, ends_of in (("sign_ins", SUBMISSION_SIGN_INS_ENDED), ("sessions", SUBMISSION_SESSIONS_ENDED)):
            for value in re.findall(rf'submission_{name}_total{{ended\W+"([^"]*)"', expression):
                assert set(value.split("|")) <= set(ends_of), expression


def test_alerts_and_panels_name_outcomes_that_exist() -> None:
    for expression in expressions():
        for value in re.findall(r'outcome="([^"]*)"', expression):
            assert value in {*Outcome, *StageOutcome, *SENDS_ENDED}, expression


def test_every_series_has_a_panel_and_what_people_feel_has_an_alert() -> None:
    table = bot.observability.metrics.__doc__ or ""
    described = {row[0].strip("`").removeprefix("email_profile_bot_") for row in rows(table)}
    shown = " ".join(panel_expressions())
    assert [name for name in described if f"email_profile_bot_{name}" not in shown] == []
    watched = " ".join(alert_expressions())
    felt = {"ack_seconds", "request_seconds", "connection_test_seconds", "socket_mode_connected", "jobs_running"}
    felt |= {"submission_sign_ins_total", "submission_sessions_total", "submission_connections"}
    felt |= {"sends_total", "send_added_seconds", "send_sign_ins_total", "letter_bytes"}
    kept = {"token_renewals_total", "records", "database_connections", "build_info"}
    assert [name for name in felt | kept if f"email_profile_bot_{name}" not in watched] == []


def test_the_panels_of_the_dashboard_lie_beside_each_other() -> None:
    dashboard = json.loads(read("deploy/grafana-dashboard.json"))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
