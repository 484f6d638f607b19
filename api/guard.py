"""What every answer is wrapped in: a check of the host's name, and strict headers.

The server listens on this machine only, but a page elsewhere could give its own name this
machine's address (DNS rebinding) and read the graph through the reader's browser. Such a
request carries the foreign name in `Host`, so only names of this machine are answered.
"""

from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.headers import HEADERS
from api.problems import Problem, problem_json

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]", "testserver"})
"""Names under which this machine is itself; `testserver` is the test client's."""


class Guard:
    """Answers requests to names of this machine only, and sets the headers of every answer."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] = LOCAL_HOSTS) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it (ASGI 3.0)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if scope["method"] == "HEAD":  # the server leaves the body out (RFC 9110, 9.3.2)
            scope = {**scope, "method": "GET"}
        host = _name_of(Headers(scope=scope).get("host", ""))
        if host in self.hosts:
            await self.app(scope, receive, send_guarded)
            return
        refusal = Problem.of(421, "host", f"this server does not answer to the name {host!r}")
        await problem_json(refusal)(scope, receive, send_guarded)


def _name_of(host: str) -> str:
    """Return the name in a `Host` header, without its port."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()
