"""Files as slack_sdk's files_upload_v2 brings them: ask for an address, send the bytes there, complete."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.demo.stand_in.faults import apply_fault
from bot.demo.stand_in.people import BOT_USER
from bot.demo.stand_in.platform import Message, Platform, UploadedFile
from bot.demo.stand_in.views import PlatformError

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass
class _Upload:
    """A file on its way; `content` is None until its bytes came."""

    id: str
    name: str
    length: int
    content: bytes | None = None


class Uploads:
    """The two methods and the address between them: https://docs.slack.dev/messaging/working-with-files."""

    def __init__(self, workspace: Platform) -> None:
        self._workspace = workspace
        self._by_id: dict[str, _Upload] = {}
        self._by_address: dict[str, _Upload] = {}

    async def get_url(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Answer files.getUploadURLExternal."""
        name, length = str(arguments.get("filename") or ""), str(arguments.get("length", ""))
        if not name or not length.isdecimal() or int(length) == 0:
            raise PlatformError("invalid_arguments", ["filename and length are required"])
        upload = _Upload(id=f"F{secrets.token_hex(5).upper()}", name=name, length=int(length))
        address = secrets.token_urlsafe(24)
        self._by_id[upload.id] = self._by_address[address] = upload
        return {"upload_url": f"{self._workspace.base_url}/upload/v1/{address}", "file_id": upload.id}

    async def take_bytes(self, request: web.Request) -> web.Response:
        """Store a file's bytes, sent raw or as a form's file; an address works once."""
        fault = self._workspace.next_fault("files.upload")
        if fault is not None and (broken := await apply_fault(fault, request)) is not None:
            return broken
        upload = self._by_address.pop(request.match_info["address"], None)
        if upload is None:
            return web.Response(status=404, text="no such upload")
        content = await _content(request)
        if len(content) != upload.length:
            return web.Response(status=400, text=f"{upload.length} bytes were announced, {len(content)} came")
        upload.content = content
        return web.Response(text=f"OK - {len(content)}")

    async def complete(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Answer files.completeUploadExternal: keep the files and, if a channel is named, post them there."""
        files = arguments.get("files")
        wanted = json.loads(files) if isinstance(files, str) else files or []
        uploads = [self._by_id.get(str(entry.get("id"))) for entry in wanted]
        channel = str(arguments.get("channel_id") or "")
        if not uploads:
            raise PlatformError("invalid_arguments", ["files is required"])
        if channel:
            self._workspace.check_member(channel)
            self._workspace.pace.count_message(channel)
        done = [(upload, upload.content) for upload in uploads if upload is not None and upload.content is not None]
        if len(done) < len(uploads):
            raise PlatformError("file_not_found")
        for upload, content in done:
            del self._by_id[upload.id]
            self._workspace.files.append(UploadedFile(name=upload.name, content=content, channel=channel))
        if channel:
            lines = [f"Attached file: {upload.name.translate(_ENTITIES)}" for upload, _ in done]
            comment = str(arguments.get("initial_comment") or "")
            text = "\n".join([*([comment] if comment else []), *lines])
            await self._workspace.post(Message(author=BOT_USER, channel=channel, text=text))
        titles = {entry.get("id"): entry.get("title") for entry in wanted}
        return {"files": [{"id": upload.id, "title": titles[upload.id] or upload.name} for upload, _ in done]}


async def _content(request: web.Request) -> bytes:
    if not request.content_type.startswith("multipart/"):
        return await request.read()
    fields = (await request.post()).values()
    return b"".join([field.file.read() for field in fields if isinstance(field, web.FileField)])
