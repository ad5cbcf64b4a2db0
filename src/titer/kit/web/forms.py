"""Multipart forms, read strictly: what a lenient parser would drop or bend is refused."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from titer.kit.errors import Detail, InvalidBody, PayloadTooLarge, UnsupportedMediaType
from titer.kit.web.bodies import MIB
from titer.kit.web.fields import no_control_characters

#: What a form may take beside its file: boundaries, headers, a few short texts.
OVERHEAD = 64 * 1024
MAX_PARTS = 20
MAX_TEXT = 16 * 1024
_MAX_HEADERS = 4 * 1024
_MAX_BOUNDARY = 70
_FORM_DATA = b"multipart/form-data"


class NotAForm(UnsupportedMediaType):
    """A body of another kind, where a form is wanted."""

    message = "Send a form with Content-Type: multipart/form-data."


@dataclass(slots=True)
class Part:
    """One part of a form. `file_name` is None where the part is plain text."""

    name: str = ""
    file_name: str | None = None
    headers: dict[bytes, bytes] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)


class FormRequest(Request):
    """A request whose form was read and parsed beforehand, by our rules."""

    def __init__(self, request: Request, parts: Sequence[Part]) -> None:
        super().__init__(request.scope, request.receive)
        self._body = b""
        self._form = FormData([(part.name, _value(part)) for part in parts])


def _value(part: Part) -> str | UploadFile:
    if part.file_name is None:
        return part.data.decode()
    content = io.BytesIO(part.data)
    return UploadFile(content, size=len(part.data), filename=part.file_name)


def require_form(request: Request) -> bytes:
    """The boundary of the form that the request announces. Raises `UnsupportedMediaType`."""
    media_type, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if media_type != _FORM_DATA:
        raise NotAForm
    if not 1 <= len(boundary) <= _MAX_BOUNDARY:
        raise InvalidBody("The form's Content-Type names no boundary.")
    return boundary


def parse(body: bytes, boundary: bytes, file_limit: int) -> list[Part]:
    """The parts of a form, each with a name of its own.

    Raises `InvalidBody` for what is no form, for a part without a name, given twice, empty, or
    not UTF-8, and `PayloadTooLarge` for a file above `file_limit` bytes.
    """
    reading = _Reading()
    try:
        parser = MultipartParser(boundary, reading.callbacks())  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise InvalidBody("The request body is not a whole multipart form.") from error
    if not reading.ended:
        raise InvalidBody("The request body is not a whole multipart form.")
    _check(reading.parts, file_limit)
    return reading.parts


def _check(parts: Sequence[Part], file_limit: int) -> None:
    seen: set[str] = set()
    for part in parts:
        if part.name in seen:
            _refuse(part, "stands twice")
        seen.add(part.name)
        if part.file_name is not None:
            if len(part.data) > file_limit:
                raise PayloadTooLarge(f"A file may have at most {file_limit // MIB} MiB.")
            continue
        if not part.data:
            _refuse(part, "is empty: leave it out, or say something")
        try:
            no_control_characters(part.data.decode())
        except UnicodeDecodeError:
            _refuse(part, "is not UTF-8")
        except ValueError as error:
            _refuse(part, str(error))


def _refuse(part: Part, what: str) -> None:
    shown = part.name[:64]
    raise InvalidBody(
        f"The request body is not valid: {shown} {what}.", details=[Detail(shown, what)]
    )


def told(parts: Sequence[Part]) -> bytes:
    """What makes a form the same form, whatever its boundary and the order of its parts."""
    digest = hashlib.sha256()
    for part in sorted(parts, key=lambda part: part.name):
        kind = "text" if part.file_name is None else "file"
        for piece in (part.name, kind, part.file_name or ""):
            digest.update(hashlib.sha256(piece.encode()).digest())
        digest.update(hashlib.sha256(part.data).digest())
    return digest.digest()


class _Reading:
    """What the parser calls while it goes through the body."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.ended = False
        self._header = bytearray()
        self._words = bytearray()

    def callbacks(self) -> dict[str, object]:
        names = (
            "part_begin",
            "header_field",
            "header_value",
            "header_end",
            "headers_finished",
            "part_data",
            "end",
        )
        return {f"on_{name}": getattr(self, f"on_{name}") for name in names}

    def on_part_begin(self) -> None:
        if len(self.parts) == MAX_PARTS:
            raise InvalidBody(f"A form may have at most {MAX_PARTS} parts.")
        self.parts.append(Part())

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._bound()

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._words += data[start:end]
        self._bound()

    def _bound(self) -> None:
        if len(self._header) + len(self._words) > _MAX_HEADERS:
            raise InvalidBody("A header within the form is too long.")

    def on_header_end(self) -> None:
        self.parts[-1].headers[bytes(self._header).lower()] = bytes(self._words)
        self._header.clear()
        self._words.clear()

    def on_headers_finished(self) -> None:
        part = self.parts[-1]
        kind, options = parse_options_header(part.headers.get(b"content-disposition"))
        if kind != b"form-data" or not options.get(b"name"):
            raise InvalidBody("A part of the form has no name.")
        if b"content-transfer-encoding" in part.headers:
            encoding = part.headers[b"content-transfer-encoding"].strip().lower()
            if encoding not in {b"binary", b"8bit", b"7bit"}:
                raise InvalidBody("A part of the form is encoded; send its bytes as they are.")
        part.name = _text(options[b"name"])
        if b"filename" in options:
            part.file_name = _text(options[b"filename"])

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self.parts[-1]
        part.data += memoryview(data)[start:end]
        if part.file_name is None and len(part.data) > MAX_TEXT:
            raise InvalidBody(f"{part.name[:64]} is longer than a form's text may be.")

    def on_end(self) -> None:
        self.ended = True


def _text(raw: bytes) -> str:
    try:
        return no_control_characters(raw.decode())
    except ValueError as error:
        raise InvalidBody("A name within the form is not plain UTF-8 text.") from error
