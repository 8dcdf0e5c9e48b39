// An API in TypeScript: routes with types, errors that answer, and stacks that name these lines.
import { AsyncLocalStorage } from "node:async_hooks";
import { type Handler, Router } from "./router";
import { Notes } from "./notes.js";

interface Env {
  readonly GREETING?: string;
}

const current = new AsyncLocalStorage<{ readonly id: string }>();
const notes = new Notes();
const routes = new Router<Env>();

const json = (value: unknown, status = 200): Response => Response.json(value, { status });

const hello: Handler<Env> = (_request, env, { name }) => json({ text: `${env.GREETING ?? "Hello"}, ${name}!`, request: current.getStore()?.id });

routes
  .add("GET", "/", () => json({ routes: routes.list() }))
  .add("GET", "/hello/:name", hello)
  .add("GET", "/notes", () => json(notes.list()))
  .add("POST", "/notes", async (request) => json(notes.add((await request.text()).trim()), 201))
  .add("GET", "/notes/:id", (_request, _env, { id }) => {
    const note = notes.find(Number(id));
    return note === undefined ? json({ error: "no such note" }, 404) : json(note);
  })
  .add("GET", "/fail", () => notes.fail("on purpose"));

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    return current.run({ id: crypto.randomUUID() }, () => routes.answer(request, env));
  },
};
