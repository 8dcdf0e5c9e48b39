"use strict";
// fetch() with "Upgrade: websocket": the response has a WebSocket, as Cloudflare Workers have it.
// https://developers.cloudflare.com/workers/examples/websockets/#write-a-websocket-client
(nano) => {
  const { StringPrototypeReplaceAll, StringPrototypeStartsWith } = nano.primordials;
  const { bytesBody, fetchedResponse, headerOf, isNullBodyStatus, isRedirectStatus, parseFlat, responseOf } = nano.fetch;
  const { Socket } = nano.part("sockets");
  const { createWebSocket } = nano.part("websocket");

  // What the handshake says itself.
  const ofHandshake = (name) =>
    name === "upgrade" || name === "connection" || name === "content-length" || StringPrototypeStartsWith(name, "sec-websocket-");

  const headersOf = (flat) => {
    const list = parseFlat(flat);
    let kept = "";
    for (let i = 0; i < list.length; i += 2) {
      if (!ofHandshake(list[i])) kept += `${kept === "" ? "" : "\n"}${list[i]}\n${list[i + 1]}`;
    }
    return kept;
  };

  const open = (call) => {
    const { flat, url } = call;
    const socket = new Socket({
      __proto__: null,
      opened(protocol, answer) {
        const webSocket = createWebSocket(socket);
        const meta = { __proto__: null, type: "basic", url, guard: "immutable", redirected: call.redirects > 0, webSocket };
        call.pump = null;
        call.bodyDone();
        call.deferred.resolve(responseOf(101, "Switching Protocols", answer, meta, null));
      },
      // A server that wants no WebSocket may have answered.
      failed(why, answer) {
        if (answer === undefined) {
          call.fail(`fetch failed: ${why}`);
          return;
        }
        const status = answer[0];
        const headers = answer[2];
        call.pump = null;
        if (isRedirectStatus(status) && call.options.redirect !== "manual" && nano.part("fetch_redirect").follow(call, status, headers)) return;
        call.bodyDone();
        const body = isNullBodyStatus(status) ? null : bytesBody(answer[3], null);
        call.deferred.resolve(fetchedResponse(status, answer[1], headers, url, call.redirects > 0, body));
      },
      closed() {
        call.fail("fetch failed: the connection was closed");
      },
    });
    socket.open(url, StringPrototypeReplaceAll(headerOf(flat, "sec-websocket-protocol") ?? "", " ", ""), headersOf(flat));
    socket.read(false);
    // Whoever aborts the call, or lets it fail, ends the connection.
    call.pump = { __proto__: null, cancel: () => socket.close(undefined, "") };
  };

  return { __proto__: null, open };
};
