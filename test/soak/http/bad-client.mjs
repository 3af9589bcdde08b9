// Slow and hostile clients: node bad-client.mjs PORT SEED COUNT. They do what they like until the end of stdin; then it prints how often each
// thing was done.

import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../random.mjs';
import { open, over } from './wire.mjs';

const [port, seed, count] = process.argv.slice(2).map(Number);
const counts = {};
let stopping = false;
process.stdin.resume().on('end', () => {
  stopping = true;
});

const HEAD = 'GET / HTTP/1.1\r\nHost: a\r\n';
const LARGE = Buffer.alloc(1 << 20, 'u');

/** What each does with a fresh connection. They end because the server ends them, or by leaving in the middle. */
const DEEDS = {
  /** A header now and then, for ever. */
  async slowloris(socket) {
    socket.resume().write(HEAD);
    for (let i = 0; i < 50 && !ended(socket); i++) {
      socket.write(`X-${i}: y\r\n`);
      await sleep(100);
    }
  },
  /** A body that trickles. */
  async trickle(socket) {
    socket.resume().write('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n');
    for (let i = 0; i < 200 && !ended(socket); i++) {
      socket.write('z');
      await sleep(100);
    }
  },
  async stalledBody(socket) {
    socket.resume().write('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    await over(socket, 15_000);
  },
  async idle(socket) {
    socket.resume();
    await over(socket, 15_000);
  },
  /** Asks for much and reads nothing. */
  async neverReads(socket) {
    for (let i = 0; i < 60; i++) socket.write('GET /page HTTP/1.1\r\nHost: a\r\n\r\n');
    await sleep(4000);
  },
  async slowReader(socket, random) {
    for (let i = 0; i < 10; i++) socket.write('GET /page HTTP/1.1\r\nHost: a\r\n\r\n');
    for (let i = 0; i < 20 && !ended(socket); i++) {
      socket.read(random.int(1, 5000));
      await sleep(random.int(1, 100));
    }
  },
  async unreadUpload(socket) {
    socket.resume().write('POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n');
    socket.write(LARGE.subarray(0, 1_000_000));
    await over(socket, 15_000);
  },
  async tooLarge(socket) {
    socket.resume().write('POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let i = 0; i < 4 && !ended(socket); i++) {
      socket.write('100000\r\n');
      socket.write(LARGE);
      socket.write('\r\n');
    }
    await over(socket, 15_000);
  },
  async garbage(socket, random) {
    const bytes = Buffer.from(
      Array.from({ length: random.int(1, 3000) }, () => random.int(0, 255)),
    );
    socket.resume().write(bytes);
    await over(socket, 15_000);
  },
  async smuggler(socket) {
    socket.resume();
    socket.write(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    await over(socket, 15_000);
  },
  async thrower(socket) {
    socket.resume().write('GET /throw HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await over(socket, 15_000);
  },
  async resetter(socket, random) {
    socket
      .resume()
      .write(random.pick([HEAD, `${HEAD}\r\n`, 'GET /page HTTP/1.1\r\nHost: a\r\n\r\n']));
    await sleep(random.int(0, 20));
    socket.resetAndDestroy();
  },
  async halfCloser(socket, random) {
    socket.resume().end(random.pick(['', HEAD, `${HEAD}\r\n`, `${HEAD}\r\n`.repeat(50)]));
    await over(socket, 15_000);
  },
  async leaver(socket, random) {
    socket.resume().write('GET /never HTTP/1.1\r\nHost: a\r\n\r\n');
    await sleep(random.int(0, 300));
  },
  async pipeliner(socket) {
    socket.write(`${HEAD}\r\n`.repeat(2000));
    await sleep(50);
  },
};
const NAMES = Object.keys(DEEDS);

const ended = (socket) => socket.destroyed || socket.readableEnded;

async function client(index) {
  const random = new Random(seed, index);
  while (!stopping) {
    const socket = await open(port);
    if (socket === null) continue;
    const name = random.pick(NAMES);
    counts[name] = (counts[name] ?? 0) + 1;
    await DEEDS[name](socket, random);
    socket.destroy();
  }
}

await Promise.all(Array.from({ length: count }, (_, index) => client(index)));
process.stdout.write(`${JSON.stringify(counts)}\n`);
