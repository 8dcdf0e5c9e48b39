// A small site, and what the app "proxy" stands before: pages, a page that is written while it is sent, a redirect, an error.
import about from "./about.html";
import home from "./home.html";
import logo from "./logo.svg";

const html = { "content-type": "text/html; charset=utf-8" };
const encoder = new TextEncoder();

/** A page of many parts, each made when there is room for it. */
function long(parts) {
  let n = 0;
  return new ReadableStream({
    pull(controller) {
      if (n === 0) controller.enqueue(encoder.encode("<!doctype html><title>Long</title><ol>\n"));
      if (++n > parts) return controller.close();
      controller.enqueue(encoder.encode(`<li><a href="http://site.example/part/${n}">part ${n}</a>\n`));
    },
  });
}

export default {
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    switch (pathname) {
      case "/":
        return new Response(home, { headers: { ...html, etag: '"home-1"', "content-length": String(encoder.encode(home).length) } });
      case "/about":
        return new Response(about, { headers: html });
      case "/long":
        return new Response(long(Math.min(Number(searchParams.get("parts") ?? 100), 10_000)), { headers: html });
      case "/logo.svg":
        return new Response(logo, { headers: { "content-type": "image/svg+xml" } });
      case "/fragments/news":
        return new Response("<p>News of the <em>origin</em></p>", { headers: html });
      case "/headers":
        return Response.json(Object.fromEntries(request.headers));
      case "/echo":
        return new Response(request.body, { headers: { "content-type": request.headers.get("content-type") ?? "text/plain" } });
      case "/old":
        return Response.redirect("http://site.example/about", 301);
      case "/fail":
        throw new Error("on purpose");
      default:
        return new Response("<!doctype html><title>Not here</title><p>No such page", { status: 404, headers: html });
    }
  },
};
