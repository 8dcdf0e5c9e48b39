// What every app is: a module whose default export answers requests. env has what nano.toml gives.
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/") {
      return new Response(`${env.GREETING} from APP_NAME\n`);
    }
    if (pathname === "/echo" && request.method === "POST") {
      return Response.json({ received: await request.text() });
    }
    return new Response("Not found\n", { status: 404 });
  },
};
