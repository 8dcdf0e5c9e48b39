"""The conformance corpus (`tests/conformance`), through Python. Its README has the format."""

from __future__ import annotations

import asyncio
import datetime
import json
import math
from pathlib import Path
from typing import Any

import pytest

from nano_isolates import App, BigInt, JSError, Map, NanoError, Runtime, undefined

CORPUS = Path(__file__).parents[3] / "tests" / "conformance"
CASES = [
    pytest.param(case, id=f"{file.stem}: {case['name']}")
    for file in sorted(CORPUS.glob("*.json"))
    for case in json.loads(file.read_text())["cases"]
]
FORMATS = {"Int8": "b", "Uint16": "H", "Float64": "d", "BigInt64": "q"}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def fail() -> None:
    raise RuntimeError("no")


FUNCTIONS = {"echo": lambda value: value, "add": lambda a, b: a + b, "fail": fail}


def test_there_is_a_corpus() -> None:
    # Without one the test below has nothing to run, which pytest calls skipped.
    assert CASES, f"{CORPUS} has no case"


@pytest.mark.parametrize("case", CASES)
def test_every_case_of_the_corpus(case: dict[str, Any], run: Any) -> None:
    run(replay(case))


async def replay(case: dict[str, Any]) -> None:
    async with Runtime(threads=1, manual_clock=True) as runtime:
        try:
            app = await runtime.aload(
                case["source"],
                kind=case.get("source_kind", "text"),
                env=case.get("env"),
                bindings={name: FUNCTIONS[name] for name in case.get("functions", [])},
                **case.get("options", {}),
                **case.get("limits", {}),
            )
        except NanoError as error:
            check_error(error, case.get("load_error"))
            return
        assert "load_error" not in case
        pending: asyncio.Task[dict[str, Any]] | None = None
        for step in case["steps"]:
            if "advance_ms" in step:
                runtime.advance(step["advance_ms"])
            elif "finish" in step:
                assert pending is not None
                check(await pending, step["expect"])
            elif step.get("pending"):
                pending = asyncio.create_task(fetch(app, **step["fetch"]))
                with pytest.raises(NanoError):
                    # Whatever was asked before has had its turn when this is answered: one thread, one queue.
                    await asyncio.gather(asyncio.sleep(0), app.invoke("there is no such function"))
            elif "fetch" in step:
                check(await fetch(app, **step["fetch"]), step["expect"])
            else:
                check(await invoke(app, **step["invoke"]), step["expect"])


async def fetch(
    app: App,
    url: str,
    method: str = "GET",
    headers: list[list[str]] | None = None,
    body: str | None = None,
    chunks: list[str] | None = None,
    timeout_ms: int | None = None,
) -> dict[str, Any]:
    outcome: dict[str, Any] = {}
    try:
        response = await app.fetch(
            url,
            method=method,
            headers=[(name, value) for name, value in headers or []],
            body=body if chunks is None else iter([chunk.encode() for chunk in chunks]),
            timeout=timeout_ms / 1000 if timeout_ms else None,
            stream=True,
        )
        outcome.update(status=response.status, headers=response.headers, chunks=response.is_stream)
        outcome["body"] = (await response.aread()).decode()
    except NanoError as error:
        outcome["error"] = error
    return outcome


async def invoke(app: App, export: str, args: list[Any]) -> dict[str, Any]:
    try:
        return {"value": await app.invoke(export, *map(value, args))}
    except NanoError as error:
        return {"error": error}


def check(outcome: dict[str, Any], expect: dict[str, Any]) -> None:
    check_error(outcome.get("error"), expect.get("error"))
    for name, expected in expect.get("headers", {}).items():
        assert outcome["headers"].get(name) == expected
    for field in ("status", "body", "chunks"):
        if field in expect:
            assert outcome[field] == expect[field]
    if "json" in expect:
        assert json.loads(outcome["body"]) == expect["json"]
    if "value" in expect:
        assert shape(outcome["value"]) == shape(value(expect["value"]))


def check_error(error: NanoError | None, expected: dict[str, str] | None) -> None:
    if error is None or expected is None:
        assert error == expected
        return
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
    if tag == "object":
        return {key: value(item) for key, item in content}
    if tag == "map":
        return Map((value(key), value(item)) for key, item in content)
    if tag == "set":
        return {value(item) for item in content}
    if tag == "date_ms":
        return EPOCH + datetime.timedelta(milliseconds=content)
    if tag == "error":
        return JSError(*content)
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
        return ["error", value.name, value.message]
    return [type(value).__name__, value]
