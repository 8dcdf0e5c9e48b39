export default {
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const name = searchParams.get("name") ?? "world";
    return new Response(`Hello, ${name}! You asked for ${pathname}\n`);
  },
};
