// It answers when h2spec has sent what it wants to see refused.
export default {
  async fetch(request) {
    const body = await request.text();
    await scheduler.wait(100);
    return new Response(`late ${body}`);
  },
};
