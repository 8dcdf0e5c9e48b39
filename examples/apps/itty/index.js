// A list of tasks with itty-router: about a kilobyte of router, the rest is the platform.
import { AutoRouter, cors, error, StatusError, status, text, withContent, withParams } from "itty-router";

const TASKS_MAX = 100;
const tasks = new Map();
let last = 0;

const ORIGIN = "https://tasks.example";
const { preflight } = cors({ origin: ORIGIN, allowMethods: ["GET", "POST", "PATCH", "DELETE"], allowHeaders: ["authorization", "content-type"] });

// Not the package's corsify, which copies a response by its own properties: those of the standard are its prototype's, its status among them.
const allow = (response) => {
  if (response.headers.has("access-control-allow-origin")) return response;
  const open = new Response(response.body, response);
  open.headers.set("access-control-allow-origin", ORIGIN);
  return open;
};

const withTask = (request) => {
  request.task = tasks.get(Number(request.id));
  if (!request.task) return error(404, `no task ${request.id}`);
};

const withToken = (request, env) => {
  if (request.headers.get("authorization") !== `Bearer ${env.TASKS_TOKEN}`) throw new StatusError(401, "a token is missing or wrong");
};

const router = AutoRouter({ before: [preflight], finally: [allow] });

router
  .get("/", () => text("GET, POST /tasks; GET, PATCH, DELETE /tasks/:id\n"))
  .get("/tasks", ({ query }) => [...tasks.values()].filter(({ done }) => query.done === undefined || String(done) === query.done))
  .get("/tasks/:id", withParams, withTask, ({ task }) => task)
  .all("/tasks/*", withToken)
  .post("/tasks", withToken, withContent, ({ content }) => {
    if (typeof content?.text !== "string") return error(400, { error: "text is missing", got: content ?? null });
    if (tasks.size >= TASKS_MAX) return error(507, "too many tasks");
    const task = { id: ++last, text: content.text, done: false };
    tasks.set(task.id, task);
    return new Response(JSON.stringify(task), { status: 201, headers: { "content-type": "application/json", location: `/tasks/${task.id}` } });
  })
  .patch("/tasks/:id", withParams, withTask, withContent, ({ task, content }) => Object.assign(task, { done: content?.done === true }))
  .delete("/tasks/:id", withParams, withTask, ({ task }) => {
    tasks.delete(task.id);
    return status(204);
  })
  .get("/files/:path+", ({ params }) => ({ path: params.path }))
  .get("/fail", () => {
    throw new Error("on purpose");
  });

export default router;
