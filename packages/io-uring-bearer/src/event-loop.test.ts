import { spawn } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import {
  Accept,
  Close,
  Nop,
  Recv,
  Send,
  SubmissionFlags,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UringBearer } from './index.js';

const MEGABYTE = 1024 * 1024;

describe.each(['embedded', 'owner'] as const)('driver %s', (driver) => {
  let bearer: UringBearer;
  beforeAll(() => {
    bearer = UringBearer.withCapacity({ CoreQueue: 64, RegisteredFd: 16 }, { driver });
    expect(bearer.driver).toBe(driver);
  });
  afterAll(() => bearer.close());

  /** Keeps the ring busy while `body` runs: a NOP a turn, and an operation that pends all along. */
  async function busy<T>(body: () => Promise<T>): Promise<T> {
    let going = true;
    let rounds = 0;
    const abort = new AbortController();
    const pending = bearer.submit(new Timeout({ milliseconds: 60_000 }), { signal: abort.signal });
    const churn = (async () => {
      while (going) {
        await bearer.submit(new Nop());
        rounds++;
        await immediate();
      }
    })();
    try {
      return await body();
    } finally {
      going = false;
      await churn;
      expect(rounds).toBeGreaterThan(0);
      abort.abort();
      await expect(pending).rejects.toMatchObject({ name: 'AbortError' });
    }
  }

  describe.each([
    ['while nothing is in flight', <T>(body: () => Promise<T>) => body()],
    ['while operations are in flight', busy],
  ])('%s', (_, during) => {
    // Each ends within the time limit of the test, or not at all: the ring waits for a minute meanwhile.
    test('setTimeout() and setInterval() fire, never early, in the order of their times', () =>
      during(async () => {
        const start = performance.now();
        const order: number[] = [];
        await Promise.all(
          [40, 1, 20].map(async (milliseconds) => {
            await sleep(milliseconds);
            order.push(milliseconds);
            expect(performance.now() - start).toBeGreaterThan(milliseconds - 2);
          }),
        );
        expect(order).toEqual([1, 20, 40]);
        let ticks = 0;
        await new Promise<void>((resolve) => {
          const interval = setInterval(() => {
            if (++ticks < 10) return;
            clearInterval(interval);
            resolve();
          }, 5);
        });
        expect(performance.now() - start).toBeGreaterThan(85);
      }));

    test('setImmediate() and process.nextTick() run', () =>
      during(async () => {
        for (let i = 0; i < 100; i++) await immediate();
        await new Promise<void>((resolve) => process.nextTick(resolve));
      }));

    test('fs promises, dns and child processes answer', () =>
      during(async () => {
        expect((await readFile('/proc/self/stat', 'utf8')).startsWith(`${process.pid} `)).toBe(
          true,
        );
        expect((await lookup('localhost')).address).toMatch(/127|::1/);
        const child = spawn('sh', ['-c', 'cat; exit 7'], { stdio: ['pipe', 'pipe', 'inherit'] });
        await once(child, 'spawn');
        child.stdin.end('through a pipe');
        const exited = once(child, 'close');
        const chunks: Buffer[] = [];
        for await (const chunk of child.stdout) chunks.push(chunk);
        expect(Buffer.concat(chunks).toString()).toBe('through a pipe');
        expect((await exited)[0]).toBe(7);
      }));

    test('a worker answers messages', () =>
      during(async () => {
        const worker = new Worker(
          "const { parentPort } = require('node:worker_threads'); parentPort.on('message', (n) => parentPort.postMessage(n + 1));",
          { eval: true },
        );
        for (let n = 0; n < 20; n++) {
          worker.postMessage(n);
          expect((await once(worker, 'message'))[0]).toBe(n + 1);
        }
        await worker.terminate();
      }));

    test('fetch() reaches a node:http server of this process', () =>
      during(async () => {
        const server = createHttpServer((request, response) => response.end(`${request.url} ok`));
        await once(server.listen(0, '127.0.0.1'), 'listening');
        const { port } = server.address() as AddressInfo;
        for (let i = 0; i < 20; i++) {
          const response = await fetch(`http://127.0.0.1:${port}/${i}`);
          expect(await response.text()).toBe(`/${i} ok`);
        }
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }));

    test('node:net moves many megabytes over several sockets', () =>
      during(async () => {
        const size = 8 * MEGABYTE;
        const server = createServer((socket) => {
          let received = 0;
          socket.on('data', (chunk) => {
            received += chunk.length;
            if (received === size) socket.end(String(received));
          });
        });
        await once(server.listen(0, '127.0.0.1'), 'listening');
        const { port } = server.address() as AddressInfo;
        const answers = await Promise.all(
          Array.from({ length: 4 }, async () => {
            const socket = connect(port, '127.0.0.1');
            socket.write(Buffer.alloc(size, 1));
            let text = '';
            for await (const chunk of socket) text += chunk;
            return text;
          }),
        );
        expect(answers).toEqual(Array(4).fill(String(size)));
        await new Promise((resolve) => server.close(resolve));
      }));

    test('a signal reaches its handler', () =>
      during(async () => {
        const signalled = once(process, 'SIGUSR2');
        process.kill(process.pid, 'SIGUSR2');
        await signalled;
      }));
  });

  test('nextTick and microtasks run after a batch, in their order', async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      const note = (name: string) => () => {
        order.push(name);
        queueMicrotask(() => order.push(`${name} microtask`));
        process.nextTick(() => order.push(`${name} tick`));
      };
      const one = new Nop();
      const two = new Nop();
      one.handler = note('one');
      two.handler = () => {
        note('two')();
        setImmediate(resolve);
      };
      bearer.push(one);
      bearer.push(two);
    });
    expect(order).toEqual(['one', 'two', 'one tick', 'two tick', 'one microtask', 'two microtask']);
  });

  test('handlers that submit again at once do not keep timers out', async () => {
    let going = true;
    let completed = 0;
    const operations = Array.from({ length: 200 }, () => new Nop());
    for (const nop of operations) {
      nop.handler = () => {
        completed++;
        if (going) bearer.push(nop);
      };
      bearer.push(nop);
    }
    for (let i = 0; i < 5; i++) await sleep(5);
    going = false;
    await bearer.submit(new Nop());
    expect(completed).toBeGreaterThan(1000);
    while (bearer.stats().capacity.PendingCompletions.used > 0) await immediate();
  });

  test('nor do they where every submission completes at once in a queue of one entry', async () => {
    const small = UringBearer.withCapacity({ CoreQueue: 1, CompletionQueue: 4 });
    let going = true;
    for (let i = 0; i < 3; i++) {
      const nop = new Nop();
      nop.handler = () => {
        if (going) small.push(nop);
      };
      small.push(nop);
    }
    await sleep(5);
    going = false;
    await small.close();
  });

  test('ring sockets and node:net talk to each other under load', async () => {
    const listener = bearer.listen({});
    const { port } = listener.address as { port: number };
    const lease = bearer.buffers.allocate(65_536);
    const size = 4 * MEGABYTE;
    const client = connect(port, '127.0.0.1');
    client.write(Buffer.alloc(size, 7));
    const back = (async () => {
      let received = 0;
      for await (const chunk of client) received += chunk.length;
      return received;
    })();
    const { descriptor } = await bearer.submit(new Accept({ listener: listener.descriptor }));
    let echoed = 0;
    while (echoed < size) {
      const { length } = await bearer.submit(new Recv({ socket: descriptor, memory: lease }));
      lease.reuse();
      await bearer.submit(new Send({ socket: descriptor, data: lease, length }));
      lease.reuse();
      echoed += length;
    }
    await bearer.submit(new Close({ descriptor }));
    expect(await back).toBe(size);
    lease.release();
    await listener.close();
  });

  test('a second bearer on the thread is served, whatever it asked for', async () => {
    for (const second of ['embedded', 'owner'] as const) {
      const other = UringBearer.withCapacity({ CoreQueue: 8 }, { driver: second });
      expect(other.driver).toBe(driver === 'owner' ? 'embedded' : second);
      for (let i = 0; i < 20; i++) {
        await Promise.all([
          other.submit(new Timeout({ milliseconds: 1 })),
          bearer.submit(new Timeout({ milliseconds: 1 })),
        ]);
      }
      await other.close();
    }
  });

  test('a bearer that was there before the owner is served', async () => {
    if (driver === 'owner') await bearer.close();
    const before = UringBearer.withCapacity({ CoreQueue: 8 });
    const after = UringBearer.withCapacity({ CoreQueue: 8 }, { driver: 'owner' });
    expect(after.driver).toBe('owner');
    // The owner waits for this one: who is not looked after meanwhile waits with it, beyond the test's own time.
    const pending = after.submit(new Timeout({ milliseconds: 600_000 })).catch(() => 'cancelled');
    for (let i = 0; i < 10; i++) {
      before.push(new Nop());
      await before.submit(new Timeout({ milliseconds: 1 }));
    }
    await after.close();
    expect(await pending).toBe('cancelled');
    await before.close();
    bearer = UringBearer.withCapacity({ CoreQueue: 64, RegisteredFd: 16 }, { driver });
  });

  test('BACKGROUND and unref() leave completions as they are', async () => {
    bearer.unref();
    const nop = new Nop();
    const done = new Promise<void>((resolve) => {
      nop.handler = () => resolve();
    });
    bearer.push(nop, SubmissionFlags.BACKGROUND);
    await done;
    bearer.ref();
  });
});
