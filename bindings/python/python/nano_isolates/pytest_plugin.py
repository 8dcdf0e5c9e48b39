"""Fixtures for pytest: `nano_runtime`, and `nano_app`, which loads apps that are unloaded after the test.

    def test_hello(nano_app):
        app = nano_app("export default { fetch: () => new Response('hello') }", env={"NAME": "value"})
        assert app.fetch_sync("http://app.test/").text == "hello"
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from ._errors import NanoError
from ._runtime import App, Runtime


class LoadApp(Protocol):
    """Loads an app: the arguments of `Runtime.load`."""

    def __call__(self, source: str | os.PathLike[str], **options: Any) -> App: ...


@pytest.fixture(scope="session")
def nano_runtime() -> Iterator[Runtime]:
    """A runtime that all tests of the session share."""
    with Runtime() as runtime:
        yield runtime


@pytest.fixture
def nano_app(nano_runtime: Runtime) -> Iterator[LoadApp]:
    """Loads apps that are unloaded after the test."""
    loaded: list[App] = []

    def load(source: str | os.PathLike[str], **options: Any) -> App:
        app = nano_runtime.load(source, **options)
        loaded.append(app)
        return app

    yield load
    for app in loaded:
        try:
            app.unload(grace=0)
        except NanoError:
            # The test has unloaded it itself.
            pass
