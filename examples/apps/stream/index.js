// GET: ten lines, one at a time. POST: the body comes back in capitals, as it arrives.
const encoder = new TextEncoder();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function lines(count) {
  let n = 0;
  return new ReadableStream({
    async pull(controller) {
      if (n === count) return controller.close();
      if (n > 0) await pause(100);
      controller.enqueue(encoder.encode(`line ${++n} of ${count}\n`));
    },
  });
}

const capitals = () =>
  new TransformStream({
    transform(chunk, controller) {
      for (let i = 0; i < chunk.length; i++) {
        if (chunk[i] >= 97 && chunk[i] <= 122) chunk[i] -= 32;
      }
      controller.enqueue(chunk);
    },
  });

export default {
  fetch(request) {
    const body = request.body ? request.body.pipeThrough(capitals()) : lines(10);
    return new Response(body, { headers: { "content-type": "text/plain; charset=utf-8" } });
  },
};
