// The server of the HTTP soak, in a process of its own: node --expose-gc server.mjs. Says where it listens, then answers each line of its
// stdin with a line: "state" with what it holds, "close" with what is left after close().

import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '@ringbearer/http-server';
import { collect, descriptors, eventually, mappings } from '../process-state.mjs';

/** Short, so that the deadlines of every kind pass often; longer than a good client of a busy machine stands still in the middle of what it sends. */
const LIMITS = {
  headerReadTimeoutMs: 3000,
  bodyReadTimeoutMs: 3000,
  requestTimeoutMs: 8000,
  // Good clients that think between two requests do so for less than this.
  keepAliveTimeoutMs: 3000,
  handlerTimeoutMs: 10_000,
  writeTimeoutMs: 1500,
  lingerTimeoutMs: 500,
  maxConnections: 2000,
  maxBodyBytes: 1 << 20,
};

let thrown = 0;
const page = Buffer.alloc(300_000, 'page ');

const server = await serve({
  hostname: '127.0.0.1',
  port: 0,
  ...LIMITS,
  raw: async (request, reply) => {
    const { path } = request;
    if (path === '/echo') reply.bytes(await request.bytes());
    else if (path === '/page') reply.bytes(page);
    else if (path === '/stream') {
      for (let i = 0; i < 20; i++) {
        if (!reply.write('x'.repeat(2000))) await reply.drained();
        if (i % 5 === 0) await sleep(1);
      }
      reply.end();
    } else if (path === '/throw') throw new Error('on purpose');
    else if (path === '/ignore') {
      // Answers later, and never looks at the body.
      await sleep(50);
      reply.status(403).text('no');
    } else if (path === '/never') {
      await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
      if (!reply.finished) reply.text('too late');
    } else reply.text(`hello ${request.query}`);
  },
  onError: (error) => {
    if (error.message === 'on purpose') thrown++;
    else if (error.status === undefined || error.status >= 500) {
      // Of a peer that left: nothing. Anything else is a failure of ours, and ends the soak.
      if (error.code !== 'PEER_GONE') process.stderr.write(`${error.stack}\n`);
    }
  },
});

async function state() {
  await collect();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const { connections, accepted, ring } = server.stats();
  return {
    rss,
    heapUsed,
    arrayBuffers,
    connections,
    accepted,
    thrown,
    descriptors: descriptors().size,
    mappings: mappings(),
    // On node:net there is no ring to leave anything in.
    runtime: server.runtime,
    inFlight: ring?.capacity.PendingCompletions.used ?? 0,
    slots: ring?.capacity.RegisteredFd.used ?? 0,
    buffers: ring?.capacity.Buffers.used ?? 0,
    stale: ring?.stale ?? 0,
    overflows: ring?.overflows ?? 0,
    noBuffers: ring?.noBuffers ?? 0,
  };
}

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
process.stdin.setEncoding('latin1').on('data', async (line) => {
  if (line.startsWith('state')) say(await state());
  else if (line.startsWith('close')) {
    await server.close({ drainTimeoutMs: 2000 });
    // A ring's memory goes with the last array that shows it.
    await eventually(() => mappings().count, 0);
    say({ mappings: mappings().count });
    process.exit(0);
  }
});
say({ port: server.address().port });
