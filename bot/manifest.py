"""The app's manifest for HTTP mode, made from the one for Socket Mode."""

from importlib import resources

import yaml


def http_manifest(url: str) -> str:
    """Return the manifest for HTTP mode at `url`, as YAML; it serves one workspace, many, or whole organisations."""
    events_url = f"{url}/slack/events"
    text = resources.files("bot").joinpath("manifest.yml").read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    for command in document["features"]["slash_commands"]:
        command["url"] = events_url
    document["settings"]["event_subscriptions"]["request_url"] = events_url
    document["settings"]["interactivity"]["request_url"] = events_url
    document["settings"]["socket_mode_enabled"] = False
    document["settings"]["org_deploy_enabled"] = True
    document["oauth_config"]["redirect_urls"] = [f"{url}/slack/oauth_redirect"]
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True)).rstrip()
