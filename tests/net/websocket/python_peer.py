"""NANO against the package websockets, both ways; the port is in NANO_PORT."""

import asyncio
import json
import os
import urllib.parse
import urllib.request

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.frames import Frame, Opcode

PORT = os.environ["NANO_PORT"]


async def as_client(compression):
    async with connect(f"ws://127.0.0.1:{PORT}/", compression=compression, subprotocols=["chat"], max_size=None) as socket:
        assert socket.subprotocol == "chat"
        for message in ["a", "", "\u00fc\U0001f600" * 1000, b"", b"\0\xff" * 400_000, "long " * 100_000]:
            await socket.send(message)
            assert await socket.recv() == message
        # Fragments, of text and of bytes.
        await socket.send(iter(["one ", "two ", "three"]))
        assert await socket.recv() == "one two three"
        await (await socket.ping(b"there?"))
        await socket.close(4000, "enough")
        assert socket.close_code == 4000
    async with connect(f"ws://127.0.0.1:{PORT}/", compression=compression) as socket:
        await socket.send("close me")
        try:
            await socket.recv()
            raise AssertionError("it is closed")
        except websockets.exceptions.ConnectionClosed as closed:
            assert (closed.rcvd.code, closed.rcvd.reason) == (4002, "as you wish")
    async with connect(f"ws://127.0.0.1:{PORT}/", compression=None) as socket:
        try:
            await socket.send(b"x" * ((1 << 20) + 1))
            await socket.recv()
            raise AssertionError("it is too long")
        except websockets.exceptions.ConnectionClosed as closed:
            assert closed.rcvd.code == 1009, closed


async def refuses_bad_text():
    """What is sent here beside that package's own checks."""
    text, first, last, close = Opcode.TEXT, (Opcode.TEXT, False), (Opcode.CONT, True), Opcode.CLOSE
    for frames in [
        [(text, True, b"a\xff")],
        [(text, True, b"\xe2\x82")],
        [(text, True, b"\xed\xa0\x80")],
        [(*first, b"\xe2\x82"), (*last, b"a")],
        [(*first, b"\xf0\x9f"), (*last, b"\x98")],
        [(close, True, b"\x03\xe8\xff")],
        [(close, True, b"\x0f\xa0\xe2\x82")],
    ]:
        async with connect(f"ws://127.0.0.1:{PORT}/", compression=None) as socket:
            for opcode, fin, data in frames:
                socket.transport.write(Frame(opcode, data, fin).serialize(mask=True))
            try:
                raise AssertionError(f"{await socket.recv()!r} came of {frames}")
            except websockets.exceptions.ConnectionClosed as closed:
                assert closed.rcvd.code == 1007, (frames, closed)
    async with connect(f"ws://127.0.0.1:{PORT}/", compression=None) as socket:
        for opcode, fin, data in [(*first, b"\xf0\x9f"), (Opcode.CONT, False, b"\x98"), (*last, b"\x80")]:
            socket.transport.write(Frame(opcode, data, fin).serialize(mask=True))
        assert await socket.recv() == "\U0001f600"


async def refuses_a_servers_bad_text():
    for frames in [
        [(Opcode.TEXT, True, b"a\xff")],
        [(Opcode.TEXT, False, b"\xe2"), (Opcode.CONT, True, b"a")],
        [(Opcode.CLOSE, True, b"\x0f\xa0\xe2\x82")],
    ]:
        ended = asyncio.get_running_loop().create_future()

        async def speak(socket):
            for opcode, fin, data in frames:
                socket.transport.write(Frame(opcode, data, fin).serialize(mask=False))
            await socket.wait_closed()
            ended.set_result(socket.close_code)

        async with serve(speak, "127.0.0.1", 0, compression=None) as server:
            said = await get("watch", server.sockets[0].getsockname()[1])
            assert said == {"messages": [], "failed": True, "code": 1006, "wasClean": False}, (frames, said)
            assert await ended == 1007, frames


async def get(path, port):
    url = f"http://127.0.0.1:{PORT}/{path}?" + urllib.parse.urlencode({"url": f"ws://127.0.0.1:{port}/"})
    return json.loads(await asyncio.to_thread(lambda: urllib.request.urlopen(url).read()))


async def as_server(compression):
    ended = asyncio.get_running_loop().create_future()

    async def echo(socket):
        try:
            async for message in socket:
                await socket.send(message)
        except websockets.exceptions.ConnectionClosedError:
            pass  # A code of its own is one to that package.
        ended.set_result((socket.close_code, socket.close_reason))

    async with serve(echo, "127.0.0.1", 0, compression=compression, subprotocols=["chat"]) as server:
        port = server.sockets[0].getsockname()[1]
        said = await get("dial", port)
        assert said == {
            "isSame": True, "sizes": [5, 8, 0, 3, 250_000, 800_000], "protocol": "chat", "isCompressed": compression is not None,
            "code": 4001, "reason": said["reason"], "wasClean": True,
        }, said
        assert await ended == (4001, "that is all")


async def main():
    for compression in [None, "deflate"]:
        await as_client(compression)
        await as_server(compression)
    await refuses_bad_text()
    await refuses_a_servers_bad_text()


asyncio.run(main())
print("python: both sides, plain and compressed, and bad UTF-8")
