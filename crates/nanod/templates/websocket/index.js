import page from "./page.html";

// A request for a WebSocket gets one end of a pair; the app keeps the other.
export default {
  fetch(request) {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return new Response(page, { headers: { "content-type": "text/html;charset=utf-8" } });
    }
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.addEventListener("message", ({ data }) => {
      server.send(typeof data === "string" ? `You said: ${data}` : data);
    });
    return new Response(null, { status: 101, webSocket: client });
  },
};
