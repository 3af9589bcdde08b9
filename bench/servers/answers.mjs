/** What every server answers with: the same objects and bytes, made by the same code. */

/** An object whose JSON has about 100 bytes for each item. */
function itemsOf(count) {
  return {
    items: Array.from({ length: count }, (_, id) => ({
      id,
      name: `item number ${id}`,
      price: id * 1.25,
      tags: ['new', 'available', 'cheap'],
      available: id % 2 === 0,
    })),
  };
}

export const JSON_1K = itemsOf(10);
export const JSON_10K = itemsOf(100);

export const STREAM_CHUNKS = 16;
/** One of the 16 chunks of a streamed MiB. */
export const CHUNK = new Uint8Array(64 * 1024).fill(0x78);

/** 1 MiB as a stream that makes a chunk when it is asked to. */
export function streamOf() {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(CHUNK);
      if (++sent === STREAM_CHUNKS) controller.close();
    },
  });
}

/** The `fetch` handler of every server that has one. */
export function answer(request) {
  const { url } = request;
  // As routers do: a URL object for each request would be most of what is measured.
  switch (url.slice(url.indexOf('/', 8))) {
    case '/':
      return new Response('Hello, World!');
    case '/json-1k':
      return Response.json(JSON_1K);
    case '/json-10k':
      return Response.json(JSON_10K);
    case '/echo':
      return request.arrayBuffer().then((body) => new Response(body));
    case '/stream-1m':
      return new Response(streamOf());
    default:
      return new Response('Not found', { status: 404 });
  }
}
