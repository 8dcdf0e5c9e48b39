"""Wrong arguments are TypeErrors, ValueErrors or NANO's errors, wherever they are given, and never more than that."""

from __future__ import annotations

import ctypes
import math
from typing import Any, get_type_hints

import pytest
from conftest import HELLO, URL

import nano_isolates as nano
from nano_isolates import AppLimits, Runtime, RuntimeLimits, _nano, asgi, wsgi

# Of every type that somebody may give by mistake.
WRONG: list[Any] = [None, True, -1, 2**64, 2**200, 1.5, math.nan, math.inf, "", "\0", "\ud800", b"x", [], ["\ud800"], [5], {}, {5: 5}, object(), len, type, ...]
ERRORS = (TypeError, ValueError, nano.NanoError)


def attempt(function: Any, *args: Any, **kwargs: Any) -> None:
    """Some of it may be right after all."""
    try:
        result = function(*args, **kwargs)
    except ERRORS:
        return
    if isinstance(result, Runtime):
        result.close()


@pytest.mark.parametrize("wrong", WRONG, ids=lambda value: type(value).__name__)
def test_nothing_that_is_given_does_harm(runtime: Runtime, run: Any, wrong: Any) -> None:
    app = runtime.load(HELLO)
    for name in ("method", "headers", "body", "timeout"):
        attempt(app.fetch_sync, URL, **{name: wrong})
        attempt(lambda name=name: run(app.fetch(URL, **{name: wrong})))
        attempt(lambda name=name: nano.Request(URL, **{name: wrong}))
    for name in ("name", "kind", "env", "bindings", "outbound", "egress", "egress_allow", "egress_deny", "base_url", "crons", "consumers", "tail"):
        attempt(runtime.load, HELLO, **{name: wrong})
        attempt(lambda name=name: run(runtime.aload(HELLO, **{name: wrong})))
        attempt(app.reload, HELLO, **{name: wrong})
    for name in ("code_generation", "random_seed", "lazy", *_nano.app_limits()):
        attempt(runtime.load, HELLO, **{name: wrong})
    for name in ("on_log", "on_app", "manual_clock", "clock_unix_ms", "roots", *_nano.runtime_limits()):
        attempt(Runtime, **{name: wrong})
    for name in ("certificates", "behind_proxy", "limits"):
        attempt(runtime.listen, "127.0.0.1:0", app, **{name: wrong})
    for name in _nano.listen_limits():
        attempt(runtime.listen, "127.0.0.1:0", app, limits={name: wrong})
    attempt(runtime.listen, wrong, app)
    attempt(runtime.listen, "127.0.0.1:0", wrong)
    attempt(runtime.listen, "127.0.0.1:0", {"a.example": wrong})
    attempt(runtime.listen, "127.0.0.1:0", app, certificates=[(wrong, wrong)])
    attempt(runtime.listen("127.0.0.1:0", app).set_certificates, wrong)
    for function in (app.fetch_sync, app.invoke_sync, runtime.load, runtime.advance, runtime.drain, nano.Request, asgi.App, wsgi.App, nano.Headers):
        attempt(function, wrong)
    attempt(nano.Response, wrong)
    attempt(app.schedule_sync, wrong, wrong)
    attempt(app.invoke_sync, "missing", wrong)
    attempt(run, app.invoke(wrong))
    attempt(app.unload, wrong)


