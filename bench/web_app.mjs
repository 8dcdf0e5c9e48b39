// What every runtime runs for the figures of the web platform: one source, an app with a fetch handler.
//
// GET /figures            a line for each figure that is measured inside: "name unit amount count note"
// GET /run/NAME?count=N   does that work N times; the host takes the CPU time, because clocks may stand still in here
// POST /json /headers /echo /transform   what the host measures from outside, one request at a time

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const order = {
  id: 4711,
  customer: { name: 'Ada Lovelace', email: 'ada@example.com', tags: ['early', 'invoice', 'no-phone'] },
  lines: Array.from({ length: 20 }, (_, n) => ({ sku: `A-${1000 + n}`, title: `Article number ${n}`, count: n % 5, price: 9.95 + n })),
};
const orderText = JSON.stringify(order);

const urls = Array.from({ length: 100 }, (_, n) => {
  switch (n % 10) {
    case 0: return `https://www.example.com/shop/item-${n}?color=red&size=${n}#top`;
    case 1: return `http://api.example.org:8080/v1/users/${n}/posts?limit=20&offset=${n}&q=hello+world`;
    case 2: return `https://user:secret@files.example.net/a/b/../c/./d/${n}.tar.gz`;
    case 3: return `https://example.com/%7Ename/caf\u00e9/${n}?x=%20y&z=1%2B1`;
    case 4: return `HTTPS://EXAMPLE.COM:443/Index.HTML?n=${n}`;
    case 5: return `http://192.168.0.${n}/status`;
    case 6: return `http://[2001:db8::${n}]/path?a=1&a=2&a=3`;
    case 7: return `https://m\u00fcnchen.example/stra\u00dfe/${n}`;
    case 8: return `https://cdn.example.com/assets/js/vendor.${n}abcdef0123456789.min.js?v=20260801`;
    default: return `https://www.example.com/search?q=${'term+'.repeat(8)}${n}&lang=en&page=2&sort=date&utm_source=news&utm_medium=mail`;
  }
});

const ascii = 'The quick brown fox jumps over the lazy dog. '.repeat(1457).slice(0, 65536);
const mixed = 'Gr\u00fc\u00dfe aus K\u00f6ln, \u4f60\u597d\u4e16\u754c, \u{1f600} and so on. '.repeat(1400).slice(0, 48152);
const asciiBytes = encoder.encode(ascii);
const mixedBytes = encoder.encode(mixed);
const mebibyte = new Uint8Array(1 << 20).fill(97);
const headers60 = Array.from({ length: 60 }, (_, n) => [`X-Header-${n}`, `value ${n} of a header that is forty long`]);

const graph = {
  when: new Date(0),
  map: new Map(Array.from({ length: 20 }, (_, n) => [`key${n}`, { n, list: [n, n + 1, n + 2] }])),
  set: new Set(Array.from({ length: 20 }, (_, n) => n)),
  bytes: new Uint8Array(1024),
  order,
  error: new RangeError('out of range'),
};
graph.self = graph;

// A page of 100 KB.
const page = () => {
  const rows = Array.from({ length: 760 }, (_, n) =>
    `<div class="row" id="r${n}"><a href="/item/${n}?a=1&amp;b=2">Item ${n}</a><p>Some text about <b>it</b>, as ever.</p><br></div>\n`);
  return `<!DOCTYPE html><html><head><title>A page</title></head><body>${rows.join('')}</body></html>`;
};

const identity = () => new TransformStream({ transform(chunk, controller) { controller.enqueue(chunk); } });

const copyHeaders = (from) => {
  const to = new Headers();
  let length = 0;
  for (const [name, value] of from) {
    length += value.length;
    to.set(name, value);
  }
  to.set('x-length', String(length));
  return to;
};

const json = { 'content-type': 'application/json' };

