"""A FastAPI server that mounts apps beside its own routes.

    pip install nano-isolates fastapi uvicorn
    uvicorn server:app
    curl 'http://127.0.0.1:8000/apps/greeter/?name=world'

PyPI has no nano-isolates yet: where pip would install it, install target/dist/nano_isolates-*.whl, which `make dist` makes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import nano_isolates as nano
from nano_isolates import asgi

VISITS = 0


async def count_visit() -> int:
    """What the greeter finds as `env.countVisit`."""
    global VISITS
    VISITS += 1
    return VISITS


SOURCES = {
    "greeter": """
        export default {
          async fetch(request, env) {
            const name = new URL(request.url).searchParams.get('name');
            return new Response(`${env.GREETING}, ${name}: visit ${await env.countVisit()}\\n`);
          },
        };
    """,
    "shouter": """
        export default {
          fetch(request) {
            const upper = new TransformStream({ transform: (text, out) => out.enqueue(text.toUpperCase()) });
            const body = request.body.pipeThrough(new TextDecoderStream()).pipeThrough(upper).pipeThrough(new TextEncoderStream());
            return new Response(body);
          },
        };
    """,
}


@asynccontextmanager
async def lifespan(server: FastAPI) -> AsyncIterator[None]:
    # Here and not above: each worker process makes its own runtime, after it was forked.
    async with nano.Runtime(threads=2) as runtime:
        for name, source in SOURCES.items():
            loaded = await runtime.aload(
                source,
                name=name,
                env={"GREETING": "Hello"},
                bindings={"countVisit": count_visit},
                egress="deny",
            )
            server.mount(f"/apps/{name}", asgi.App(loaded))
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def index() -> dict[str, list[str]]:
    return {"apps": sorted(SOURCES)}