def test_each_is_told_which_argument_is_wrong(runtime: Runtime) -> None:
    for options, error, why in (
        ({"name": 5}, TypeError, "name is a str, not int"),
        ({"env": [1]}, TypeError, "env is a mapping"),
        ({"bindings": [1]}, TypeError, "bindings is a mapping"),
        ({"outbound": 5}, TypeError, "outbound is a str"),
        ({"crons": "* * * * *"}, TypeError, "crons is a list of str"),
        ({"egress_allow": [5]}, TypeError, "each of egress_allow is a str"),
        ({"code_generation": "yes"}, TypeError, "code_generation is a bool"),
        ({"random_seed": -1}, nano.InvalidError, "random_seed is -1"),
        ({"cpu_ms": "x"}, TypeError, "cpu_ms"),
        ({"cpu_ms": -1}, nano.InvalidError, "cpu_ms"),
        ({"heap_bits": 1}, TypeError, "heap_bits"),
        ({"egress": "perhaps"}, nano.InvalidError, "none of public, deny and any"),
    ):
        with pytest.raises(error, match=why):
            runtime.load(HELLO, **options)  # type: ignore[arg-type]


def test_wrong_types_and_texts_have_nano_s_code(runtime: Runtime, run: Any) -> None:
    app = runtime.load(HELLO)

    async def later(*_: object) -> None: ...

    for use in (
        lambda: app.fetch_sync(5),  # type: ignore[arg-type]
        lambda: app.fetch_sync(URL, method=5),  # type: ignore[arg-type]
        lambda: app.fetch_sync(URL, body=5),  # type: ignore[arg-type]
        lambda: app.fetch_sync(URL, headers={"x": 5}),  # type: ignore[dict-item]
        lambda: app.fetch_sync(URL, timeout="soon"),  # type: ignore[arg-type]
        lambda: run(app.fetch(URL, method=5)),  # type: ignore[arg-type]
        lambda: app.invoke_sync(5),  # type: ignore[arg-type]
        lambda: run(app.invoke(5)),  # type: ignore[arg-type]
        lambda: app.invoke_sync("f", object()),
        lambda: app.reload(unknown=1),  # type: ignore[call-arg]
        lambda: runtime.load(5),  # type: ignore[arg-type]
        lambda: runtime.load(HELLO, name=5),  # type: ignore[arg-type]
        lambda: runtime.load(HELLO, bindings={"A": 5}),
        lambda: runtime.load(HELLO, cpu_ms="x"),  # type: ignore[arg-type]
        lambda: runtime.load(HELLO, heap_bits=1),  # type: ignore[call-arg]
        lambda: Runtime(on_log=5),  # type: ignore[arg-type]
        lambda: Runtime(threads="x"),  # type: ignore[arg-type]
        lambda: asgi.App(app, env={"A": "b"}),
        lambda: Runtime(roots=5),  # type: ignore[arg-type]
        lambda: Runtime(manual_clock="x"),  # type: ignore[arg-type]
        lambda: Runtime(on_log=later),
        lambda: Runtime(on_app=later),
        lambda: runtime.drain("x"),  # type: ignore[arg-type]
        lambda: app.unload(None),  # type: ignore[arg-type]
        lambda: app.schedule_sync(5),  # type: ignore[arg-type]
        lambda: app.schedule_sync("x", "x"),  # type: ignore[arg-type]
        lambda: run(app.schedule(5)),  # type: ignore[arg-type]
        lambda: runtime.load(HELLO, consumers=5),  # type: ignore[arg-type]
        lambda: runtime.load(HELLO, consumers="jobs"),
        lambda: runtime.load(HELLO, kind=5),  # type: ignore[arg-type]
        lambda: app.reload(HELLO, kind=5),  # type: ignore[arg-type]
        lambda: runtime.load(HELLO, bindings={"A": nano.Service(5)}),  # type: ignore[arg-type]
        lambda: runtime.load(HELLO, bindings={"A": nano.Queue(5)}),  # type: ignore[arg-type]
        lambda: nano.Request(5),  # type: ignore[arg-type]
        lambda: nano.Headers(5),  # type: ignore[arg-type]
        lambda: nano.Headers([1]),  # type: ignore[list-item]
        lambda: app.fetch_sync(URL, headers=5),  # type: ignore[arg-type]
        lambda: app.fetch_sync(URL, headers="x"),  # type: ignore[arg-type]
        lambda: app.websocket(5),  # type: ignore[arg-type]
        lambda: app.websocket(URL, subprotocols=5),  # type: ignore[arg-type]
        lambda: app.websocket(URL, subprotocols="chat"),
        lambda: run(app.websocket(URL).close("x")),  # type: ignore[arg-type]
        lambda: run(app.websocket(URL).close(3000, 5)),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError) as wrong_type:
            use()
        assert isinstance(wrong_type.value, nano.InvalidError)
        assert (wrong_type.value.name, wrong_type.value.code) == ("NANO_E_INVALID", nano.InvalidError.code)
    for use in (
        lambda: app.fetch_sync(URL, headers={"x": "\u20ac"}),
        lambda: nano.Headers({"\u20ac": "x"}),
        lambda: app.fetch_sync(URL, timeout=0),
        lambda: app.unload(-1.0),
        lambda: runtime.drain(10**400),
    ):
        with pytest.raises(ValueError) as wrong:
            use()
        assert isinstance(wrong.value, nano.InvalidError)


