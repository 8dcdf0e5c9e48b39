"""Values between Python and apps."""

from __future__ import annotations

import array
import datetime
import gc
import math
import sys
import weakref
from collections import OrderedDict
from enum import Enum
from typing import Any

import pytest

import nano_isolates as nano
from nano_isolates import App, ArrayBuffer, BigInt, DataView, Date, JSError, Map, RegExp, Runtime, undefined

APP = """
export const echo = (value) => value;
export const type = (value) => Object.prototype.toString.call(value);
export const nothing = () => {};
export const deep = () => { let a = []; for (let i = 0; i < 40; i++) a = [a]; return a; };
export const clamped = () => new Uint8ClampedArray([300]);
export const keyed = () => new Map([[[1, [2]], new Set([[3]])]]);
export const failing = () => { throw new RangeError('too far'); };
"""


@pytest.fixture
def app(runtime: Runtime) -> App:
    return runtime.load(APP)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(2**53) + 1,
        2**53,
        2**63 - 1,
        -(2**63),
        -(2**200),
        BigInt(1),
        BigInt(-255),
        BigInt(0),
        1.5,
        math.inf,
        "",
        "grüße 🌍\0",
        b"",
        b"\0\xff",
        [1, ["two", []]],
        {"b": 1, "a": {"c": None}},
        {"__proto__": 1},
        [undefined],
        {1, "two"},
        Map({1: "one", "k": [2]}),
        datetime.datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=datetime.timezone.utc),
        datetime.datetime(1969, 12, 31, tzinfo=datetime.timezone.utc),
        Date(math.nan),
        Date(8.64e15),
    ],
    ids=repr,
)
def test_values_come_back_as_they_went(app: App, run: Any, value: Any) -> None:
    for back in (app.invoke_sync("echo", value), run(app.invoke("echo", value))):
        assert back == value
        assert isinstance(back, type(value)) or (isinstance(value, int) and isinstance(back, BigInt))


def test_integers_that_no_number_holds_are_bigints(app: App) -> None:
    for value in (2**53 - 1, -(2**53) + 1):
        assert app.invoke_sync("type", value) == "[object Number]"
    for value in (2**53, -(2**53), 2**63 - 1, -(2**63) + 1, -(2**63), 2**63):
        assert app.invoke_sync("type", value) == "[object BigInt]"


def test_not_a_number_and_minus_zero(app: App) -> None:
    assert math.isnan(app.invoke_sync("echo", math.nan))
    assert math.copysign(1, app.invoke_sync("echo", -0.0)) == -1
    assert isinstance(app.invoke_sync("echo", 1), int)


@pytest.mark.parametrize(("format", "kind"), list(zip("bBhHiIfdqQ", "Int8 Uint8 Int16 Uint16 Int32 Uint32 Float32 Float64 BigInt64 BigUint64".split())))
def test_typed_arrays_are_memoryviews(app: App, format: str, kind: str) -> None:
    sent = memoryview(array.array(format, [1, 2, 100]))
    assert app.invoke_sync("type", sent) == f"[object {kind}Array]"
    back = app.invoke_sync("echo", sent)
    if kind == "Uint8":
        assert back == b"\1\2d"
    else:
        assert isinstance(back, memoryview) and (back.format, list(back)) == (format, [1, 2, 100])
    assert app.invoke_sync("type", array.array(format, [1])) == f"[object {kind}Array]"


def test_typed_arrays_that_python_has_no_format_for(app: App) -> None:
    assert list(app.invoke_sync("clamped")) == [255]
    assert app.invoke_sync("type", bytearray(b"x")) == app.invoke_sync("type", b"x")


def test_a_function_that_returns_nothing_returns_none(app: App, run: Any) -> None:
    assert app.invoke_sync("nothing") is None
    assert run(app.invoke("nothing")) is None
    assert not undefined and repr(undefined) == "undefined" and type(undefined)() is undefined


