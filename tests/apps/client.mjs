// What the tests of the example apps ask the server with: one request at a time, bodies whole or as they arrive.
import assert from "node:assert/strict";
import http from "node:http";

const port = Number(process.env.NANO_PORT);
assert.ok(port > 0, "NANO_PORT: tests/apps/run.sh starts the server and sets it");

const ANSWER_MS_MAX = 30_000;

/** Begins a request to an app, whose body is still to be written and ended: the request, and the promise of its response. */
export function begin(app, path, { method = "GET", headers = {} } = {}) {
  const all = { host: `${app}.localhost:${port}`, ...headers };
  const request = http.request({ host: "127.0.0.1", port, path, method, agent: false, headers: all });
  const response = new Promise((resolve, reject) => request.on("response", resolve).on("error", reject));
  request.setTimeout(ANSWER_MS_MAX, () => request.destroy(new Error(`${app}${path}: nothing for ${ANSWER_MS_MAX} ms`)));
  return { request, response };
}

/** An app's response, with its body still to be read. */
export function open(app, path, { method, headers, body } = {}) {
  const { request, response } = begin(app, path, { method: method ?? (body === undefined ? "GET" : "POST"), headers });
  request.end(body);
  return response;
}

/** An app's answer, whole: status, headers, text and, if it is any, json. */
export async function ask(app, path, options) {
  const response = await open(app, path, options);
  const chunks = [];
  for await (const chunk of response) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const type = response.headers["content-type"] ?? "";
  return { status: response.statusCode, headers: response.headers, text, json: text && type.startsWith("application/json") ? JSON.parse(text) : undefined };
}

export const json = (value, headers = {}) => ({ body: JSON.stringify(value), headers: { "content-type": "application/json", ...headers } });

/** Asks until `done` says so of the answer; what the last answer was if it never does. */
export async function until(what, question, done) {
  const end = Date.now() + ANSWER_MS_MAX;
  for (let last; ; ) {
    last = await question();
    if (done(last)) return last;
    assert.ok(Date.now() < end, `never ${what}: ${JSON.stringify(last)}`);
  }
}
