// The servers of Node, Bun and Deno, each its own fastest: a short text for GET, its own JSON body for POST. Prints its address.
const text = "Hello, world!";

if (globalThis.Deno) {
  const answer = async (request) => request.method === "POST" ? Response.json(await request.json()) : new Response(text);
  Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: ({ port }) => console.log(`127.0.0.1:${port}`) }, answer);
} else if (globalThis.Bun) {
  const fetch = async (request) => request.method === "POST" ? Response.json(await request.json()) : new Response(text);
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
  console.log(`127.0.0.1:${server.port}`);
} else {
  const { createServer } = await import("node:http");
  const server = createServer((request, response) => {
    if (request.method !== "POST") {
      response.setHeader("content-type", "text/plain;charset=UTF-8");
      response.end(text);
      return;
    }
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(JSON.parse(Buffer.concat(pieces).toString())));
    });
  });
  server.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${server.address().port}`));
}
