// Server-sent events. Each is made when the client has room for it, none once it has gone; a client that comes back says with Last-Event-ID
// where it was.
//
//   GET /             a page that listens
//   GET /ticks        an event each ?every= milliseconds, ?count= of them; a comment when there was none for ?heartbeat= milliseconds
//   GET /feed         events as fast as they are read
//   GET /streams      what became of the streams of this instance
import page from "./page.html";

const encoder = new TextEncoder();
const streams = { open: 0, ended: 0, canceled: 0, events: 0 };

/** One event, whose data may have several lines, or a comment: whoever is between may take a connection on which nothing is said for dead. */
function format({ id, event, data, comment }) {
  if (comment !== undefined) return encoder.encode(`: ${comment}\n\n`);
  const lines = [`id: ${id}`, ...(event ? [`event: ${event}`] : []), ...data.split(/\r\n|\r|\n/).map((line) => `data: ${line}`)];
  return encoder.encode(`${lines.join("\n")}\n\n`);
}

/** A body of the events that `next` gives, until it gives none. */
function body(next) {
  streams.open += 1;
  const stopped = new AbortController();
  const end = (how) => {
    streams.open -= 1;
    streams[how] += 1;
  };
  return new ReadableStream(
    {
      start(controller) {
        controller.enqueue(encoder.encode("retry: 1000\n\n"));
      },
      async pull(controller) {
        const event = await next(stopped.signal);
        if (stopped.signal.aborted) return;
        if (event) {
          if (event.id) streams.events += 1;
          return controller.enqueue(format(event));
        }
        end("ended");
        controller.close();
      },
      // The client has gone, or its connection broke.
      cancel() {
        stopped.abort();
        end("canceled");
      },
    },
    { highWaterMark: 1 },
  );
}

function pause(ms, signal) {
  return new Promise((resume) => {
    const timer = setTimeout(resume, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resume()), { once: true });
  });
}

function ticks(from, count, every, heartbeat) {
  let id = from;
  let left = 0;
  return async (signal) => {
    if (id - from === count) return undefined;
    const now = Math.min(left, heartbeat);
    if (left > 0) await pause(now, signal);
    left -= now;
    if (left > 0) return { comment: "nothing yet" };
    left = every;
    return { id: ++id, event: "tick", data: `tick ${id}\nof ${from + count}` };
  };
}

function feed(from) {
  let id = from;
  const data = "x".repeat(8000);
  return async () => ({ id: ++id, data });
}

export default {
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const number = (name, otherwise, max) => Math.min(Math.max(Math.trunc(Number(searchParams.get(name) ?? otherwise)) || 0, 0), max);
    const from = Number.parseInt(request.headers.get("last-event-id") ?? "0", 10) || 0;
    const events = (next) => new Response(body(next), { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } });
    switch (pathname) {
      case "/":
        return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
      case "/ticks":
        return events(ticks(from, number("count", 60, 3600), number("every", 1000, 60_000), number("heartbeat", 10_000, 60_000) || 1));
      case "/feed":
        return events(feed(from));
      case "/streams":
        return Response.json(streams);
      default:
        return new Response("Not found\n", { status: 404 });
    }
  },
};
