// An API in TypeScript with packages of npm: zod says what a body must be, jose issues and checks the tokens.
//
//   POST /login    {"email", "password"}               a token
//   GET  /me       with the token                      whose it is
//   POST /orders   with the token, see schemas.ts      201, or 400 with what is wrong and where
//   GET  /orders   with the token                      the orders of the token's owner
import { z } from "zod";
import { HttpError, readJson, respond } from "./http";
import { Login, Order, type PlacedOrder } from "./schemas";
import { authenticate, issue } from "./tokens";

export interface Env {
  /** What tokens are signed with, and the password that everybody has here. See ../nano.toml. */
  readonly JWT_SECRET: string;
  readonly PASSWORD: string;
}

type Handler = (request: Request, env: Env) => Promise<Response>;

const ORDERS_MAX = 1000;
const orders: PlacedOrder[] = [];

const login: Handler = async (request, env) => {
  const { email, password } = Login.parse(await readJson(request));
  if (password !== env.PASSWORD) throw new HttpError(401, "email or password is wrong");
  const token = await issue(env.JWT_SECRET, { email, role: email.startsWith("admin@") ? "admin" : "customer" });
  return Response.json({ token, type: "Bearer" }, { headers: { "cache-control": "no-store" } });
};

const me: Handler = async (request, env) => Response.json(await authenticate(request, env.JWT_SECRET));

const place: Handler = async (request, env) => {
  const { email } = await authenticate(request, env.JWT_SECRET);
  const order = Order.parse(await readJson(request));
  if (orders.length >= ORDERS_MAX) throw new HttpError(507, "too many orders");
  const total = order.items.reduce((sum, { quantity, cents }) => sum + quantity * cents, 0);
  const placed: PlacedOrder = { id: crypto.randomUUID(), owner: email, total, ...order };
  orders.push(placed);
  return Response.json(placed, { status: 201, headers: { location: `/orders/${placed.id}` } });
};

const list: Handler = async (request, env) => {
  const { email, role } = await authenticate(request, env.JWT_SECRET);
  return Response.json(orders.filter(({ owner }) => role === "admin" || owner === email));
};

const about: Handler = async () => Response.json({ order: z.toJSONSchema(Order, { io: "input" }), login: z.toJSONSchema(Login) });

const routes: Record<string, Partial<Record<string, Handler>>> = {
  "/": { GET: about },
  "/login": { POST: login },
  "/me": { GET: me },
  "/orders": { GET: list, POST: place },
};

export default {
  fetch: (request: Request, env: Env): Promise<Response> =>
    respond(() => {
      const methods = routes[new URL(request.url).pathname];
      if (!methods) throw new HttpError(404, "no such route");
      const handler = methods[request.method];
      if (!handler) throw new HttpError(405, "no such method here", { allow: Object.keys(methods).join(", ") });
      return handler(request, env);
    }),
};
