"""Titer with one face in place of four: what the others cost a request."""

from collections.abc import Sequence

from starlette.types import ASGIApp

import titer.app
from titer.kit.web.faces import Faces


class OneFace(Faces):
    """The first of the faces, and nothing beside it but the probes."""

    def __init__(self, faces: Sequence[tuple[str, ASGIApp]], otherwise: ASGIApp) -> None:
        super().__init__(faces[:1], otherwise)


def application() -> titer.app.Titer:
    titer.app.Faces = OneFace  # type: ignore[attr-defined]
    return titer.app.create_app()