def test_errors_are_values(app: App) -> None:
    back = app.invoke_sync("echo", [JSError("TypeError", "no"), KeyError("k")])
    assert [(error.name, error.message) for error in back] == [("TypeError", "no"), ("KeyError", "'k'")]


def test_bytes_keep_their_kind(app: App) -> None:
    for sent, kind in ((b"ab", "Uint8Array"), (ArrayBuffer(b"ab"), "ArrayBuffer"), (DataView(b"ab"), "DataView")):
        assert app.invoke_sync("type", sent) == f"[object {kind}]"
        back = app.invoke_sync("echo", sent)
        assert type(back) is type(sent) and back == sent == b"ab"
    assert repr(ArrayBuffer(b"a")) == "ArrayBuffer(b'a')" and repr(DataView(b"")) == "DataView(b'')"


@pytest.mark.parametrize("text", ["\ud83d", "a\ude00b\ud83d", "\udc00\ud800", "\ufffd"])
def test_half_a_surrogate_pair_stays_one(app: App, text: str) -> None:
    assert app.invoke_sync("echo", [text]) == [text]


def test_regular_expressions_are_values(app: App) -> None:
    assert app.invoke_sync("type", RegExp("a+", "gi")) == "[object RegExp]"
    assert app.invoke_sync("echo", RegExp("a+", "gi")) == RegExp("a+", "gi")
    with pytest.raises(nano.AppError, match="SyntaxError"):
        app.invoke_sync("echo", RegExp("("))


def test_errors_come_with_what_they_say(runtime: Runtime) -> None:
    app = runtime.load(APP + "export const said = (e) => [e.cause?.name, e.cause?.message, e.code, Object.keys(e)];")
    sent = JSError("RangeError", "far", {"cause": JSError("TypeError", "why"), "code": 7, "lost": object()})
    assert app.invoke_sync("said", sent) == ["TypeError", "why", 7, ["code"]]
    back = app.invoke_sync("echo", sent)
    assert (back.name, back.message, back.properties["code"], set(back.properties)) == ("RangeError", "far", 7, {"cause", "code"})
    assert back.__cause__ is back.properties["cause"] and str(back.__cause__) == "TypeError: why"
    try:
        raise KeyError("k") from ValueError("below")
    except KeyError as error:
        assert app.invoke_sync("said", error) == ["ValueError", "below", undefined, []]


def test_errors_that_contain_one_another_are_told_of_once(app: App) -> None:
    sent, other = JSError("Error", "one", {"code": 1}), JSError("Error", "other", {"code": 2})
    sent.properties |= {"self": sent, "list": [sent], "other": other}
    other.properties |= {"sent": sent, "both": {"a": [other], "b": sent}}
    back = app.invoke_sync("echo", [sent])[0]
    assert set(back.properties) == {"code", "other"} and set(back.properties["other"].properties) == {"code"}
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first
    back = app.invoke_sync("echo", first)
    assert back.__cause__.name == "KeyError" and back.__cause__.__cause__ is None


def test_errors_end_where_values_may_nest_no_deeper(app: App) -> None:
    sent = JSError("Error", "0")
    for depth in range(1, 100):
        sent = JSError("Error", str(depth), {"cause": sent})
    for value in (sent, [sent], [[sent]]):
        back = app.invoke_sync("echo", value)
        while isinstance(back, list):
            back = back[0]
        count = 0
        while back is not None:
            back, count = back.__cause__, count + 1
        assert 20 < count < 64


def test_what_no_text_can_be_is_replaced_where_apps_have_text_alone(app: App) -> None:
    sent = [FileNotFoundError("no \udcff"), JSError("\ud800", "a", {"\ud800": 1}), {"\udfff": 2}, RegExp("\ud800")]
    file, named, keyed, pattern = app.invoke_sync("echo", sent)
    assert (file.message, named.name, named.properties) == ("no \ufffd", "\ufffd", {"\ufffd": 1})
    assert (keyed, pattern) == ({"\ufffd": 2}, RegExp("\ufffd"))


