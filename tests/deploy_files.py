"""The files with which the bot is deployed, read as the programs that they are for read them."""

import json
import re
import shlex
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


def read(name: str) -> str:
    """Give the text of a file by its path from the root of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def dockerfile() -> list[tuple[str, str]]:
    """Give the instructions of the Dockerfile and what follows each, continued lines joined."""
    lines = [line for line in read("Dockerfile").splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined)]


def image() -> dict[str, str]:
    """Give the instructions of the Dockerfile's last stage, the last of each kind."""
    instructions = dockerfile()
    last = max(number for number, (name, _) in enumerate(instructions) if name == "FROM")
    return dict(instructions[last:])


def image_environment() -> dict[str, str]:
    """Give what the image sets in the environment."""
    return dict(part.split("=", 1) for part in image()["ENV"].split())


def health_check() -> list[str]:
    """Give the command with which Docker asks for the image's health."""
    command: list[str] = json.loads(image()["HEALTHCHECK"].split(" CMD ", 1)[1])
    return command


@cache
def _objects(name: str) -> list[Any]:
    return list(yaml.safe_load_all(read(name)))


def services() -> dict[str, dict[str, Any]]:
    """Give the services of compose.yaml by name."""
    found: dict[str, dict[str, Any]] = _objects("compose.yaml")[0]["services"]
    return found


def submission_service() -> dict[str, Any]:
    """Give what compose-submission.yaml adds to the bot."""
    added: dict[str, Any] = _objects("deploy/compose-submission.yaml")[0]["services"]["bot"]
    return added


def all_kubernetes(name: str) -> list[Any]:
    """Give the objects of a file by its path."""
    return _objects(name)


def kubernetes(kind: str) -> dict[str, Any]:
    """Give the one object of a kind in kubernetes.yaml."""
    (found,) = (each for each in _objects("deploy/kubernetes.yaml") if each["kind"] == kind)
    return dict(found)


def pod() -> dict[str, Any]:
    """Give what is told of each instance on Kubernetes."""
    told: dict[str, Any] = kubernetes("Deployment")["spec"]["template"]["spec"]
    return told


def unit() -> dict[str, str]:
    """Give the section "Service" of the systemd unit, the first of what stands there twice."""
    text = read("deploy/email-profile-bot.service").replace("SystemCallFilter=~", "SystemCallFilterWithout=~")
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return dict(parser["Service"])


def unit_environment() -> dict[str, str]:
    """Give what the systemd unit sets in the environment."""
    lines = read("deploy/email-profile-bot.service").splitlines()
    told = [line.removeprefix("Environment=") for line in lines if line.startswith("Environment=")]
    return dict(part.split("=", 1) for line in told for part in shlex.split(line))


def alert_expressions() -> list[str]:
    """Give every PromQL expression of the alerts."""
    groups = _objects("deploy/prometheus-rules.yaml")[0]["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


def panel_expressions() -> list[str]:
    """Give every PromQL expression of the dashboard."""
    panels = json.loads(read("deploy/grafana-dashboard.json"))["panels"]
    return [each["expr"] for panel in panels for each in panel["targets"]]


def expressions() -> list[str]:
    """Give every PromQL expression of the alerts and of the dashboard."""
    return alert_expressions() + panel_expressions()
