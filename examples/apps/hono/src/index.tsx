// A site and its API with Hono: routes, middleware, variables of the host, cookies, a page in JSX, a body that streams.
import { type Context, Hono } from "hono";
import { env, getRuntimeKey } from "hono/adapter";
import { bearerAuth } from "hono/bearer-auth";
import { deleteCookie, getCookie, getSignedCookie, setCookie, setSignedCookie } from "hono/cookie";
import { HTTPException } from "hono/http-exception";
import { requestId } from "hono/request-id";
import { secureHeaders } from "hono/secure-headers";
import { streamText } from "hono/streaming";
import { books } from "./books";
import { Page } from "./page";

/** What the host puts into env: see ../nano.toml. */
type Variables = { GREETING?: string; COOKIE_SECRET: string; ADMIN_TOKEN: string };

const app = new Hono<{ Bindings: Variables; Variables: { requestId: string } }>();

app.use(requestId(), secureHeaders());
app.use(async (c, next) => {
  await next();
  c.header("x-runtime", getRuntimeKey());
});
app.use("/admin/*", (c, next) => bearerAuth({ token: env(c).ADMIN_TOKEN })(c as Context, next));

app.get("/", (c) => c.html(<Page title="Books" books={books.all()} />));
app.get("/hello/:name", (c) => c.json({ text: `${env(c).GREETING ?? "Hello"}, ${c.req.param("name")}!`, id: c.get("requestId") }));
app.get("/admin/env", (c) => c.json(Object.keys(env(c)).sort()));
app.route("/books", books.routes);

// A counter that its visitor keeps, signed so that nobody counts for himself.
app.get("/visits", async (c) => {
  const { COOKIE_SECRET } = env(c);
  const visits = Number((await getSignedCookie(c, COOKIE_SECRET, "visits")) || 0) + 1;
  await setSignedCookie(c, "visits", String(visits), COOKIE_SECRET, { httpOnly: true, sameSite: "Lax", path: "/", maxAge: 3600 });
  return c.json({ visits });
});
app.put("/theme/:name", (c) => {
  setCookie(c, "theme", c.req.param("name"), { path: "/" });
  return c.body(null, 204);
});
app.delete("/theme", (c) => c.json({ was: deleteCookie(c, "theme", { path: "/" }) ?? null }));
app.get("/theme", (c) => c.json({ theme: getCookie(c, "theme") ?? "light" }));

// Each line is sent when it is written.
app.get("/countdown/:from{[0-9]{1,3}}", (c) =>
  streamText(c, async (stream) => {
    for (let n = Number(c.req.param("from")); n > 0; n--) {
      await stream.writeln(`${n} ...`);
      await stream.sleep(20);
    }
    await stream.write("lift-off\n");
  }),
);

app.get("/fail", () => {
  throw new Error("on purpose");
});
app.get("/teapot", () => {
  throw new HTTPException(418, { message: "short and stout" });
});

app.notFound((c) => c.json({ error: "not found", path: c.req.path }, 404));
app.onError((error, c) => {
  if (error instanceof HTTPException) return error.getResponse();
  console.error(error);
  return c.json({ error: "internal error", id: c.get("requestId") }, 500);
});

export default app;
