import { Hono } from "hono";

const app = new Hono<{ Bindings: { GREETING: string } }>();

app.get("/", (c) => c.text(`${c.env.GREETING} from APP_NAME\n`));

app.get("/hello/:name", (c) => c.json({ message: `${c.env.GREETING}, ${c.req.param("name")}` }));

export default app;
