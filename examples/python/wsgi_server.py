"""A WSGI application for servers that fork: each worker loads the app for itself, at its first request.

    pip install nano-isolates gunicorn
    gunicorn --workers 2 wsgi_server:app

PyPI has no nano-isolates yet: where pip would install it, install target/dist/nano_isolates-*.whl, which `make dist` makes.
"""

from nano_isolates import wsgi

app = wsgi.App(
    "let visits = 0; export default { fetch: () => new Response(`Hello from worker with ${++visits} visits\\n`) }",
    name="hello",
)