def test_an_interrupt_is_not_taken_for_what_cannot_cross(app: App) -> None:
    class Interrupting(dict[str, Any]):
        def items(self) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        app.invoke_sync("echo", JSError("Error", "x", {"lost": Interrupting()}))


def test_what_an_error_loses_is_given_back(runtime: Runtime) -> None:
    class Held:
        pass

    held = Held()
    lost = weakref.ref(held)
    errors = [JSError("Error", "x", {"lost": [held, object()], "kept": Held()})]
    source = "export default { async fetch(request, env) { return Response.json(Object.keys(await env.ask())); } }"
    app = runtime.load(source, bindings={"Held": Held, "ask": errors.pop})
    assert app.fetch_sync("http://a/").json() == ["kept"]
    del held
    gc.collect()
    assert lost() is None


def test_an_app_that_throws_raises_with_its_stack(app: App, run: Any) -> None:
    with pytest.raises(nano.AppError, match="RangeError: too far") as caught:
        app.invoke_sync("failing")
    assert "index.js" in caught.value.stack and caught.value.code == -9
    with pytest.raises(nano.AppError, match="too far"):
        run(app.invoke("failing"))
    with pytest.raises(nano.AppError, match="no function 'missing'"):
        app.invoke_sync("missing")


def test_keys_that_python_cannot_hash_are_made_so(app: App) -> None:
    assert app.invoke_sync("keyed") == {(1, (2,)): {(3,)}}


@pytest.mark.parametrize("items", ["[1, true, 1n]", "[[1], [1]]", "[{}, {}]"])
def test_what_would_be_one_in_python_is_refused(runtime: Runtime, run: Any, items: str) -> None:
    got: list[Any] = []
    app = runtime.load(
        f"""
        import {{ env }} from 'cloudflare:workers';
        export const set = () => new Set({items});
        export const map = () => [new Map({items}.map((key) => [key, 1]))];
        export const give = () => env.take(new Set({items}));
        export const whole = () => new Set([1, 2, '1', null, undefined, NaN]);
        """,
        bindings={"take": got.append},
    )
    for export in ("set", "map"):
        with pytest.raises(nano.UnsupportedError, match="one in Python"):
            app.invoke_sync(export)
        with pytest.raises(nano.UnsupportedError, match="one in Python"):
            run(app.invoke(export))
    with pytest.raises(nano.AppError, match="one in Python"):
        app.invoke_sync("give")
    assert (got, len(app.invoke_sync("whole"))) == ([], 6)


@pytest.mark.parametrize("made", ["new Set(keys)", "new Map(keys.map((key) => [key, 1]))", "[1, 2, 3].map(() => new Set(keys.slice(9_000)))"])
def test_items_that_were_chosen_to_have_one_hash_do_not_hold_up_the_host(runtime: Runtime, made: str) -> None:
    # Python hashes an int by its remainder, so all of these alike.
    keys = "const keys = Array.from({ length: 20_000 }, (_, at) => BigInt(at) * (2n ** 61n - 1n));"
    app = runtime.load(f"{keys} export const give = () => {made};")
    with pytest.raises(nano.TooLargeError, match="the same hash"):
        app.invoke_sync("give")


@pytest.mark.parametrize("made", ["sets(3, 0)", "new Map([[sets(2, 0), 1], [sets(2, 1), 2]])", "[new Map([[1, sets(3, 0)]])]"])
def test_items_that_take_long_to_compare_do_not_hold_up_the_host(runtime: Runtime, made: str) -> None:
    # Sets of one hash that differ in what is looked at last, in sets of such sets.
    source = """
        const number = (at) => BigInt(at) * (2n ** 61n - 1n);
        const sets = (depth, last) => new Set(Array.from({ length: 30 }, (_, at) => at === 29 ? 1000 + last : at)
            .map((at) => depth === 1 ? number(at) : sets(depth - 1, at)));
        export const give = () => MADE;
        export const take = () => env.take(give());
    """
    got: list[Any] = []
    app = runtime.load("import { env } from 'cloudflare:workers';" + source.replace("MADE", made), bindings={"take": got.append})
    with pytest.raises(nano.TooLargeError, match="too much to compare"):
        app.invoke_sync("give")
    with pytest.raises(nano.AppError, match="too much to compare"):
        app.invoke_sync("take")
    assert got == []


