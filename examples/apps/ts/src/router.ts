export type Params = Readonly<Record<string, string>>;
export type Handler<Env> = (request: Request, env: Env, params: Params) => Response | Promise<Response>;

interface Route<Env> {
  method: string;
  parts: string[];
  handler: Handler<Env>;
}

/** Routes by method and path; ":name" stands for one part of the path. */
export class Router<Env> {
  readonly #routes: Route<Env>[] = [];

  add(method: string, path: string, handler: Handler<Env>): this {
    this.#routes.push({ method, parts: path.split("/"), handler });
    return this;
  }

  /** Every route, as it was added. */
  list(): readonly string[] {
    return this.#routes.map(({ method, parts }) => `${method} ${parts.join("/")}`);
  }

  async answer(request: Request, env: Env): Promise<Response> {
    const parts = new URL(request.url).pathname.split("/");
    const here = this.#routes.filter((route) => match(route.parts, parts) !== undefined);
    const route = here.find(({ method }) => method === request.method);
    if (route !== undefined) return route.handler(request, env, match(route.parts, parts)!);
    if (here.length === 0) return new Response("Not found", { status: 404 });
    return new Response("Method not allowed", { status: 405, headers: { Allow: here.map(({ method }) => method).join(", ") } });
  }
}

function match(pattern: string[], parts: string[]): Params | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    if (part.startsWith(":")) params[part.slice(1)] = decodeURIComponent(parts[index]);
    else if (part !== parts[index]) return undefined;
  }
  return params;
}
