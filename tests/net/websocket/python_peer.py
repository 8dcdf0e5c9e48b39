"""NANO against the package websockets, both ways; the port is in NANO_PORT."""

import asyncio
import json
import os
import urllib.parse
import urllib.request

import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

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
        url = f"http://127.0.0.1:{PORT}/dial?" + urllib.parse.urlencode({"url": f"ws://127.0.0.1:{port}/"})
        said = json.loads(await asyncio.to_thread(lambda: urllib.request.urlopen(url).read()))
        assert said == {
            "isSame": True, "sizes": [5, 8, 0, 3, 250_000, 800_000], "protocol": "chat", "isCompressed": compression is not None,
            "code": 4001, "reason": said["reason"], "wasClean": True,
        }, said
        assert await ended == (4001, "that is all")


async def main():
    for compression in [None, "deflate"]:
        await as_client(compression)
        await as_server(compression)


asyncio.run(main())
print("python: both sides, plain and compressed")
