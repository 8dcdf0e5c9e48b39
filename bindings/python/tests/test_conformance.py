"""The conformance corpus (`tests/conformance`), through Python. Its README has the format."""

from __future__ import annotations

import asyncio
import datetime
import json
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nano_isolates import App, ArrayBuffer, BigInt, DataView, JSError, Map, NanoError, RegExp, Request, Response, Runtime, undefined

CORPUS = Path(__file__).parents[3] / "tests" / "conformance"
FILES = {file.stem: json.loads(file.read_text()) for file in sorted(CORPUS.glob("*.json"))}
CASES = [pytest.param(case, id=f"{stem}: {case['name']}") for stem, file in FILES.items() for case in file["cases"]]
FORMATS = {"Int8": "b", "Uint16": "H", "Float64": "d", "BigInt64": "q"}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
APP_FIELDS = {"source", "source_kind", "env", "limits", "options", "host"}
RESPONSE = {"status", "headers", "body", "json", "chunks", "error"}
# What each step may expect. Of the others there is nothing to be expected.
EXPECTED = {
    "fetch": RESPONSE,
    "finish": RESPONSE,
    "invoke": {"value", "error"},
    "load": {"error"},
    "reload": {"error"},
    "unload": {"error"},
}


def fail() -> None:
    raise RuntimeError("no")


