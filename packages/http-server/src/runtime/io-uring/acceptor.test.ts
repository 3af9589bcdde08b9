import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FixedFd, TargetFd } from '@ringbearer/io-uring-fd';
import { Close, OpenAt } from '@ringbearer/io-uring-opcode';
import { afterEach, describe, expect, it } from 'vitest';
import { http1 } from '../../protocol/http1/index.js';
import { IoUringRuntime } from './runtime.js';

const sockets: Socket[] = [];
const running: IoUringRuntime[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const runtime of running.splice(0)) await runtime.close(500);
});

async function client(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

async function answerOf(socket: Socket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return bytes.toString('latin1', 0, 12);
}

describe('Acceptor', () => {
  it('that finds the descriptor table full (ENFILE) pauses, does not spin, and goes on when there is room', async () => {
    const runtime = new IoUringRuntime({
      app: http1({ handle: (_request, reply) => reply.text('hi') }),
      maxConnections: 4,
    });
    running.push(runtime);
    const { address } = runtime.listen({ port: 0, backlog: 64 });
    const { port } = address as { port: number };
    // Everything that is left of the table.
    const taken: FixedFd[] = [];
    for (;;) {
      try {
        const open = new OpenAt({ path: '/dev/null', into: TargetFd.auto });
        taken.push((await runtime.bearer.submit(open)) as FixedFd);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENFILE' });
        break;
      }
    }
    expect(taken.length).toBeGreaterThan(60);
    const lost = await client(port);
    for (let i = 0; i < 200 && !runtime.stats().acceptPaused; i++) await sleep(5);
    expect(runtime.stats().acceptPaused).toBe(true);
    const { enters } = runtime.stats().ring;
    await sleep(600);
    // Two ticks, each with an attempt.
    expect(runtime.stats().ring.enters - enters).toBeLessThan(100);
    expect(runtime.connections).toBe(0);
    lost.destroy();
    for (const descriptor of taken.splice(0)) {
      await runtime.bearer.submit(new Close({ descriptor }));
    }
    expect(await answerOf(await client(port))).toBe('HTTP/1.1 200');
    expect(runtime.stats().acceptPaused).toBe(false);
  });
});