@pytest.mark.parametrize("name", ["name", "kind", "outbound", "egress", "base_url", "crons", "consumers", "tail", "env", "bindings"])
def test_half_a_character_is_refused_as_python_refuses_it(runtime: Runtime, name: str) -> None:
    half: Any = "a\ud800"
    given: dict[str, Any] = {"crons": [half], "tail": [half], "env": {"A": half}, "bindings": {half: len}}
    values: list[Any] = [[half], [nano.QueueConsumer("q", dead_letters=half)]] if name == "consumers" else [given.get(name, half)]
    for value in values:
        with pytest.raises(UnicodeEncodeError):
            runtime.load(HELLO, **{name: value})


def test_limits_that_type_checkers_know_are_those_of_the_core() -> None:
    assert list(get_type_hints(AppLimits)) == list(_nano.app_limits())
    assert list(get_type_hints(RuntimeLimits)) == list(_nano.runtime_limits())


def test_every_status_of_the_core_has_a_class_of_its_own() -> None:
    classes = {cls.name: cls for cls in vars(nano).values() if isinstance(cls, type) and issubclass(cls, nano.NanoError)}
    for code, name in _nano.statuses():
        # What is no error raises nothing.
        if name.startswith("NANO_E_"):
            assert classes[name].code == code


class Pair(ctypes.Structure):
    _fields_ = [("first", ctypes.c_int), ("second", ctypes.c_int)]


def test_a_buffer_without_dimensions_is_the_number_that_is_in_it(runtime: Runtime) -> None:
    app = runtime.load("export const told = (value) => `${Object.prototype.toString.call(value)} ${value}`")
    numbers: list[tuple[Any, str]] = [
        (ctypes.c_int64(5), "[object Number] 5"),
        (ctypes.c_int8(-1), "[object Number] -1"),
        (ctypes.c_uint64(2**64 - 1), f"[object BigInt] {2**64 - 1}"),
        (ctypes.c_int64(-(2**53)), f"[object BigInt] {-(2**53)}"),
        (ctypes.c_float(0.5), "[object Number] 0.5"),
        (ctypes.c_double(math.inf), "[object Number] Infinity"),
        (ctypes.c_bool(True), "[object Boolean] true"),
        (memoryview(b"\xff").cast("B", ()), "[object Number] 255"),
        (memoryview(ctypes.c_int32(7)), "[object Number] 7"),
    ]
    for number, told in numbers:
        assert app.invoke_sync("told", number) == told
    # And with one they are what they were.
    assert app.invoke_sync("told", (ctypes.c_int16 * 2)(1, -1)) == "[object Int16Array] 1,-1"
    for wrong in (ctypes.c_char(b"x"), ctypes.c_longdouble(1), Pair(1, 2)):
        with pytest.raises(nano.InvalidTypeError):
            app.invoke_sync("told", wrong)
