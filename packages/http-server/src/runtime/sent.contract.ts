import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Left } from '../sans-io/left.js';
import { app, type Make, SocketHouse, text, until } from './socket-house.contract.js';

/** More than two sockets hold between them. */
const MUCH = 50_000_000;

/** What `whenSent()` promises on every runtime over sockets. */
export function sentContract(make: Make): void {
  const { start, client, running } = new SocketHouse(make);

  /** A connection whose orbit writes what `go` says once it is asked. */
  async function asked(go: (left: Left) => void) {
    let left!: Left;
    const { port, runtime } = await start(
      app((mine) => {
        left = mine;
        return {
          receive: (_bytes, from, to) => {
            go(left);
            return to - from;
          },
        };
      }),
    );
    const socket = await client(port);
    socket.pause();
    socket.write('go');
    return { socket, runtime, left: () => left };
  }

  it('memory is used again after whenSent(), for any number of replies, and the peer gets each as it was', async () => {
    const sizes = [100, 8_192, 9_000, 70_000, 300_000, 6_000_000];
    const memory = new Uint8Array(sizes.at(-1)!);
    const expected: Buffer[] = [];
    const { socket } = await asked((left) => {
      void (async () => {
        for (let round = 0; round < 18; round++) {
          const bytes = memory.subarray(0, sizes[round % sizes.length]).fill(round + 1);
          expected.push(Buffer.from(bytes));
          if (round % 3 === 0) left.write(Buffer.from('head'), 0, 4);
          if (round % 3 === 0) expected.splice(-1, 0, Buffer.from('head'));
          left.send(bytes);
          expect(await left.whenSent()).toBe(true);
        }
        left.end();
      })();
    });
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(Buffer.concat(expected))).toBe(true);
  });

  it('whenSent() waits for a peer that does not read, for what was written by then, and not for what follows', async () => {
    const outcome: string[] = [];
    const { socket, left } = await asked((mine) => {
      void mine.whenSent().then((sent) => outcome.push(`nothing ${sent}`));
      mine.write(Buffer.alloc(100), 0, 100);
      void mine.whenSent().then((sent) => outcome.push(`little ${sent}`));
      mine.send(Buffer.alloc(MUCH));
      const much = mine.whenSent();
      // Who asks again has nothing new to wait for.
      expect(mine.whenSent()).toBe(much);
      void much.then((sent) => outcome.push(`much ${sent}`));
    });
    await until(() => outcome.length === 2);
    await sleep(50);
    expect(outcome).toEqual(['nothing true', 'little true']);
    left().end();
    expect((await text(socket)).length).toBe(MUCH + 100);
    await until(() => outcome.length === 3);
    expect(outcome[2]).toBe('much true');
  });

  it.each(['reset', 'abort', 'kill'] as const)(
    'whenSent() says false when the connection ends before: by %s',
    async (way) => {
      let sent: Promise<boolean> | undefined;
      const { socket, left, runtime } = await asked((mine) => {
        mine.send(Buffer.alloc(MUCH));
        sent = mine.whenSent();
      });
      await until(() => runtime.stats().bytesSent > 0);
      if (way === 'reset') socket.resetAndDestroy();
      else if (way === 'abort') left().abort();
      else for (const it of running.splice(0)) void it.close(0);
      expect(await sent).toBe(false);
      await until(() => runtime.stats().connections === 0);
      expect(await left().whenSent()).toBe(false);
    },
  );

  it('whenSent() of a connection that is over: true when all was sent, false of what was written since', async () => {
    const { socket, left, runtime } = await asked((mine) => {
      mine.send(Buffer.alloc(20_000));
      mine.end();
    });
    expect((await text(socket)).length).toBe(20_000);
    await until(() => runtime.stats().connections === 0);
    expect(await left().whenSent()).toBe(true);
    left().send(Buffer.alloc(20_000));
    expect(await left().whenSent()).toBe(false);
    await sleep(10);
    expect(await left().whenSent()).toBe(false);
  });
}
