"""The API's own description, in OpenAPI 3.1: from the fields of a letter, and the problems that it answers with."""

from importlib.metadata import version
from typing import Any

from bot.programs.send_api.answers import STATUSES, TYPE_PREFIX, Problem
from bot.programs.send_api.asked_letters import JSON, MOST_BYTES, RAW
from bot.programs.send_api.idempotency import KEPT_HOURS, MOST_CHARACTERS
from bot.programs.send_api.letter_fields import LetterFields

_PROBLEM_JSON = "application/problem+json"


def description() -> dict[str, Any]:
    """Return the description of all routes."""
    message = LetterFields.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "The send API of email-profile-bot",
            "version": version("email-profile-bot"),
            "summary": "Programs send mail in the name of the person to whose profile their token belongs.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": {
            "/v1/send": {"post": _send()},
            "/v1/profile": {"get": _profile()},
            "/v1/openapi.json": {"get": _openapi()},
        },
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The token of a program: epb_…."}
            },
            "schemas": {
                **message.pop("$defs"),
                "Message": message,
                "Sent": _SENT,
                "Profile": _PROFILE,
                "Problem": _PROBLEM,
            },
            "headers": {
                "Retry-After": {
                    "description": "Seconds after which it may be tried again.",
                    "schema": {"type": "string", "pattern": "^[0-9]+$"},
                }
            },
        },
    }


def _send() -> dict[str, Any]:
    return {
        "operationId": "send",
        "summary": "Send one message, and wait for the mail provider's answer.",
        "description": (
            "200 means that the provider took the message for every recipient; where it refuses one of them, nothing "
            "is sent. Nothing is queued and nothing is tried twice: what is answered with another status was not "
            "sent, except that with 504 nobody knows."
        ),
        "parameters": _send_parameters(),
        "requestBody": _send_body(),
        "responses": {
            "200": {
                "description": "The provider took the message for every recipient.",
                "headers": {
                    "Idempotency-Status": {
                        "description": "The message was sent before, by a request with the same key.",
                        "schema": {"type": "string", "enum": ["replayed"]},
                    }
                },
                "content": {JSON: {"schema": {"$ref": "#/components/schemas/Sent"}}},
            },
            **_problems(*(kind for kind in Problem if kind not in (Problem.NOT_FOUND, Problem.METHOD_NOT_ALLOWED))),
        },
    }


def _send_parameters() -> list[dict[str, Any]]:
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": (
                f"The same request with the same key is sent once in {KEPT_HOURS} hours, and answered alike. The "
                "key with another body is refused with 409."
            ),
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": MOST_CHARACTERS,
                "pattern": "^[!-~]([ -~]*[!-~])?$",
            },
        },
        _envelope("Envelope-To", "The recipients, with commas between them, in place of To, Cc and Bcc."),
        _envelope("Envelope-From", "The sender that the provider is told; the profile's address, also unless given."),
    ]


def _send_body() -> dict[str, Any]:
    return {
        "required": True,
        "content": {
            JSON: {
                "schema": {"$ref": "#/components/schemas/Message"},
                "example": {
                    "to": ["grace@example.com"],
                    "subject": "Label 4711",
                    "text": "The label is attached.",
                    "attachments": [
                        {"filename": "label.txt", "contentType": "text/plain", "content": "TGFiZWwgNDcxMQo="}
                    ],
                },
            },
            RAW: {
                "schema": {"type": "string", "format": "binary", "maxLength": MOST_BYTES[RAW]},
                "example": ("From: ada@example.com\r\nTo: grace@example.com\r\nSubject: Label 4711\r\n\r\nReady.\r\n"),
            },
        },
    }


def _profile() -> dict[str, Any]:
    return {
        "operationId": "profile",
        "summary": "Tell whose profile the token sends with, and what the program may.",
        "responses": {
            "200": {
                "description": "The profile.",
                "content": {JSON: {"schema": {"$ref": "#/components/schemas/Profile"}}},
            },
            **_problems(
                Problem.WRONG_TOKEN, Problem.HTTPS_REQUIRED, Problem.TOO_MANY, Problem.FAILED, Problem.UNAVAILABLE
            ),
        },
    }


def _openapi() -> dict[str, Any]:
    return {
        "operationId": "openapi",
        "summary": "Give this description.",
        "security": [],
        "responses": {"200": {"description": "It.", "content": {JSON: {"schema": {"type": "object"}}}}},
    }


def _envelope(name: str, what: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "description": what,
        "schema": {"type": "string", "format": "email"},
        "required": False,
    }


def _problems(*kinds: Problem) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for kind in kinds:
        status, title = STATUSES[kind]
        line = f"`{kind}`: {title}."
        if (known := responses.get(str(status))) is not None:
            known["description"] += f" {line}"
            continue
        responses[str(status)] = {
            "description": line,
            "headers": {"Retry-After": {"$ref": "#/components/headers/Retry-After"}},
            "content": {_PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return responses


_TEXT = {"type": "string"}

_SENT = {
    "type": "object",
    "required": ["id", "messageId", "response"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "description": "By which whoever runs the bot finds it in the log."},
        "messageId": {"type": "string", "description": "The message's Message-ID."},
        "response": {"type": "string", "description": "What the provider answered, with its server's name."},
    },
}

_PROFILE = {
    "type": "object",
    "required": ["address", "name", "ready", "program"],
    "additionalProperties": False,
    "properties": {
        "address": {"type": "string", "description": "The only address that messages may be from."},
        "name": {"type": "string", "description": "The name that is shown with it, where a message says no other."},
        "ready": {"type": "boolean", "description": "False: the owner has to do something before anything is sent."},
        "stage": {
            "type": ["string", "null"],
            "description": "Where not ready: the stage of a connection test that fails.",
        },
        "code": {"type": ["string", "null"], "description": "Where not ready: what fails there."},
        "program": {
            "type": "object",
            "required": ["id", "name", "maySendTo", "messagesADay", "endsOn"],
            "additionalProperties": False,
            "properties": {
                "id": _TEXT,
                "name": _TEXT,
                "maySendTo": {"type": "string", "enum": ["anyone", "own domain"]},
                "messagesADay": {"type": "integer"},
                "endsOn": {"type": ["string", "null"], "format": "date"},
            },
        },
    },
}

_PROBLEM = {
    "type": "object",
    "description": "A problem as RFC 9457 has it.",
    "required": ["type", "title", "status", "detail", "problem"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string", "format": "uri", "description": f"{TYPE_PREFIX} and `problem`."},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened, and what to do next."},
        "problem": {"type": "string", "enum": [str(kind) for kind in Problem]},
        "errors": {
            "type": "array",
            "description": "With invalid_request: what is wrong, field by field.",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "additionalProperties": False,
                "properties": {"field": _TEXT, "detail": _TEXT},
            },
        },
        "stage": {"type": "string", "description": "With profile_not_ready: the failing stage of a connection test."},
        "code": {
            "type": ["integer", "string", "null"],
            "description": "The provider's SMTP code; with profile_not_ready, what fails in a connection test.",
        },
        "enhanced": {"type": "string", "description": "The provider's enhanced code, such as 5.7.1, or empty."},
        "text": {"type": "string", "description": "The provider's own words."},
        "recipient": {"type": "string", "description": "Whom the provider refused; nothing was sent to anybody."},
        "messageId": {"type": "string", "description": "With outcome_unknown: the message's Message-ID."},
        "limit": {"type": "integer", "description": "With too_large: how many bytes a body has at most."},
    },
}