// name, unit, how much of the unit one time is (of a unit per second), how many times at once, note, work
const inside = [
  ['web.json_objects_us', 'us', 1, 1000, 'new Request, json(), Response.json(), text(): 1.5 KB of JSON', async () => {
    const request = new Request('https://example.com/orders', { method: 'POST', body: orderText, headers: json });
    const { id } = await request.json();
    const response = Response.json({ ...order, id });
    return (await response.text()).length;
  }],
  ['web.headers_copy_us', 'us', 1, 500, 'new Headers of 60, iterated and set into another, 60 get()', () => {
    const headers = copyHeaders(new Headers(headers60));
    let length = 0;
    for (let n = 0; n < 60; n++) length += headers.get(headers60[n][0]).length;
    return length;
  }],
  ['web.url_parse_us', 'us', 1, 50, '100 URLs of ten kinds: new URL, pathname, host, searchParams', () => {
    let length = 0;
    for (let n = 0; n < 100; n++) {
      const url = new URL(urls[n]);
      length += url.pathname.length + url.host.length + (url.searchParams.get('q') ?? '').length;
    }
    return length;
  }],
  ['web.url_params_us', 'us', 1, 2000, 'URLSearchParams of 12 pairs: parsed, get, append, toString', () => {
    const params = new URLSearchParams('a=1&b=2&c=three+four&d=%C3%A4&e=&f=6&g=7&h=8&i=9&j=10&k=11&l=12');
    params.append('m', params.get('c'));
    return params.toString().length;
  }],
  ['web.text_ascii_us', 'us', 1, 300, '64 KiB of ASCII, encoded and decoded', () =>
    encoder.encode(ascii).length + decoder.decode(asciiBytes).length],
  ['web.text_mixed_us', 'us', 1, 100, '64 KiB of UTF-8 with every length of sequence, encoded and decoded', () =>
    encoder.encode(mixed).length + decoder.decode(mixedBytes).length],
  ['web.sha256_mb_per_s', 'MB/s', 1.048576, 20, 'crypto.subtle.digest of 1 MiB; per second of CPU', async () =>
    (await crypto.subtle.digest('SHA-256', mebibyte)).byteLength],
  ['web.stream_chunks_per_s', 'chunks/s', 1000, 3, '1,000 chunks through a TransformStream to a reader; per second of CPU', async () => {
    let left = 1000;
    const source = new ReadableStream({
      pull(controller) {
        if (left-- > 0) controller.enqueue(left);
        else controller.close();
      },
    });
    const reader = source.pipeThrough(identity()).getReader();
    let sum = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return sum;
      sum += value;
    }
  }],
  ['web.structured_clone_us', 'us', 1, 200, 'objects, arrays, Map, Set, Date, Error, bytes, a cycle: 70 objects', () =>
    structuredClone(graph).order.lines.length],
];
if (typeof HTMLRewriter === 'function') {
  const text = page();
  inside.push(['web.html_rewriter_us', 'us', 1, 5, 'HTMLRewriter: 100 KB, 760 links rewritten, text() of the result', async () => {
    const rewriter = new HTMLRewriter().on('a[href]', {
      element(element) { element.setAttribute('href', `https://example.com${element.getAttribute('href')}`); },
    });
    return (await rewriter.transform(new Response(text)).text()).length;
  }]);
}

const times = async (work, count) => {
  let sum = 0;
  for (let n = 0; n < count; n++) {
    const result = work();
    sum += typeof result === 'number' ? result : await result;
  }
  return sum;
};

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    switch (pathname) {
      case '/json': {
        const body = await request.json();
        return Response.json({ ...body, seen: true });
      }
      case '/headers': return new Response('ok', { headers: copyHeaders(request.headers) });
      case '/echo': return new Response(request.body);
      case '/transform': return new Response(request.body.pipeThrough(identity()));
      case '/order': return new Response(orderText);
      case '/figures': return new Response(inside.map((figure) => `${figure.slice(0, 5).join(' ')}\n`).join(''));
      default: {
        const figure = inside.find(([name]) => pathname === `/run/${name}`);
        if (figure === undefined) return new Response('no such figure', { status: 404 });
        return new Response(`ok ${await times(figure[5], Number(searchParams.get('count')))}`);
      }
    }
  },
};
