"""`/docs`: the faces' documents to read and to try, without anything from outside.

The page's machinery is Swagger UI as the package `fastapi-swagger` ships it, new with each release
of Swagger UI; only its files are used. They are named by their content, so a browser may keep them
for ever, and the policy that is sent with the page lets it load nothing from elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template
from typing import Any

from fastapi import FastAPI
from starlette.responses import Response

ASSETS = "/docs/assets/"
_FOREVER = "public, max-age=31536000, immutable"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_OURS = files("titer.surfaces.operations") / "pages"
_SWAGGER = files("fastapi_swagger") / "resources"


@dataclass(frozen=True, slots=True)
class Document:
    """A face's published document, and what to call it."""

    name: str
    face: FastAPI

    @property
    def url(self) -> str:
        return str(self.face.openapi_url)

    def make(self) -> Mapping[str, Any]:
        return self.face.openapi()


@dataclass(frozen=True, slots=True)
class _Asset:
    file: Traversable
    media_type: str


_FILES: Mapping[str, _Asset] = {
    "swagger-ui-bundle.js": _Asset(_SWAGGER / "swagger-ui-bundle.js", "text/javascript"),
    "swagger-ui.css": _Asset(_SWAGGER / "swagger-ui.css", "text/css"),
    "docs.js": _Asset(_OURS / "docs.js", "text/javascript"),
    "docs.css": _Asset(_OURS / "docs.css", "text/css"),
    "icon.svg": _Asset(_OURS / "icon.svg", "image/svg+xml"),
}


class Documentation:
    """The page, and the few files that it loads."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._by_path: dict[str, _Asset] = {}
        names: dict[str, str] = {}
        for name, asset in _FILES.items():
            mark = sha256(asset.file.read_bytes()).hexdigest()[:12]
            path = f"{ASSETS}{mark}/{name}"
            self._by_path[path] = asset
            names[name.replace("-", "_").replace(".", "_")] = path
        options = "".join(
            f'<option value="{escape(document.url)}">{escape(document.name)}</option>'
            for document in documents
        )
        template = Template((_OURS / "docs.html").read_text("utf-8"))
        self._page = template.substitute(names, options=options)

    def page(self) -> Response:
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        return Response(self._page, 200, headers, media_type="text/html")

    def find_asset(self, path: str) -> Response | None:
        """One of the page's files, by its full path."""
        asset = self._by_path.get(path)
        if asset is None:
            return None
        headers = {"Cache-Control": _FOREVER}
        return Response(asset.file.read_bytes(), 200, headers, media_type=asset.media_type)
