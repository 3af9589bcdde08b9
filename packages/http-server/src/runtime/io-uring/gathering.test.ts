import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Left } from '../../sans-io/left.js';
import type { CloseReason } from '../../sans-io/orbit.js';
import { app, SocketHouse, text, until } from '../socket-house.contract.js';
import { GATHERINGS_MAX } from './equipment.js';
import { GATHERED_BYTES_MAX, GATHERED_BYTES_MIN } from './gathering.js';
import { IoUringRuntime } from './runtime.js';

const MIB = GATHERED_BYTES_MAX;
const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');

/** One message: its length in 8 digits, then its bytes, which it wants at once. Answers with their digest. */
class Collector {
  readonly left: Left;
  granted = -1;
  /** Bytes shown last, and how often any were. */
  shown = 0;
  shows = 0;
  closed: CloseReason | null = null;
  ended = false;
  #needed = 0;

  constructor(left: Left) {
    this.left = left;
  }

  receive(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    if (this.#needed === 0) {
      if (to - at < 8) return 0;
      this.#needed = Number(Buffer.from(bytes.subarray(at, at + 8)).toString());
      this.granted = this.left.gather(this.#needed);
      at += 8;
    }
    this.shown = to - at;
    this.shows++;
    if (this.shown < this.#needed) return at - from;
    const answer = Buffer.from(`${digest(bytes.subarray(at, at + this.#needed))}\n`);
    this.left.write(answer, 0, answer.length);
    at += this.#needed;
    this.#needed = 0;
    return at - from + this.receive(bytes, at, to);
  }
  receiveEnd(): void {
    this.ended = true;
    this.left.end();
  }
  close(reason: CloseReason): void {
    this.closed = reason;
  }
}

const message = (body: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(String(body.length).padStart(8, '0')), body]);
/** Of the connections that a house's runtime has. */
const collectors: Collector[] = [];
const collecting = app((left) => {
  const collector = new Collector(left);
  collectors.push(collector);
  const { receive, receiveEnd, close } = Collector.prototype;
  return {
    receive: receive.bind(collector),
    receiveEnd: receiveEnd.bind(collector),
    close: close.bind(collector),
  };
});

describe.each(['owner', 'embedded'] as const)('Gathering, %s driver', (driver) => {
  const house = new SocketHouse((options) => new IoUringRuntime({ ...options, driver }));
  async function start(options = {}) {
    collectors.length = 0;
    const { runtime, port } = await house.start(collecting, options);
    const { equipment } = runtime as IoUringRuntime;
    return { runtime: runtime as IoUringRuntime, port, equipment };
  }
  /** A peer that has sent `sent` bytes of a message of 1 MiB, of which the first were shown. */
  async function begun(port: number, sent: number): Promise<{ socket: Socket; mine: Collector }> {
    const before = collectors.length;
    const socket = await house.client(port);
    socket.write(message(randomBytes(MIB)).subarray(0, 8 + sent));
    await until(() => collectors.length > before && collectors[before]!.shown === sent);
    return { socket, mine: collectors[before]! };
  }

  it('messages of all sizes arrive whole, one after the other and in whatever pieces', async () => {
    const { port, equipment } = await start();
    const sizes = [1, 1000, GATHERED_BYTES_MIN - 1, GATHERED_BYTES_MIN, 300_001, MIB - 1, MIB];
    const bodies = [...sizes, ...sizes].map((size) => randomBytes(size));
    const all = Buffer.concat(bodies.map(message));
    const socket = await house.client(port);
    const answer = text(socket);
    for (let at = 0, piece = 1; at < all.length; at += piece, piece = (piece * 7 + 1) % 200_000) {
      if (!socket.write(all.subarray(at, at + piece))) await once(socket, 'drain');
      if (piece < 1000) await sleep(1);
    }
    socket.end();
    expect(await answer).toBe(bodies.map((body) => `${digest(body)}\n`).join(''));
    await until(() => equipment.gatheringsInUse === 0);
  });

  it('its memory goes back when nobody is connected, and the same is taken again', async () => {
    const { runtime, port, equipment } = await start();
    const used = () => runtime.stats().ring.capacity.Buffers.used;
    const mapped = () => runtime.bearer.buffers.memory().length;
    const [usedFirst, mappedFirst] = [used(), mapped()];
    for (let round = 0; round < 3; round++) {
      const peers = await Promise.all(Array.from({ length: 8 }, () => house.client(port)));
      for (const peer of peers) peer.write(message(randomBytes(MIB)).subarray(0, 200_000));
      await until(() => equipment.gatheringsInUse === 8);
      expect([used(), mapped()]).toEqual([usedFirst + 8, mappedFirst + 8]);
      for (const peer of peers) peer.resetAndDestroy();
      await until(() => used() === usedFirst);
      expect(equipment.gatheringsInUse).toBe(0);
    }
  });

  it('grants what there is room for, and goes on with the rest', async () => {
    const { port, equipment } = await start();
    const body = randomBytes(MIB + 300_000);
    const socket = await house.client(port);
    socket.end(message(body));
    expect(await text(socket)).toBe(`${digest(body)}\n`);
    expect(collectors[0]!.granted).toBe(MIB);
    await until(() => equipment.gatheringsInUse === 0);
  });

  it('refuses what is too short, outside of receive(), and a second one', async () => {
    const grants: number[] = [];
    let left!: Left;
    const { port } = await house.start(
      app((its) => {
        left = its;
        grants.push(left.gather(MIB));
        return {
          receive(_bytes, from, to) {
            if (grants.length === 1) {
              for (const length of [GATHERED_BYTES_MIN - 1, 2 * MIB, MIB, 0]) {
                grants.push(left.gather(length));
              }
            }
            return to - from;
          },
        };
      }),
    );
    const socket = await house.client(port);
    socket.write('x');
    await until(() => grants.length === 5);
    expect(grants).toEqual([0, 0, MIB, 0, 0]);
    expect(left.gather(MIB)).toBe(0);
    socket.destroy();
    await sleep(20);
    expect(left.gather(MIB)).toBe(0);
  });

  it('stalled messages take the memory there is and no more; others arrive all the same', async () => {
    const { runtime, port, equipment } = await start({ maxConnections: 200 });
    const buffers = () => runtime.stats().ring.capacity.Buffers.used;
    const before = buffers();
    for (let count = 0; count < GATHERINGS_MAX + 10; count++) await begun(port, 100);
    expect(equipment.gatheringsInUse).toBe(GATHERINGS_MAX);
    expect(buffers()).toBe(before + GATHERINGS_MAX);
    expect(collectors.filter(({ granted }) => granted === 0)).toHaveLength(10);
    const body = randomBytes(MIB);
    const socket = await house.client(port);
    socket.end(message(body));
    expect(await text(socket)).toBe(`${digest(body)}\n`);
    expect(collectors.at(-1)!.granted).toBe(0);
    for (const stalled of house.sockets.splice(0)) stalled.destroy();
    await until(() => runtime.stats().connections === 0);
    expect(equipment.gatheringsInUse).toBe(0);
    await begun(port, 200_000);
    expect(collectors.at(-1)!.granted).toBe(MIB);
    // All of them, or one: a tick in between, with nobody connected, gave the others back.
    expect([before + GATHERINGS_MAX, before + 1]).toContain(buffers());
  });

  it.each([
    ['FIN', 1000],
    ['FIN', 900_000],
    ['reset', 1000],
    ['reset', 900_000],
    ['abort', 900_000],
    ['end', 900_000],
    ['end and more', 900_000],
    ['close', 900_000],
  ])('%s after %i bytes: the memory comes back, and the orbit hears of it', async (how, sent) => {
    const { runtime, port, equipment } = await start({ lingerTimeoutMs: 100 });
    const { socket, mine } = await begun(port, sent);
    expect(equipment.gatheringsInUse).toBe(1);
    if (how === 'FIN') socket.end();
    else if (how === 'reset') socket.resetAndDestroy();
    else if (how === 'abort') mine.left.abort();
    else if (how === 'close') {
      house.running.length = 0;
      await runtime.close(0);
    } else {
      mine.left.end();
      if (how === 'end and more') socket.write(randomBytes(100_000));
    }
    await until(() => mine.closed !== null && runtime.stats().connections === 0);
    expect(equipment.gatheringsInUse).toBe(0);
    expect(mine.ended).toBe(how === 'FIN');
  });

  it.each([50_000, 900_000])('gather(0) after %i bytes shows them again', async (sent) => {
    const { port, equipment } = await start();
    const { socket, mine } = await begun(port, sent);
    const { shows } = mine;
    mine.left.gather(0);
    await until(() => mine.shows > shows);
    expect(mine.shown).toBe(sent);
    // It insists on all of it, which comes the other way now.
    socket.end(randomBytes(MIB - sent));
    expect(await text(socket)).toHaveLength(41);
    await until(() => equipment.gatheringsInUse === 0);
  });

  it('a pause in the middle stops nothing that is under way, and resume() shows it', async () => {
    const { port, equipment } = await start();
    const { socket, mine } = await begun(port, 500_000);
    mine.left.pause();
    const { shows } = mine;
    socket.end(randomBytes(MIB - 500_000));
    await sleep(50);
    expect(mine.shows).toBe(shows);
    mine.left.resume();
    expect(await text(socket)).toHaveLength(41);
    await until(() => equipment.gatheringsInUse === 0);
  });
});
