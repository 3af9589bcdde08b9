// Good clients: node good-client.mjs PORT SEED COUNT. Every request must be answered, with what it asked for; a connection may end only after a
// reply that said so. Nothing is tried twice. Ends at the end of stdin; then prints what was answered and what was lost.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../random.mjs';
import { open, response } from './wire.mjs';

const [port, seed, count] = process.argv.slice(2).map(Number);
const losses = [];
/** The longest this process stood still: what it lost then, it may have lost by that. */
const standstill = monitorEventLoopDelay({ resolution: 20 });
standstill.enable();
let answers = 0;
let stopping = false;
process.stdin.resume().on('end', () => {
  stopping = true;
});

/** One request: what goes over the wire, in how many writes, and what must come back. */
function request(random, number) {
  const kind = random.pick([
    'hello',
    'hello',
    'hello',
    'echo',
    'chunked',
    'page',
    'stream',
    'head',
  ]);
  if (kind === 'hello') {
    return {
      wire: get(`/?${number}`),
      status: 200,
      right: (body) => `${body}` === `hello ${number}`,
    };
  }
  if (kind === 'page')
    return { wire: get('/page'), status: 200, right: (b) => b.length === 300_000 };
  if (kind === 'stream') {
    return { wire: get('/stream'), status: 200, right: (b) => b.length === 40_000 };
  }
  if (kind === 'head') {
    const missing = `GET /?${number} HTTP/1.1\r\nHost: a\r\nX-Padding: ${'p'.repeat(3000)}\r\n\r\n`;
    return { wire: missing, status: 200, right: (body) => `${body}` === `hello ${number}` };
  }
  const body = `${number}:${'b'.repeat(random.int(0, 200_000))}`;
  const right = (received) => received.toString('latin1') === body;
  if (kind === 'echo') {
    return { wire: `${post()}Content-Length: ${body.length}\r\n\r\n${body}`, status: 200, right };
  }
  const half = body.length >> 1;
  const chunk = (text) => (text === '' ? '' : `${text.length.toString(16)}\r\n${text}\r\n`);
  const chunks = `${chunk(body.slice(0, half))}${chunk(body.slice(half))}0\r\n\r\n`;
  return { wire: `${post()}Transfer-Encoding: chunked\r\n\r\n${chunks}`, status: 200, right };
}
const get = (target) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = () => 'POST /echo HTTP/1.1\r\nHost: a\r\n';

async function send(socket, wire, random) {
  const cuts = random.chance(0.2) ? random.int(1, 4) : 0;
  let at = 0;
  for (let i = 0; i < cuts; i++) {
    const to = at + ((wire.length - at) >> 1);
    socket.write(wire.slice(at, to), 'latin1');
    at = to;
    await sleep(random.int(0, 20));
  }
  socket.write(wire.slice(at), 'latin1');
}

async function client(index) {
  const random = new Random(seed, index);
  for (let number = 0; !stopping; ) {
    const socket = await open(port);
    if (socket === null) {
      losses.push('not accepted');
      continue;
    }
    const requests = random.chance(0.3) ? 1 : random.int(1, 200);
    for (let i = 0; i < requests && !stopping; i++) {
      const { wire, status, right } = request(random, ++number);
      try {
        const [answer] = await Promise.all([response(socket), send(socket, wire, random)]);
        if (answer.status !== status || !right(answer.body))
          losses.push(
            `wrong: ${answer.status} with ${answer.body.length} bytes: ${answer.body.toString('latin1', 0, 80)}; this process stood still for ${Math.round(standstill.max / 1e6)} ms at the most`,
          );
        else answers++;
        if (answer.close) break;
      } catch (error) {
        losses.push(`request ${i}: ${error.message}`);
        break;
      }
      if (random.chance(0.1)) await sleep(random.int(0, 500));
    }
    socket.destroy();
  }
}

await Promise.all(Array.from({ length: count }, (_, index) => client(index)));
process.stdout.write(
  `${JSON.stringify({ answers, losses: losses.slice(0, 20), lost: losses.length })}\n`,
);
