// Echoes what clients send, and is a client itself: /dial?url=... and /watch?url=... say what became of it.
const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

async function dial(url) {
  const socket = new WebSocket(url, ["chat"]);
  const failed = next(socket, "error").then(({ message }) => Promise.reject(new Error(message)));
  failed.catch(() => {});
  await Promise.race([next(socket, "open"), failed]);
  socket.binaryType = "arraybuffer";
  const sizes = [];
  const messages = ["plain", "\u{1f600} und \u00fc", "", new Uint8Array([0, 1, 255]), "long ".repeat(50_000), new Uint8Array(800_000).fill(9)];
  let isSame = true;
  for (const message of messages) {
    socket.send(message);
    const { data } = await next(socket, "message");
    sizes.push(data.length ?? data.byteLength);
    if (typeof message === "string") isSame &&= data === message;
    else isSame &&= new Uint8Array(data).every((byte, at) => byte === message[at]);
  }
  const ended = next(socket, "close");
  socket.close(4001, "that is all");
  const { code, reason, wasClean } = await ended;
  const { extensions, protocol } = socket;
  return { isSame, sizes, protocol, isCompressed: extensions.startsWith("permessage-deflate"), code, reason, wasClean };
}

// What comes of a server that speaks by itself.
async function watch(url) {
  const socket = new WebSocket(url);
  const messages = [];
  let failed = false;
  socket.addEventListener("message", ({ data }) => messages.push(data));
  socket.addEventListener("error", () => { failed = true; });
  const { code, wasClean } = await next(socket, "close");
  return { messages, failed, code, wasClean };
}

export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/dial") return Response.json(await dial(url.searchParams.get("url")));
    if (url.pathname === "/watch") return Response.json(await watch(url.searchParams.get("url")));
    const { 0: client, 1: socket } = new WebSocketPair();
    socket.accept();
    socket.addEventListener("message", ({ data }) => {
      if (data === "close me") socket.close(4002, "as you wish");
      else socket.send(data);
    });
    const protocols = request.headers.get("sec-websocket-protocol")?.split(/, */) ?? [];
    const headers = protocols.includes("chat") ? { "sec-websocket-protocol": "chat" } : {};
    return new Response(null, { status: 101, webSocket: client, headers });
  },
};
