"""Who may ask a server that `sessiondb web` started: a plugin of that one process.

A page elsewhere can give its own name the address 127.0.0.1 (DNS rebinding) and read from here what its visitors may
read. The name it asked for stands in the Host header: only those of this machine are answered. Where other machines may
ask, names cannot tell; they need the token, which a cookie keeps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from sessiondb.web.hooks import hookimpl

ENTER = "/-/sessiondb-enter"
"""The path that takes the token and hands out the cookie."""

COOKIE = "sessiondb_token"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """Lets through requests to `hosts`, all of them where None, that have the token, where there is one."""

    __name__ = "sessiondb_guard"

    def __init__(self, hosts: frozenset[str] | None, token: str | None) -> None:
        self._hosts = hosts
        self._token = token

    # The last to wrap is the first to be asked.
    @hookimpl(trylast=True)
    def asgi_wrapper(self) -> Callable[[App], App]:
        """Return what goes around Datasette."""

        def wrap(app: App) -> App:
            async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
                # What is asked, and what comes of it:
                #
                #     by a name that is not this machine's        403: a page elsewhere that calls itself 127.0.0.1
                #     with the cookie, or where no token is set    Datasette answers
                #     ENTER with the token                        the cookie, and the first page without the token
                #     anything else                               403
                if scope["type"] not in ("http", "websocket"):
                    await app(scope, receive, send)
                elif self._hosts is not None and _host(scope) not in self._hosts:
                    await _refuse(send, f"This server has another name: open {_name(scope)}.")
                elif self._token is None or _has_cookie(scope, self._token):
                    await app(scope, receive, send)
                elif scope["path"] == ENTER and self._is_token(scope):
                    await _enter(send, self._token)
                else:
                    await _refuse(
                        send, "Open the address that `sessiondb web` has printed: it has the token."
                    )

            return guarded

        return wrap

    def _is_token(self, scope: Scope) -> bool:
        given = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        return self._token is not None and compare_digest(given.encode(), self._token.encode())


def _headers(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == wanted]


def _host(scope: Scope) -> str | None:
    """Return the name in the Host header without its port; None where there is none, or more than one."""
    # Two of them are a trick: which one the server behind believes is anybody's guess.
    found = _headers(scope, b"host")
    if len(found) != 1:
        return None
    name = found[0].strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0]


def _name(scope: Scope) -> str:
    address, port = scope.get("server") or ("127.0.0.1", None)
    shown = f"[{address}]" if ":" in address else address
    return f"http://{shown}:{port}/" if port else f"http://{shown}/"


def _has_cookie(scope: Scope, token: str) -> bool:
    for text in _headers(scope, b"cookie"):
        try:
            found = SimpleCookie(text).get(COOKIE)
        except CookieError:
            continue
        if found is not None and compare_digest(found.value.encode(), token.encode()):
            return True
    return False


async def _enter(send: Send, token: str) -> None:
    cookie = f"{COOKIE}={token}; HttpOnly; SameSite=Lax; Path=/"
    headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"referrer-policy", b"no-referrer")]
    await _send(send, 303, headers, "")


async def _refuse(send: Send, text: str) -> None:
    await _send(send, 403, [(b"content-type", b"text/plain; charset=utf-8")], f"{text}\n")


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], text: str) -> None:
    body = text.encode()
    length = (b"content-length", str(len(body)).encode())
    kept = (b"cache-control", b"no-store")
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length, kept]})
    await send({"type": "http.response.body", "body": body})
