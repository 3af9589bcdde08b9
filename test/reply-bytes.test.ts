// What a handler may hand over as bytes, and what it does to others when it takes them back: over sockets, on every runtime.

import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { GROUNDS, HostileHouse, type Raw } from './harness/hostile-house.js';
import { get } from './harness/peer.js';
import { until } from './harness/until.js';

/** Sent from where they are, not copied. */
const BYTES = 20_000;
/** More than the highest high-water mark. */
const MANY_BYTES = 300_000;

const take = (bytes: Uint8Array): unknown =>
  structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });

describe.each(GROUNDS)('bytes of a reply (%s)', (_name, ground) => {
  const house = new HostileHouse(ground);
  const { serving, connect, ask, expectIdle } = house;

  test('are bytes of any kind and of any realm', async () => {
    const kinds: readonly Uint8Array[] = [
      new Int8Array(BYTES).fill(65) as unknown as Uint8Array,
      new Uint8ClampedArray(BYTES).fill(65) as unknown as Uint8Array,
      runInNewContext(`new Uint8Array(${BYTES}).fill(65)`),
      new Uint8Array(new SharedArrayBuffer(BYTES)).fill(65),
    ];
    const ways: readonly Raw[] = [
      (request, reply) => reply.bytes(kinds[Number(request.query)]!),
      (request, reply) => reply.end(kinds[Number(request.query)]!),
      (request, reply) => {
        reply.write(kinds[Number(request.query)]!);
        reply.end(kinds[Number(request.query)]!.subarray(0, 0));
      },
    ];
    const port = await serving((request, reply) =>
      ways[Number(request.path.slice(1))]!(request, reply),
    );
    const expected = 'A'.repeat(BYTES);
    for (const way of ways.keys()) {
      for (const kind of kinds.keys()) expect(await ask(port, `/${way}?${kind}`)).toBe(expected);
    }
    await expectIdle();
  });

  test('that are taken back before they are sent cost their connection, and nobody else anything', async () => {
    const warnings: unknown[] = [];
    const warned = (warning: Error & { code?: string }) => void warnings.push(warning.code);
    process.on('warning', warned);
    const port = await serving(async (request, reply) => {
      if (request.path === '/stream') {
        for (let i = 0; i < 40; i++) {
          if (!reply.write(Buffer.alloc(16_384, 'x'))) await reply.drained();
        }
        reply.end();
      } else if (request.path === '/') reply.text('hello');
      else {
        const bytes = new Uint8Array(MANY_BYTES);
        reply.bytes(bytes);
        take(bytes);
      }
    });
    for (let round = 0; round < 3; round++) {
      const robbed = await connect(port);
      await robbed.send(get('/robbed') + get('/'));
      await robbed.ended;
      // What follows would have been taken for a part of what was promised.
      expect(robbed.text()).not.toContain('hello');
      const other = await connect(port);
      await other.send(get('/').repeat(10));
      for (let i = 0; i < 10; i++) expect((await other.response()).body.toString()).toBe('hello');
      await other.send(get('/stream'));
      expect((await other.response()).body.length).toBe(40 * 16_384);
      other.close();
    }
    await expectIdle();
    await until('all were told', () => warnings.length === 3);
    process.off('warning', warned);
    expect(new Set(warnings)).toEqual(new Set(['RINGBEARER_BYTES_CHANGED']));
  });

  test('may be changed after sent(): whole replies and pieces of one buffer', async () => {
    const buffer = new Uint8Array(MANY_BYTES);
    let free = true;
    const port = await serving(async (request, reply) => {
      // One at a time, as the buffer is one.
      expect(free).toBe(true);
      free = false;
      const letter = request.query.charCodeAt(0);
      if (request.path === '/whole') reply.bytes(buffer.fill(letter));
      else {
        for (const next of [letter, letter + 1, letter + 2]) {
          reply.write(buffer.fill(next));
          await reply.sent();
        }
        reply.end();
      }
      await reply.sent();
      buffer.fill(0);
      free = true;
    });
    const client = await connect(port);
    for (const letter of ['a', 'f', 'k']) {
      await client.send(get(`/whole?${letter}`));
      expect((await client.response()).body.toString()).toBe(letter.repeat(MANY_BYTES));
      await until('the buffer is free', () => free);
      await client.send(get(`/pieces?${letter}`));
      const code = letter.charCodeAt(0);
      const pieces = [code, code + 1, code + 2].map((next) => String.fromCharCode(next));
      const expected = pieces.map((next) => next.repeat(MANY_BYTES)).join('');
      expect((await client.response()).body.toString() === expected).toBe(true);
      await until('the buffer is free', () => free);
    }
    client.close();
    await expectIdle();
  });

  test('that are taken back while they are sent are not followed by another reply', async () => {
    let bytes!: Uint8Array;
    const port = await serving((request, reply) => {
      if (request.path === '/') return reply.text('hello');
      bytes = new Uint8Array(32 * 1024 * 1024);
      reply.bytes(bytes);
    });
    const robbed = await connect(port, { read: false });
    await robbed.send(get('/robbed'));
    await until('some are sent', () => house.server.stats().bytesSent > 0);
    take(bytes);
    await robbed.send(get('/'));
    robbed.read();
    await robbed.ended;
    expect(robbed.text()).not.toContain('hello');
    expect(await ask(port)).toBe('hello');
    await expectIdle();
  });
});
