// A small store over HTTP. env.KV belongs to the host: see examples/c/bindings.c.
export default {
  async fetch(request, env) {
    if (!env.KV) return new Response("This app needs a host that offers env.KV: try examples/c/bindings\n", { status: 501 });
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (!key) return Response.json(await env.KV.list(""));
    switch (request.method) {
      case "GET": {
        const value = await env.KV.get(key);
        return value === null ? new Response("no such key\n", { status: 404 }) : Response.json(value);
      }
      case "PUT":
        await env.KV.put(key, { text: await request.text(), at: new Date() });
        return new Response(null, { status: 204 });
      case "DELETE":
        // The same store by HTTP: a binding that answers methods may answer requests as well.
        return env.KV.fetch(`http://kv/${encodeURIComponent(key)}`, { method: "DELETE" });
      default:
        return new Response("GET, PUT or DELETE\n", { status: 405, headers: { allow: "GET, PUT, DELETE" } });
    }
  },
};
