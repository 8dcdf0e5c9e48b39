"""Requests and responses, from threads and from loops."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from conftest import HELLO, PATIENCE_S, URL

import nano_isolates as nano
from nano_isolates import Headers, Request, Runtime

ECHO = "export default { async fetch(request) { return new Response(request.body, { headers: { 'x-method': request.method } }) } }"
# Answers when its request is aborted, by telling the next one.
ABORTS = """
let aborted = new Promise(() => {}), tell;
export default {
  async fetch(request) {
    if (request.url.endsWith('/aborted')) return new Response(String(await aborted));
    aborted = new Promise((resolve) => { tell = resolve; });
    request.signal.addEventListener('abort', () => tell('aborted'));
    return new Promise(() => {});
  },
};
export const begun = () => tell !== undefined;
"""


def test_a_thread_gets_a_whole_response(runtime: Runtime) -> None:
    response = runtime.load(HELLO).fetch_sync("http://example.com/")
    assert (response.status, response.ok, response.text) == (200, True, "Hello from http://example.com/")
    assert response.headers["Content-Type"] == "text/plain;charset=UTF-8"
    assert response.account is not None and response.account.bytes_out == len(response.body)


def test_a_loop_gets_a_whole_response(runtime: Runtime, run: Any) -> None:
    app = runtime.load(HELLO)
    response = run(app.fetch(Request("http://example.com/")))
    assert response.text == "Hello from http://example.com/"


def test_many_requests_at_once_on_one_loop_and_one_loop_after_another(runtime: Runtime, run: Any) -> None:
    app = runtime.load(HELLO)

    async def main() -> list[str]:
        return [response.text for response in await asyncio.gather(*(app.fetch(f"{URL}{n}") for n in range(200)))]

    for _ in range(2):
        assert run(main()) == [f"Hello from {URL}{n}" for n in range(200)]


def test_loops_in_several_threads_share_a_runtime(runtime: Runtime) -> None:
    app = runtime.load(HELLO)
    results: list[int] = []

    async def main() -> None:
        for n in range(50):
            assert (await app.fetch(f"{URL}{n}")).text == f"Hello from {URL}{n}"
        results.append(1)

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4


def test_threads_with_streams_share_a_runtime_and_with_a_loop(runtime: Runtime) -> None:
    app = runtime.load(ECHO)
    results: list[int] = []

    def stream() -> None:
        for n in range(20):
            with app.fetch_sync(URL, method="POST", body=iter([b"a", str(n).encode()]), stream=True) as response:
                assert response.read() == b"a%d" % n
        results.append(1)

    async def main() -> None:
        for n in range(20):
            assert (await app.fetch(URL, method="POST", body=iter([b"b", str(n).encode()]))).body == b"b%d" % n
        results.append(1)

    threads = [threading.Thread(target=stream) for _ in range(4)]
    threads.append(threading.Thread(target=lambda: asyncio.run(main())))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 5


def test_methods_headers_and_bodies_arrive(runtime: Runtime) -> None:
    app = runtime.load("", kind="echo")
    response = app.fetch_sync(URL, method="PUT", headers=[("X-A", "1"), (b"x-a", b"2")], body="grüße")
    echoed = response.json()
    assert (echoed["method"], echoed["headers"]["x-a"], echoed["body"]) == ("PUT", "1, 2", "grüße")
    assert app.fetch_sync(Request(URL, method="POST", headers={"X-B": "3"}, body=bytearray(b"x"))).json()["body"] == "x"


def test_headers_are_a_mapping_that_keeps_what_came_several_times() -> None:
    headers = Headers([("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("X", "y")])
    assert headers["SET-COOKIE"] == "a=1, b=2"
    assert headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert dict(headers) == {"set-cookie": "a=1, b=2", "x": "y"}
    assert "z" not in headers and len(headers) == 2


@pytest.mark.parametrize("size", [10, 70_000, 1_000_000])
def test_bodies_stream_through_both_ways(runtime: Runtime, run: Any, size: int) -> None:
    app = runtime.load(ECHO)
    piece = bytes(range(256)) * 40
    whole = (piece * (size // len(piece) + 1))[:size]
    pieces = [whole[at : at + 10_240] for at in range(0, size, 10_240)]

    async def chunks() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def main() -> bytes:
        response = await app.fetch(URL, method="POST", body=chunks(), stream=True)
        async with response:
            return b"".join([chunk async for chunk in response.aiter_bytes()])

    assert run(main()) == whole
    with app.fetch_sync(URL, method="POST", body=iter(pieces), stream=True) as response:
        assert b"".join(response.iter_bytes()) == whole
        assert response.account is not None and response.account.bytes_in == size
    assert app.fetch_sync(URL, method="POST", body=iter(pieces)).body == whole
    assert app.fetch_sync(URL, method="POST", body=whole).body == whole


def test_a_thread_s_body_may_have_any_number_of_large_pieces(runtime: Runtime) -> None:
    source = "export default { async fetch({ body }) { let n = 0; for await (const piece of body) n += piece.length; return new Response(`${n}`); } }"
    app = runtime.load(source, cpu_ms=60_000)
    before = sys.getrecursionlimit()
    # None of these pieces has room as a whole.
    sys.setrecursionlimit(len(inspect.stack(0)) + 100)
    try:
        assert app.fetch_sync(URL, method="POST", body=(b"x" * 100_000 for _ in range(150))).text == "15000000"
    finally:
        sys.setrecursionlimit(before)


def test_a_body_that_fails_ends_its_request_and_is_what_the_caller_hears(runtime: Runtime, run: Any) -> None:
    app = runtime.load("export default { async fetch(request) { return new Response(await request.text()) } }")

    def failing() -> Any:
        yield b"begun"
        raise KeyError("the source broke")

    with pytest.raises(KeyError, match="the source broke"):
        app.fetch_sync(URL, method="POST", body=failing())
    with pytest.raises(KeyError, match="the source broke"):
        run(app.fetch(URL, method="POST", body=failing()))
    with pytest.raises(TypeError, match="bytes, not str"):
        app.fetch_sync(URL, method="POST", body=iter(["text"]))  # type: ignore[list-item]
    assert app.fetch_sync(URL, method="POST", body=b"well").body == b"well"


@pytest.mark.parametrize("response", ["new Response('whole')", "new Response(new ReadableStream({ async pull(c) { await null; c.enqueue(new Uint8Array(5)); c.close(); } }))"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_app_that_answers_without_reading_lets_the_body_be(runtime: Runtime, run: Any, response: str, stream: bool) -> None:
    app = runtime.load(f"export default {{ fetch: () => {response} }}")
    left: list[str] = []

    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"begun"
            await asyncio.Event().wait()
        finally:
            left.append("body")

    async def main() -> None:
        answer = await app.fetch(URL, method="POST", body=body(), stream=stream)
        assert len(await answer.aread()) == 5
        me = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not me and "send" in str(task.get_coro())]
        await asyncio.gather(*others, return_exceptions=True)
        assert left == ["body"]

    run(main())


ENDLESS = """
let reads = 0;
export const count = () => reads;
export default { fetch: () => new Response(new ReadableStream({ pull(c) { reads++; c.enqueue(new Uint8Array(16384)); } })) };
"""
# Reads its request's body when it is told to.
WAITS = """
let open;
const opened = new Promise((resolve) => { open = resolve; });
export { open };
export const here = () => 1;
export default { async fetch(request) { await opened; return new Response(String((await request.arrayBuffer()).byteLength)); } };
"""
# A window of 64 KiB in pieces of 16, and what waits at its ends: less than what would come if nobody waited.
IN_BETWEEN = 16


def test_a_body_that_a_thread_does_not_take_makes_its_app_wait(runtime: Runtime) -> None:
    app = runtime.load(ENDLESS)

    def count() -> int:
        # Asked often enough that it would have gone on if it could.
        return max(app.invoke_sync("count") for _ in range(2 * IN_BETWEEN))

    with app.fetch_sync(URL, stream=True) as response:
        before = count()
        assert 0 < before <= IN_BETWEEN and count() == before
        # What is taken is what it goes on by.
        chunks = response.iter_bytes()
        taken = 0
        while taken < 2 * IN_BETWEEN * 16_384:
            taken += len(next(chunks))
        after = count()
        assert taken // 16_384 <= after <= taken // 16_384 + IN_BETWEEN and count() == after


def test_a_body_that_a_loop_does_not_take_makes_its_app_wait(runtime: Runtime, run: Any) -> None:
    app = runtime.load(ENDLESS)

    async def count() -> int:
        return max([await app.invoke("count") for _ in range(2 * IN_BETWEEN)])

    async def main() -> None:
        async with await app.fetch(URL, stream=True) as response:
            before = await count()
            assert 0 < before <= IN_BETWEEN and await count() == before
            chunks = response.aiter_bytes()
            taken = 0
            while taken < 2 * IN_BETWEEN * 16_384:
                taken += len(await chunks.__anext__())
            after = await count()
            assert taken // 16_384 <= after <= taken // 16_384 + IN_BETWEEN and await count() == after

    run(main())


def test_a_thread_s_body_is_not_read_on_while_the_app_does_not_read(runtime: Runtime) -> None:
    app = runtime.load(WAITS)
    yielded: list[int] = []
    full = threading.Event()

    def body() -> Iterator[bytes]:
        for n in range(4 * IN_BETWEEN):
            if n == 4:
                # Four fill the window, and there is no room for this one.
                full.set()
            yielded.append(n)
            yield bytes(16_384)

    said: list[str] = []
    asker = threading.Thread(target=lambda: said.append(app.fetch_sync(URL, method="POST", body=body()).text))
    asker.start()
    try:
        assert full.wait(PATIENCE_S)
        for _ in range(4 * IN_BETWEEN):
            app.invoke_sync("here")
        assert len(yielded) <= IN_BETWEEN
    finally:
        app.invoke_sync("open")
        asker.join()
    assert (said, len(yielded)) == ([str(4 * IN_BETWEEN * 16_384)], 4 * IN_BETWEEN)


@pytest.mark.parametrize("kind", ["Iterator", "AsyncIterator"])
def test_a_loop_s_body_is_not_read_on_while_the_app_does_not_read(runtime: Runtime, run: Any, kind: str) -> None:
    app = runtime.load(WAITS)
    yielded: list[int] = []

    def body() -> Iterator[bytes]:
        for n in range(4 * IN_BETWEEN):
            yielded.append(n)
            yield bytes(16_384)

    async def abody() -> AsyncIterator[bytes]:
        for piece in body():
            yield piece

    async def main() -> None:
        asker = asyncio.create_task(app.fetch(URL, method="POST", body=body() if kind == "Iterator" else abody()))
        while len(yielded) < 5:
            await app.invoke("here")
        for _ in range(4 * IN_BETWEEN):
            await app.invoke("here")
        assert len(yielded) <= IN_BETWEEN
        await app.invoke("open")
        assert ((await asker).text, len(yielded)) == (str(4 * IN_BETWEEN * 16_384), 4 * IN_BETWEEN)

    run(main())


def test_canceling_the_task_cancels_the_request(runtime: Runtime, run: Any) -> None:
    app = runtime.load(ABORTS)

    async def main() -> str:
        task = asyncio.create_task(app.fetch(URL))
        while not await app.invoke("begun"):
            pass
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return (await app.fetch(f"{URL}aborted")).text

    assert run(main()) == "aborted"


def test_a_stream_that_nobody_reads_on_is_canceled(runtime: Runtime) -> None:
    app = runtime.load("""
        let told = new Promise((resolve) => { globalThis.tell = resolve; });
        export default {
          fetch: () => new Response(new ReadableStream({
            pull(controller) { controller.enqueue(new Uint8Array(1024)); },
            cancel() { globalThis.tell('canceled'); },
          })),
        };
        export const canceled = () => told;
    """)
    response = app.fetch_sync(URL, stream=True)
    assert len(next(response.iter_bytes())) == 1024
    del response
    assert app.invoke_sync("canceled") == "canceled"


@pytest.mark.parametrize("size", [9, 100_000])
def test_a_response_that_is_closed_before_its_end_is_never_whole(runtime: Runtime, run: Any, size: int) -> None:
    app = runtime.load(PIECES)

    def refused() -> Any:
        return pytest.raises(nano.CanceledError, match="closed")

    for taken in (0, 1):
        with app.fetch_sync(f"{URL}{size}", stream=True) as response:
            chunks = response.iter_bytes()
            assert len([next(chunks) for _ in range(taken)]) == taken
        for use in (response.iter_bytes, response.read, lambda chunks=chunks: next(chunks)):
            for _ in range(2):
                with refused():
                    use()
        with pytest.raises(RuntimeError, match="has not been read"):
            _ = response.body

    async def main() -> None:
        for taken in (0, 1):
            async with await app.fetch(f"{URL}{size}", stream=True) as response:
                chunks = response.aiter_bytes()
                assert len([await chunks.__anext__() for _ in range(taken)]) == taken
            for _ in range(2):
                with refused():
                    response.aiter_bytes()
                with refused():
                    await response.aread()
                with refused():
                    await chunks.__anext__()
        response = app.fetch_sync(f"{URL}{size}", stream=True)
        await response.aclose()
        with refused():
            await response.aread()

    run(main())


def test_the_pieces_of_a_body_come_once(runtime: Runtime, run: Any) -> None:
    app = runtime.load(PIECES)

    def refused() -> Any:
        return pytest.raises(nano.InvalidError, match="has been read already")

    with app.fetch_sync(f"{URL}9", stream=True) as response:
        chunks = response.iter_bytes()
        assert b"".join(chunks) == bytes(18)
        # As of every iterator.
        assert list(chunks) == []
        for use in (response.iter_bytes, response.read):
            with refused():
                use()
    # Closed, and there is the better reason.
    with refused():
        response.read()

    async def main() -> None:
        async with await app.fetch(f"{URL}9", stream=True) as response:
            chunks = response.aiter_bytes()
            assert b"".join([chunk async for chunk in chunks]) == bytes(18)
            assert [chunk async for chunk in chunks] == []
            with refused():
                response.aiter_bytes()
            with refused():
                await response.aread()
        with refused():
            await response.aread()

    run(main())


def test_a_body_that_was_read_whole_stays(runtime: Runtime, run: Any) -> None:
    app = runtime.load(PIECES)
    with app.fetch_sync(f"{URL}9", stream=True) as response:
        # What is left is what it keeps.
        assert next(response.iter_bytes()) == bytes(9)
        assert response.read() == bytes(9)
    response.close()
    assert (response.read(), response.body, list(response.iter_bytes()), response.is_stream) == (bytes(9), bytes(9), [bytes(9)], False)

    async def main() -> None:
        async with await app.fetch(f"{URL}9", stream=True) as response:
            assert await response.aread() == bytes(18)
        assert (await response.aread(), response.body, [chunk async for chunk in response.aiter_bytes()]) == (bytes(18), bytes(18), [bytes(18)])

    run(main())


# Sends two pieces of as many bytes as the path says.
PIECES = """
export default {
  fetch(request) {
    const size = Number(new URL(request.url).pathname.slice(1));
    let n = 0;
    return new Response(new ReadableStream({ async pull(c) { await null; if (n++ === 2) c.close(); else c.enqueue(new Uint8Array(size)); } }));
  },
};
"""
# Sends one piece, and no more.
BEGINS = "export default { fetch: () => new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(9)); } })) }"
# Sends one piece, and fails.
BREAKS = """
let n = 0;
export default { fetch: () => new Response(new ReadableStream({ pull(c) { if (n++ % 2) c.error(new Error('broke')); else c.enqueue(new Uint8Array(9)); } })) };
"""


def test_a_body_whose_reader_was_canceled_has_no_end(runtime: Runtime, run: Any) -> None:
    app = runtime.load(BEGINS)

    async def main() -> None:
        response = await app.fetch(URL, stream=True)
        body = response.aiter_bytes()
        assert len(await body.__anext__()) == 9
        reader = asyncio.ensure_future(body.__anext__())
        await asyncio.sleep(0)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        for _ in range(2):
            with pytest.raises(nano.CanceledError, match="canceled"):
                await body.__anext__()
            with pytest.raises(nano.CanceledError, match="canceled"):
                await response.aread()

    run(main())


def test_a_response_that_another_thread_lets_go_ends_its_request_and_what_it_sends(runtime: Runtime, run: Any) -> None:
    async def main() -> None:
        # Where a task is touched by another thread than its loop's is an error.
        asyncio.get_running_loop().set_debug(True)
        ended = asyncio.Event()

        async def pieces() -> AsyncIterator[bytes]:
            try:
                yield b"first"
                await asyncio.Event().wait()
            finally:
                ended.set()

        app = runtime.load(BEGINS)
        responses = [await app.fetch(URL, method="POST", body=pieces(), stream=True)]
        thread = threading.Thread(target=responses.clear)
        thread.start()
        thread.join()
        await ended.wait()
        while app.stats()["in_flight"]:
            await asyncio.sleep(0)

    run(main())


# Sends its pieces when it is told to.
WHEN_TOLD = """
let open;
const opened = new Promise((resolve) => { open = resolve; });
export { open };
export default {
  fetch() {
    let n = 0;
    return new Response(new ReadableStream({
      async pull(controller) { await opened; if (n === 50) controller.close(); else controller.enqueue(new TextEncoder().encode(`${n++} `)); },
    }));
  },
};
"""
ALL = [f"{n} ".encode() for n in range(50)]


@pytest.mark.parametrize("whole", [False, True], ids=["pieces", "whole"])
def test_any_number_of_tasks_reads_one_response(runtime: Runtime, run: Any, whole: bool) -> None:
    async def main() -> None:
        app = runtime.load(WHEN_TOLD)
        response = await app.fetch(URL, stream=True)

        async def read() -> list[bytes]:
            return [await response.aread()] if whole else [chunk async for chunk in response.aiter_bytes()]

        readers = [asyncio.create_task(read()) for _ in range(3)]
        # All wait.
        await asyncio.sleep(0)
        await app.invoke("open")
        had = await asyncio.gather(*readers)
        if whole:
            assert had == [[b"".join(ALL)]] * 3
        else:
            assert sorted(piece for pieces in had for piece in pieces) == sorted(ALL)
        assert response.account is not None

    run(main())


@pytest.mark.parametrize("whole", [False, True], ids=["pieces", "whole"])
def test_any_number_of_threads_reads_one_response(runtime: Runtime, whole: bool) -> None:
    app = runtime.load(WHEN_TOLD)
    response = app.fetch_sync(URL, stream=True)
    with ThreadPoolExecutor(3) as pool:
        # Whoever begins behind the end is refused the pieces.
        had = [pool.submit(lambda: [response.read()]) if whole else pool.submit(list, response.iter_bytes()) for _ in range(3)]
        app.invoke_sync("open")
        pieces = [each.result(PATIENCE_S) for each in had]
    if whole:
        assert pieces == [[b"".join(ALL)]] * 3
    else:
        assert sorted(piece for some in pieces for piece in some) == sorted(ALL)


def test_threads_that_read_a_response_send_the_rest_of_the_request_in_turn(runtime: Runtime) -> None:
    app = runtime.load(ECHO)
    sent = (b"%06d" % n * 1000 for n in range(200))
    response = app.fetch_sync(URL, method="POST", body=sent, stream=True)
    with ThreadPoolExecutor(3) as pool:
        had = [pool.submit(list, pieces) for pieces in [response.iter_bytes() for _ in range(3)]]
        assert sum(len(piece) for each in had for piece in each.result(PATIENCE_S)) == 1_200_000


def test_a_failure_reaches_all_who_read(runtime: Runtime, run: Any) -> None:
    async def main() -> None:
        app = runtime.load(WHEN_TOLD)
        response = await app.fetch(URL, stream=True)
        readers = [asyncio.ensure_future(response.aiter_bytes().__anext__()) for _ in range(3)]
        await asyncio.sleep(0)
        await app.akill()
        assert [type(each) for each in await asyncio.gather(*readers, return_exceptions=True)] == [nano.CanceledError] * 3

    run(main())


def test_a_body_that_broke_off_is_never_whole(runtime: Runtime, run: Any) -> None:
    app = runtime.load(BREAKS)

    async def main() -> None:
        async with await app.fetch(URL, stream=True) as response:
            for _ in range(2):
                with pytest.raises(nano.AppError, match="broke"):
                    await response.aread()
        with pytest.raises(nano.AppError, match="broke"):
            await response.aread()

    run(main())
    with app.fetch_sync(URL, stream=True) as response:
        for _ in range(2):
            with pytest.raises(nano.AppError, match="broke"):
                response.read()
    with pytest.raises(nano.AppError, match="broke"):
        response.read()


def test_a_response_that_is_too_large_to_be_kept_whole_says_so(runtime: Runtime, run: Any) -> None:
    app = runtime.load(
        "export default { fetch: () => new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(65536)); } })) }",
        external_bytes=1 << 20,
    )
    with pytest.raises(nano.TooLargeError, match="external_bytes"):
        run(app.fetch(URL))
    with pytest.raises(nano.TooLargeError, match="external_bytes"):
        app.fetch_sync(URL, body=iter([b"x"]), method="POST")


def test_a_request_has_its_own_time(manual: Runtime, run: Any) -> None:
    app = manual.load("export default { fetch: () => new Promise(() => { setTimeout(() => {}, 1e9) }) }\nexport const here = () => 1")

    async def main() -> None:
        task = asyncio.create_task(app.fetch(URL, timeout=2))
        assert await app.invoke("here") == 1
        manual.advance(1_999)
        assert await app.invoke("here") == 1 and not task.done()
        manual.advance(2)
        with pytest.raises(TimeoutError) as caught:
            await task
        assert isinstance(caught.value, nano.WallLimitError)

    run(main())


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"request": 5}, TypeError),
        ({"request": "/relative"}, ValueError),
        ({"request": URL, "method": "NOT ONE"}, ValueError),
        ({"request": URL, "body": 5}, TypeError),
        ({"request": URL, "headers": {"bad name": "x"}}, ValueError),
        ({"request": URL, "headers": {"x": "a\r\nb: c"}}, ValueError),
        ({"request": URL, "headers": {"x": 5}}, TypeError),
        ({"request": URL, "timeout": 0}, ValueError),
        ({"request": URL, "timeout": -1}, ValueError),
    ],
)
def test_wrong_arguments_are_type_and_value_errors(runtime: Runtime, run: Any, wrong: dict[str, Any], error: type[Exception]) -> None:
    app = runtime.load(HELLO)
    with pytest.raises(error):
        app.fetch_sync(**wrong)
    with pytest.raises(error):
        run(app.fetch(**wrong))


def test_a_loop_that_is_interrupted_when_it_is_told_of_a_response_loses_no_other(runtime: Runtime) -> None:
    app = runtime.load("export const here = () => 1; export default { fetch: (request) => new Response(request.url) }")

    class Stop(BaseException):
        pass

    class Loop(asyncio.SelectorEventLoop):
        armed = False

        def call_soon(self, *args: Any, **kwargs: Any) -> asyncio.Handle:
            if self.armed and sys._getframe(1).f_code.co_name == "drain":
                self.armed = False
                raise Stop
            return super().call_soon(*args, **kwargs)

    async def main() -> list[str]:
        first, *others = [asyncio.create_task(app.fetch(f"{URL}{n}")) for n in range(3)]
        await asyncio.sleep(0)
        # Behind them, so that all have been answered, and the loop has been told of none.
        assert app.invoke_sync("here") == 1
        loop.armed = True
        # Whoever comes next goes on with what was left.
        while loop.armed:
            await asyncio.sleep(0)
        assert await app.invoke("here") == 1
        responses = await asyncio.gather(*others)
        assert not first.done() and [type(context["exception"]) for context in failures] == [Stop]
        first.cancel()
        return [response.text for response in responses]

    loop = Loop()
    failures: list[Any] = []
    loop.set_exception_handler(lambda _, context: failures.append(context))
    try:
        assert loop.run_until_complete(asyncio.wait_for(main(), PATIENCE_S)) == [f"{URL}1", f"{URL}2"]
    finally:
        loop.close()
