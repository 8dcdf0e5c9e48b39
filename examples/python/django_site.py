"""A Django site in one file, with apps beside its own views: under ASGI, or under WSGI with workers that fork.

    pip install nano-isolates django uvicorn gunicorn
    uvicorn django_site:application
    gunicorn --workers 2 django_site:wsgi_application
    curl -d 'quiet' http://127.0.0.1:8000/apps/shouter/
    curl http://127.0.0.1:8000/price/3

PyPI has no nano-isolates yet: where pip would install it, install target/dist/nano_isolates-*.whl, which `make dist` makes.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

import nano_isolates as nano
from nano_isolates import asgi, wsgi

SHOUTER = "export default { fetch: async (request) => new Response((await request.text()).toUpperCase() + ` at ${new URL(request.url).pathname}\\n`) }"
RULES = "export const price = (items) => items * 4 * (items > 2 ? 0.5 : 1)"

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of this example")


@cache
def rules() -> nano.App:
    """Loaded when a process first asks for it, and so after servers have forked their workers."""
    return nano.Runtime(threads=1).load(RULES)


def price(request: HttpRequest, items: int) -> JsonResponse:
    """A view of Django's that asks an app."""
    return JsonResponse({"price": rules().invoke_sync("price", items)})


urlpatterns = [path("price/<int:items>", price)]

django_asgi: Any = get_asgi_application()
django_wsgi: Any = get_wsgi_application()
shouter_asgi, shouter_wsgi = asgi.App(SHOUTER), wsgi.App(SHOUTER)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Django, but for the app's paths. The beginning and the end of a process are the app's, too: Django knows nothing of them."""
    is_ours = scope["type"] == "lifespan" or scope["path"].startswith("/apps/shouter/")
    await (shouter_asgi if is_ours else django_asgi)(scope, receive, send)


def wsgi_application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The same for WSGI."""
    is_ours = environ["PATH_INFO"].startswith("/apps/shouter/")
    return (shouter_wsgi if is_ours else django_wsgi)(environ, start_response)
