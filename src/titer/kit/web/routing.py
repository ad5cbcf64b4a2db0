"""From a path to its operation without a walk over all of them.

A face has dozens of routes, and Starlette tries one pattern after another. Ours consist of fixed
segments and ids, so that a look-up by the fixed ones finds the route. What is not found here, be
it another method, an unknown path or the document, is the application's to answer.
"""

from collections.abc import Iterable

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from titer.kit.errors import Internal
from titer.kit.web.door import Door
from titer.kit.web.visits import Face

_Shape = tuple[int, tuple[int, ...]]
"""How many segments a path has, and at which places its ids stand."""


class Routes:
    """Stands before a face's application, and takes from it what it finds itself."""

    def __init__(self, app: FastAPI) -> None:
        self.app: ASGIApp = app
        self._application = app
        self._face: Face = app.state.face
        self._shapes: list[_Shape] = []
        self._known: dict[tuple[_Shape, str, tuple[str, ...]], tuple[Door, tuple[str, ...]]] = {}
        found = (route for route in app.routes if isinstance(route, Door) and route.is_bound)
        self._learn(found)

    def _learn(self, routes: Iterable[Door]) -> None:
        for route in routes:
            segments = route.path.split("/")
            places = tuple(at for at, each in enumerate(segments) if each[:1] == "{")
            shape = len(segments), places
            fixed = tuple(each for each in segments if each[:1] != "{")
            names = tuple(segments[at][1:-1] for at in places)
            for method in route.methods or ():
                self._known.setdefault((shape, method, fixed), (route, names))
            if shape not in self._shapes:
                self._shapes.append(shape)
        # A path that is spelled out wins over one with an id in its place.
        self._shapes.sort(key=lambda shape: len(shape[1]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._find(scope) if scope["type"] == "http" else None
        if route is None:
            await self.app(scope, receive, send)
            return
        scope["route"], scope["endpoint"], scope["app"] = route, route.endpoint, self._application
        await self._answer(route, scope, receive, send)

    async def _answer(self, route: Door, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        request = Request(scope, receive, send)
        try:
            response = await route.through(request)
            await response(scope, receive, send_and_note)
        except Exception:
            # What nobody foresaw is told by whoever stands before us all, in no face's voice.
            if not started:
                await self._face.refuse(request, Internal())(scope, receive, send)
            raise

    def _find(self, scope: Scope) -> Door | None:
        if scope.get("root_path"):
            return None
        segments = scope["path"].split("/")
        count = len(segments)
        for shape in self._shapes:
            if shape[0] != count:
                continue
            places = shape[1]
            fixed = tuple(each for at, each in enumerate(segments) if at not in places)
            found = self._known.get((shape, scope["method"], fixed))
            if found is not None and all(segments[at] for at in places):
                route, names = found
                values = (segments[at] for at in places)
                scope["path_params"] = dict(zip(names, values, strict=True))
                return route
        return None
