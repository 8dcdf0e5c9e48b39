import { ZodError } from "zod";

/** What a client is told. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

export async function readJson(request: Request): Promise<unknown> {
  if (!/^application\/json\b/i.test(request.headers.get("content-type") ?? "")) throw new HttpError(415, "send application/json");
  try {
    return await request.json();
  } catch {
    throw new HttpError(400, "the body is no JSON");
  }
}

/** A handler's answer, or an error's: what is not made for clients is logged, and they learn nothing of it. */
export async function respond(handler: () => Promise<Response>): Promise<Response> {
  try {
    return await handler();
  } catch (error) {
    if (error instanceof HttpError) return Response.json({ error: error.message }, { status: error.status, headers: error.headers });
    if (error instanceof ZodError) {
      const issues = error.issues.map(({ path, code, message }) => ({ path: path.join("."), code, message }));
      return Response.json({ error: "the body is not valid", issues }, { status: 400 });
    }
    console.error(error);
    return Response.json({ error: "internal error" }, { status: 500 });
  }
}
