"""Several published faces behind one server: the path's beginning chooses.

Each face is a FastAPI application of its own, with its own document and its own spelling of
errors. They are not mounted: a mounted application is never asked for its own root, and would see
only a part of the path.
"""

from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send


class Faces:
    """Hands a request to the face whose prefix its path begins with, or to the last one."""

    def __init__(self, faces: Sequence[tuple[str, ASGIApp]], otherwise: ASGIApp) -> None:
        self._faces = tuple(faces)
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.face_of(scope["path"])(scope, receive, send)

    def face_of(self, path: str) -> ASGIApp:
        for prefix, app in self._faces:
            if path == prefix or path.startswith(f"{prefix}/"):
                return app
        return self._otherwise
