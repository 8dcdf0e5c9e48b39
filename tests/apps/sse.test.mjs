// examples/apps/sse: the streams of one instance, which tell what became of them. The tests run one after another.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, open, until } from "./client.mjs";

const app = "sse";
const streams = async () => (await ask(app, "/streams")).json;

/** Events of a response, one by one. */
async function* events(response) {
  let text = "";
  for await (const chunk of response) {
    text += chunk;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) yield text.slice(0, end);
  }
  assert.equal(text, "", "the stream ended within an event");
}

async function collect(response) {
  const all = [];
  for await (const event of events(response)) all.push(event);
  return all;
}

test("sse: events in their order, to the end", async () => {
  const response = await open(app, "/ticks?count=3&every=1");
  assert.deepEqual([response.headers["content-type"], response.headers["cache-control"]], ["text/event-stream", "no-store"]);
  const tick = (n) => `id: ${n}\nevent: tick\ndata: tick ${n}\ndata: of 3`;
  assert.deepEqual(await collect(response), ["retry: 1000", tick(1), tick(2), tick(3)]);
});

test("sse: a client that comes back goes on where it was", async () => {
  const all = await collect(await open(app, "/ticks?count=2&every=0", { headers: { "last-event-id": "41" } }));
  assert.deepEqual(all.slice(1).map((event) => event.split("\n")[0]), ["id: 42", "id: 43"]);
});

test("sse: a comment is sent when there is nothing else", async () => {
  const response = await open(app, "/ticks?count=2&every=3&heartbeat=2");
  assert.deepEqual((await collect(response)).map((event) => event.split("\n")[0]), ["retry: 1000", "id: 1", ": nothing yet", "id: 2"]);
});

test("sse: an event arrives before the next is made", async () => {
  const before = await streams();
  // The second event is a minute away: the first must not wait for it.
  const response = await open(app, "/ticks?count=2&every=60000&heartbeat=60000");
  const reader = events(response);
  assert.equal((await reader.next()).value, "retry: 1000");
  assert.match((await reader.next()).value, /^id: 1\n/);
  assert.equal((await streams()).events, before.events + 1);
  response.destroy();
  // Nothing is being sent that could fail: the end of the connection must be enough.
  await until("canceled", streams, ({ canceled }) => canceled === before.canceled + 1);
});

test("sse: nothing is made that nobody reads, and all of it is read in the end", async () => {
  const before = await streams();
  const response = await open(app, "/feed");
  const reader = events(response);
  for (let n = 0; n < 3; n++) await reader.next();
  // Now the client does not read. Each question is a turn of the instance, in which it could make more; there is room in the sockets and on
  // the way for some, but for no more than that.
  const bytes = (now) => (now.events - before.events) * 8000;
  let [last, rests] = [-1, 0];
  const full = await until(
    "at rest",
    async () => {
      const now = bytes(await streams());
      rests = now === last ? rests + 1 : 0;
      last = now;
      return { now, rests };
    },
    // The kernel gives a connection more room in steps, between which it looks as if it were full.
    ({ rests }) => rests >= 100,
  );
  for (let n = 0; n < 100; n++) await streams();
  assert.ok(bytes(await streams()) < full.now + 1_000_000, `${full.now} bytes waited, then there were ${bytes(await streams())}`);
  assert.ok(full.now < 32_000_000, `${full.now} bytes were made for a client that does not read`);
  let id = 0;
  for (; id < full.now / 8000; id++) if (id > 2) assert.match((await reader.next()).value, new RegExp(`^id: ${id}\n`));
  response.destroy();
  await until("canceled", streams, (now) => now.canceled === before.canceled + 1);
});

test("sse: a stream that is canceled makes no more", async () => {
  const before = await streams();
  const responses = await Promise.all(Array.from({ length: 5 }, () => open(app, "/ticks?every=1000")));
  assert.equal((await streams()).open, before.open + 5);
  for (const response of responses) response.destroy();
  const after = await until("closed", streams, ({ open }) => open === before.open);
  assert.equal(after.canceled, before.canceled + 5);
});

test("sse: the page, and what is not there", async () => {
  assert.match((await ask(app, "/")).text, /new EventSource\("\/ticks"\)/);
  assert.equal((await ask(app, "/none")).status, 404);
});