def test_sets_of_arrays_and_sets_cross(runtime: Runtime) -> None:
    source = """
        export const pairs = () => new Set(Array.from({ length: 20_000 }, (_, at) => [at, { at: `${at}` }]));
        export const sets = () => new Map(Array.from({ length: 500 }, (_, at) => [new Set([at, at + 1, new Set([at])]), at]));
    """
    app = runtime.load(source)
    pairs, sets = app.invoke_sync("pairs"), app.invoke_sync("sets")
    assert (len(pairs), (7, (("at", "7"),)) in pairs, len(sets), sets[frozenset({7, 8, frozenset({7})})]) == (20_000, True, 500, 7)


def test_many_items_are_not_too_many(runtime: Runtime) -> None:
    app = runtime.load("export const set = () => new Set(Array.from({ length: 50_000 }, (_, at) => at * 1e6)); export const map = () => new Map([...set()].map((key) => [`${key}`, 1]));")
    assert (len(app.invoke_sync("set")), len(app.invoke_sync("map"))) == (50_000, 50_000)


def test_relatives_of_plain_types_are_what_they_are_relatives_of(app: App) -> None:
    class Color(str, Enum):
        RED = "red"

    class Mine(dict):  # type: ignore[type-arg]
        pass

    assert app.invoke_sync("echo", [Color.RED, Mine(a=1), OrderedDict(b=2), (1, 2), frozenset([1])]) == ["red", {"a": 1}, {"b": 2}, [1, 2], {1}]


@pytest.mark.parametrize("kind", [dict, OrderedDict, list, set])
def test_what_changes_while_it_is_read_harms_nothing(app: App, kind: Any) -> None:
    changing: Any = kind()

    class Changes(dict):  # type: ignore[type-arg]
        def items(self) -> Any:
            if kind is list:
                if len(changing) < 100:
                    changing.append("more")
            elif kind is set:
                changing.add("more")
            else:
                changing["more"] = 1
                changing.pop("last", None)
            return super().items()

        def __hash__(self) -> int:  # type: ignore[override]
            return 1

    if kind is list:
        changing.append(Changes(a=1))
    elif kind is set:
        changing.update({Changes(a=1), "last"})
    else:
        changing.update(first=Changes(a=1), last=2)
    back = app.invoke_sync("echo" if kind is not set else "type", changing)
    if kind in (dict, OrderedDict):
        # As it was when it was looked at.
        assert back == {"first": {"a": 1}, "last": 2}


def test_what_cannot_cross_is_refused(app: App) -> None:
    itself: list[Any] = []
    itself.append(itself)
    wide: Any = "a" * (9 << 20)
    for value, error in [
        (object(), TypeError),
        (lambda: 1, TypeError),
        (1j, TypeError),
        (datetime.datetime(2026, 1, 1), TypeError),
        (memoryview(b"x").cast("c"), TypeError),
        (itself, nano.TooLargeError),
        (wide, nano.TooLargeError),
    ]:
        with pytest.raises(error):
            app.invoke_sync("echo", value)
    assert app.invoke_sync("echo", 1) == 1


def test_values_do_not_leak(app: App) -> None:
    value = {"key": ["unique text of this test", 12345678901234567890]}
    before = sys.getrefcount(value)
    for _ in range(100):
        app.invoke_sync("echo", value)
    assert sys.getrefcount(value) == before
