// What the server tells: the token, one-off requests, and streams that come back by themselves.

const KEY = "nanod-token";

// The address that nanod prints has the token behind #, which no request carries. It is kept for this tab alone.
export function takeToken() {
  const found = /^#token=([!-~]+)$/.exec(location.hash);
  if (found) {
    sessionStorage.setItem(KEY, found[1]);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(KEY);
}

export function setToken(token) {
  sessionStorage.setItem(KEY, token);
}

export class Refused extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

function ask(method, path, options = {}) {
  const headers = { authorization: `Bearer ${sessionStorage.getItem(KEY) ?? ""}`, ...options.headers };
  return fetch(path, { ...options, method, headers, cache: "no-store", credentials: "omit" });
}

async function check(response) {
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Refused(response.status, problem.code ?? "", problem.detail ?? `${response.status}`);
}

export async function call(method, path) {
  return (await check(await ask(method, path))).json();
}

// Follows a stream of events until `stop()`. `heard(kind, data)` for each, `changed(state, error)` when the stream comes and goes.
export function follow(path, heard, changed = () => {}) {
  const stopped = new AbortController();
  let last = null;
  let wait = 500;
  const run = async () => {
    while (!stopped.signal.aborted) {
      try {
        const headers = last === null ? {} : { "last-event-id": last };
        const response = await check(await ask("GET", path, { headers, signal: stopped.signal }));
        changed("on");
        wait = 500;
        await read(response.body, (event) => {
          if (event.id) last = event.id;
          heard(event.kind, JSON.parse(event.data));
        });
        changed("off");
      } catch (error) {
        if (stopped.signal.aborted) return;
        changed(error.status === 401 ? "refused" : "off", error);
        if (error.status === 401) return;
      }
      await new Promise((done) => setTimeout(done, wait));
      wait = Math.min(wait * 2, 5000);
    }
  };
  run();
  return () => stopped.abort();
}

async function read(body, each) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    let end;
    while ((end = text.indexOf("\n\n")) >= 0) {
      const event = { kind: "", id: null, data: "" };
      for (const line of text.slice(0, end).split("\n")) {
        if (line.startsWith("event: ")) event.kind = line.slice(7);
        else if (line.startsWith("id: ")) event.id = line.slice(4);
        else if (line.startsWith("data: ")) event.data += line.slice(6);
      }
      text = text.slice(end + 2);
      if (event.data) each(event);
    }
  }
}
