"""uvicorn with one worker and the smallest application, of NANO's or written in Python: serve.py nano|python. Its first line is its address."""

import socket
import sys

import uvicorn

HELLO = "export default { fetch() { return new Response('Hello World'); } };"


async def plain(scope, receive, send) -> None:
    """The same answer, without an app."""
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/plain;charset=UTF-8"), (b"content-length", b"11")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello World"})


def main(which: str) -> None:
    application = plain
    if which == "nano":
        from nano_isolates import asgi

        application = asgi.App(HELLO)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        print(f"127.0.0.1:{listener.getsockname()[1]}", flush=True)
        lifespan = "on" if which == "nano" else "off"
        config = uvicorn.Config(application, loop="uvloop", http="httptools", log_level="error", access_log=False, lifespan=lifespan)
        uvicorn.Server(config).run(sockets=[listener])


main(sys.argv[1])