class Mirror:
    async def fetch(self, request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            async for piece in request.aiter_bytes():
                yield piece
            if request.url.endswith("/broken"):
                fail()

        return Response(body(), status=201, headers={"x-method": request.method, "x-url": request.url})

    def twice(self, text: str) -> str:
        return text * 2


class Counter:
    value: int

    def __init__(self, start: int) -> None:
        self.value = start

    def add(self, n: int) -> int:
        self.value += n
        return self.value

    def fail(self) -> None:
        fail()

    def itself(self) -> Counter:
        return self


HOST = {"echo": lambda value: value, "add": lambda a, b: a + b, "fail": fail, "mirror": Mirror(), "Counter": Counter}


def only(given: dict[str, Any], known: set[str]) -> None:
    """What nobody knows is not passed over."""
    assert given.keys() <= known, f"{given.keys() - known} is not known"


def test_there_is_a_corpus() -> None:
    # Without one the test below has nothing to run, which pytest calls skipped.
    assert CASES, f"{CORPUS} has no case"
    for file in FILES.values():
        only(file, {"about", "cases"})


@pytest.mark.parametrize("case", CASES)
def test_every_case_of_the_corpus(case: dict[str, Any], run: Any) -> None:
    run(replay(case))


async def replay(case: dict[str, Any]) -> None:
    only(case, {"name", "runtime", "load_error", "steps", *APP_FIELDS})
    only(case.get("runtime", {}), {"apps", "requests"})
    heard = Heard()
    limits = case.get("runtime", {})
    async with Runtime(threads=1, manual_clock=True, on_log=heard.on_log, on_app=heard.on_app, **limits) as runtime:
        try:
            app = await load(runtime, case)
        except NanoError as error:
            check_error(error, case.get("load_error"))
            return
        assert "load_error" not in case
        steps = Steps(case, runtime, app, heard)
        for step in case["steps"]:
            await steps.step(step)


async def load(runtime: Runtime, given: dict[str, Any], name: str = "case") -> App:
    return await runtime.aload(
        given["source"],
        name=name,
        kind=given.get("source_kind", "text"),
        env=given.get("env"),
        bindings={name: HOST[name] for name in given.get("host", [])},
        **given.get("options", {}),
        **given.get("limits", {}),
    )


class Heard:
    """What apps have said on their consoles, and what has become of them."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, list[Any]]] = []
        self.states: list[tuple[str, tuple[str, str]]] = []
        self.marks = 0

    def on_log(self, app: str, level: str, text: str, dropped: int) -> None:
        self.lines.append((app, [level, text, dropped]))

    def on_app(self, app: str, state: str, reason: str) -> None:
        self.states.append((app, (state, reason)))

    async def all(self, runtime: Runtime) -> None:
        """Until all has come that has been said so far: whoever speaks now is heard last. One thread, one queue."""
        self.marks += 1
        mark = f"mark {self.marks}"
        await runtime.aload("console.log('mark'); export function nothing() {}", name=mark)
        while not any(app == mark for app, _ in self.lines):
            await asyncio.sleep(0)

    async def log(self, runtime: Runtime) -> list[list[Any]]:
        await self.all(runtime)
        lines, self.lines = self.lines, []
        return [line for app, line in lines if not app.startswith("mark")]

    async def changes(self, runtime: Runtime) -> list[tuple[str, str]]:
        await self.all(runtime)
        states, self.states = self.states, []
        return sorted(change for app, change in states if not app.startswith("mark"))


class Steps:
    def __init__(self, case: dict[str, Any], runtime: Runtime, app: App, heard: Heard) -> None:
        self.case = case
        self.runtime = runtime
        self.app = app
        self.heard = heard
        self.pending: asyncio.Task[dict[str, Any]] | None = None

    async def step(self, step: dict[str, Any]) -> None:
        rest = dict(step)
        expect = rest.pop("expect", {})
        pending = rest.pop("pending", False)
        ((verb, what),) = rest.items()
        only(expect, EXPECTED.get(verb, set()))
        assert ("expect" in step) == (verb in EXPECTED and not pending), step
        if pending:
            assert verb == "fetch"
            self.pending = asyncio.create_task(fetch(self.app, **what))
            with pytest.raises(NanoError):
                # Whatever was asked before has had its turn when this is answered: one thread, one queue.
                await asyncio.gather(asyncio.sleep(0), self.app.invoke("there is no such function"))
        elif verb in EXPECTED:
            check(await self.outcome(verb, what), expect)
        else:
            await self.act(verb, what)

    async def outcome(self, verb: str, what: Any) -> dict[str, Any]:
        """What comes of a step that may fail."""
        if verb == "fetch":
            return await fetch(self.app, **what)
        if verb == "finish":
            assert self.pending is not None
            return await self.pending
        try:
            if verb == "invoke":
                return {"value": await invoke(self.app, **what)}
            if verb == "unload":
                await self.app.aunload(0)
            elif verb == "load":
                only(what, {"name", *APP_FIELDS})
                self.app = await load(self.runtime, what, what.get("name", "case"))
            else:
                only(what, {"source", "source_kind", "env"})
                new = {**self.case, **what}
                await self.app.areload(new["source"], kind=new.get("source_kind", "text"), env=new.get("env"))
        except NanoError as error:
            return {"error": error}
        return {}

    async def act(self, verb: str, what: Any) -> None:
        if verb == "advance_ms":
            self.runtime.advance(what)
        elif verb == "log":
            assert await self.heard.log(self.runtime) == [[*line, 0][:3] for line in what]
        elif verb == "states":
            states = await self.heard.changes(self.runtime)
            assert [state for state, _ in states] == [state for state, *_ in what], states
            assert all(part in reason for (_, reason), (_, *parts) in zip(states, what) for part in parts), states
        elif verb == "kill":
            assert await self.app.akill() == what
        elif verb == "drain":
            assert await asyncio.to_thread(self.runtime.drain, 0) != what
        elif verb == "close":
            await asyncio.to_thread(self.runtime.close)
        else:
            raise AssertionError(f"there is no step {verb}")


def text_of(given: str | list[Any]) -> str:
    """A text, or `[text, times]`."""
    if isinstance(given, str):
        return given
    text, times = given
    return text * times


async def fetch(
    app: App,
    url: str,
    method: str = "GET",
    headers: list[list[str]] | None = None,
    body: str | list[Any] | None = None,
    chunks: list[str | list[Any]] | None = None,
    timeout_ms: int | None = None,
) -> dict[str, Any]:
    outcome: dict[str, Any] = {}
    sent: Any = None if body is None else text_of(body)
    if chunks is not None:
        sent = iter([text_of(chunk).encode() for chunk in chunks])
    try:
        response = await app.fetch(
            url,
            method=method,
            headers=[(name, value) for name, value in headers or []],
            body=sent,
            timeout=timeout_ms / 1000 if timeout_ms else None,
            stream=True,
        )
        outcome.update(status=response.status, headers=response.headers, chunks=response.is_stream)
        outcome["body"] = (await response.aread()).decode()
    except NanoError as error:
        outcome["error"] = error
    return outcome


async def invoke(app: App, export: str, args: list[Any]) -> Any:
    return await app.invoke(export, *map(value, args))


def check(outcome: dict[str, Any], expect: dict[str, Any]) -> None:
    check_error(outcome.get("error"), expect.get("error"))
    for name, expected in expect.get("headers", {}).items():
        assert outcome["headers"].get(name) == expected
    for field in ("status", "chunks"):
        if field in expect:
            assert outcome[field] == expect[field]
    if "body" in expect:
        assert outcome["body"] == text_of(expect["body"])
    if "json" in expect:
        assert json.loads(outcome["body"]) == expect["json"]
    if "value" in expect:
        assert shape(outcome["value"]) == shape(value(expect["value"]))


def check_error(error: NanoError | None, expected: dict[str, str] | None) -> None:
    if error is None or expected is None:
        assert error == expected
        return
    only(expected, {"name", "contains"})
    assert error.name == expected["name"], error
    assert expected.get("contains", "") in error.message


def value(coded: Any) -> Any:
    """A value by its JSON."""
    if isinstance(coded, list):
        return [value(item) for item in coded]
    if not isinstance(coded, dict):
        return coded
    ((tag, content),) = coded.items()
    if tag == "undefined":
        return undefined
    if tag == "float":
        return float(content)
    if tag == "bigint":
        return BigInt(content)
    if tag == "bytes":
        return bytes.fromhex(content)
    if tag == "buffer":
        return ArrayBuffer.fromhex(content)
    if tag == "view":
        return DataView.fromhex(content)
    if tag == "units":
        return bytes.fromhex(content).decode("utf-16-be", "surrogatepass")
    if tag == "hole":
        return undefined
    if tag == "regexp":
        return RegExp(*content)
    if tag == "object":
        return {key: value(item) for key, item in content}
    if tag == "map":
        return Map((value(key), value(item)) for key, item in content)
    if tag == "set":
        return {value(item) for item in content}
    if tag == "date_ms":
        return EPOCH + datetime.timedelta(milliseconds=content)
    if tag == "error":
        name, message, *properties = content
        return JSError(name, message, {key: value(item) for key, item in (properties[0] if properties else [])})
    if tag == "repeat":
        return text_of(content)
    assert tag == "typed"
    kind, data = content
    return memoryview(bytes.fromhex(data)).cast(FORMATS[kind])  # type: ignore[call-overload]


def shape(value: Any) -> Any:
    """A value with its type, for types whose equality says too little."""
    if isinstance(value, dict):
        return [type(value).__name__, [(shape(key), shape(item)) for key, item in value.items()]]
    if isinstance(value, (list, set)):
        return [type(value).__name__, [shape(item) for item in value]]
    if isinstance(value, float):
        return ["float", "nan" if math.isnan(value) else repr(value)]
    if isinstance(value, memoryview):
        return ["memoryview", value.format, value.tobytes()]
    if isinstance(value, JSError):
        assert value.__cause__ is value.properties.get("cause") or not isinstance(value.properties.get("cause"), JSError)
        return ["error", value.name, value.message, shape(value.properties)]
    return [type(value).__name__, value]
