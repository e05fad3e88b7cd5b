"""Call what a program gave us to call: a plain function or an async one, which may fail."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sessiondb.errors import InvalidInput

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop


class CannotWait(InvalidInput):
    """An async function was to be called on the event loop that it needs itself."""


class Callback:
    """A function of the program's, which is called in its place; where it is async, it is run to its end.

    An async one runs on the event loop on which this was made, else on one of its own. The call waits for
    it, and so must come from another thread than the loop's.
    """

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self._function = function
        self._name = name
        self._loop = _running_loop()
        called = getattr(function, "__call__", None)  # noqa: B004
        self._is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)

    def check(self) -> None:
        """Raise CannotWait where the function is async, and runs on the loop that the caller holds up."""
        if self._is_async and _running_loop() is not None:
            raise CannotWait(
                f"{self._name} is async, and cannot run while this waits for it on the event loop:"
                " ask from a thread, as in `await db.run(gateway.session, channel)`"
            )

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function returns, or what it returns when it is awaited."""
        result = self._function(*arguments)
        return self._waited_for(result) if inspect.isawaitable(result) else result

    def _waited_for(self, result: Awaitable[Any]) -> Any:
        import asyncio

        # Known by now, where the function did not tell, as a lambda over an async one does not.
        self._is_async = True
        if _running_loop() is not None and inspect.iscoroutine(result):
            result.close()
        self.check()

        async def wait() -> Any:
            return await result

        if self._loop is not None and self._loop.is_running():
            return asyncio.run_coroutine_threadsafe(wait(), self._loop).result()
        return asyncio.run(wait())


class FailureLogged:
    """Let a block fail for whatever reason, and log why: the program's code must not stop ours."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, CannotWait):
            return False
        import logging

        logging.getLogger("sessiondb").error("%s", self._what, exc_info=error)
        return True


def _running_loop() -> AbstractEventLoop | None:
    asyncio = sys.modules.get("asyncio")
    try:
        return asyncio.get_running_loop() if asyncio else None
    except RuntimeError:
        return None
