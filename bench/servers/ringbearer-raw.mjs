import { serve } from '@ringbearer/http-server';
import { CHUNK, JSON_1K, JSON_10K, STREAM_CHUNKS } from './answers.mjs';

// The memory bench holds idle connections for longer, and more of them, than the defaults allow.
const IDLE = process.env.BENCH_IDLE ? { maxConnections: 18_000, keepAliveTimeoutMs: 120_000 } : {};

/** From here on a body is received into memory of the ring. */
const LEASED_BYTES_MIN = 131_072;

async function stream(reply) {
  for (let sent = 0; sent < STREAM_CHUNKS; sent++) {
    if (!reply.write(CHUNK)) await reply.drained();
  }
  reply.end();
}

function raw(request, reply) {
  switch (request.target) {
    case '/json-1k':
      reply.json(JSON_1K);
      break;
    case '/json-10k':
      reply.json(JSON_10K);
      break;
    case '/echo':
      // What goes back as it came needs no array: who expects large bodies leases them.
      if (Number(request.header('content-length')) >= LEASED_BYTES_MIN) {
        return request.lease().then((body) => reply.lease(body));
      }
      return request.bytes().then((body) => reply.bytes(body));
    case '/stream-1m':
      return stream(reply);
    default:
      reply.text('Hello, World!');
  }
}

const server = await serve({ port: 0, hostname: '127.0.0.1', ...IDLE, raw });
console.log('listening', server.address().port);
