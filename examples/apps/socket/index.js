// A WebSocket: what is said comes back louder.
//
//   GET /             a page to talk with
//   GET /talk         the WebSocket; "bye" ends it
//   GET /sockets      how many are open in this instance, and how the others ended
import page from "./page.html";

const sockets = { open: 0, ended: [] };

function talk() {
  const [client, server] = Object.values(new WebSocketPair());
  sockets.open += 1;
  server.accept();
  server.addEventListener("message", ({ data }) => {
    if (data === "bye") server.close(4000, "bye to you");
    else server.send(typeof data === "string" ? `${data.toUpperCase()}!` : data);
  });
  server.addEventListener("close", ({ code, wasClean }) => {
    sockets.open -= 1;
    sockets.ended = [...sockets.ended.slice(-9), { code, wasClean }];
  });
  return new Response(null, { status: 101, webSocket: client });
}

export default {
  fetch(request) {
    switch (new URL(request.url).pathname) {
      case "/":
        return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
      case "/talk":
        if (request.headers.get("upgrade") !== "websocket") {
          return new Response("This is a WebSocket.\n", { status: 426, headers: { upgrade: "websocket" } });
        }
        return talk();
      case "/sockets":
        return Response.json(sockets);
      default:
        return new Response("Not found\n", { status: 404 });
    }
  },
};
