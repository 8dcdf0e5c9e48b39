// A proxy that rewrites what its origin sends, while it passes. env.ORIGIN is a binding: another app of the host, or whatever the host
// answers it with; env.ORIGIN_URL is how the origin calls itself, in its links and redirects.
import { rewriter } from "./rewrite";

export interface Env {
  readonly ORIGIN: { fetch: typeof fetch };
  readonly ORIGIN_URL: string;
}

/** What belongs to one connection and not to the message. */
const HOP_BY_HOP = ["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"];

function forward(request: Request, origin: URL): Request {
  const url = new URL(request.url);
  const upstream = new Request(new URL(url.pathname + url.search, origin), request);
  for (const name of HOP_BY_HOP) upstream.headers.delete(name);
  upstream.headers.set("host", origin.host);
  upstream.headers.set("x-forwarded-host", url.host);
  upstream.headers.set("accept-encoding", "identity");
  return upstream;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const origin = new URL(env.ORIGIN_URL);
    let answer: Response;
    try {
      answer = await env.ORIGIN.fetch(forward(request, origin), { redirect: "manual" });
    } catch (error) {
      console.error("the origin failed:", error);
      return new Response("Bad gateway\n", { status: 502 });
    }
    const response = new Response(answer.body, answer);
    response.headers.set("via", "1.1 nano-proxy");
    const location = response.headers.get("location");
    if (location !== null) response.headers.set("location", here(location, origin));
    if (!/^text\/html\b/i.test(response.headers.get("content-type") ?? "")) return response;
    // What is rewritten has another length, and is another entity.
    for (const name of ["content-length", "etag", "content-md5"]) response.headers.delete(name);
    return rewriter((url) => here(url, origin), (path) => env.ORIGIN.fetch(new URL(path, origin))).transform(response);
  },
};

/** An absolute URL of the origin's as a path of ours; any other as it is. */
function here(url: string, origin: URL): string {
  if (!/^([a-z][a-z\d+.-]*:)?\/\//i.test(url) || !URL.canParse(url, origin)) return url;
  const { origin: from, pathname, search, hash } = new URL(url, origin);
  return from === origin.origin ? pathname + search + hash : url;
}
