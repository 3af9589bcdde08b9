import { expect, it } from 'vitest';
import type { Left } from '../../sans-io/left.js';
import { app, SocketHouse, until } from '../socket-house.contract.js';
import { HIGH_WATER_BYTES } from '../transmit-queue.js';
import { GENEROUS_HIGH_WATER_BYTES } from './equipment.js';
import { IoUringRuntime } from './runtime.js';

const house = new SocketHouse((options) => new IoUringRuntime(options));
const PIECE = new Uint8Array(16 * 1024);

/** What a connection whose peer does not read takes until it says that it has enough, beside what it is sending. */
function taken(left: Left): number {
  let bytes = PIECE.length;
  while (left.write(PIECE, 0, PIECE.length)) bytes += PIECE.length;
  return bytes;
}

it('a few slow peers let their writers be further ahead than a crowd does, and all are told to go on', async () => {
  const lefts: Left[] = [];
  let drained = 0;
  const stuck = app((left) => {
    lefts.push(left);
    left.send(new Uint8Array(8 * 1024 * 1024));
    return { drained: () => void drained++ };
  });
  const { port, runtime } = await house.start(stuck, { maxConnections: 300 });
  for (let count = 0; count < 100; count++) await house.client(port);
  await until(() => lefts.length === 100);
  expect(taken(lefts[0]!)).toBe(GENEROUS_HIGH_WATER_BYTES);
  for (let count = 0; count < 40; count++) await house.client(port);
  await until(() => lefts.length === 140);
  expect(taken(lefts[139]!)).toBe(HIGH_WATER_BYTES);
  expect(taken(lefts[0]!)).toBe(PIECE.length);
  // The first was under the bound when it was written to last; who asks now is told when that is over.
  const half = lefts[1]!;
  for (let bytes = 0; bytes < HIGH_WATER_BYTES; bytes += PIECE.length) {
    half.write(PIECE, 0, PIECE.length);
  }
  expect(half.blocked).toBe(true);
  const before = drained;
  for (const index of [0, 1, 139]) house.sockets[index]!.resume();
  await until(() => drained - before === 3);
  expect([0, 1, 139].map((index) => lefts[index]!.blocked)).toEqual([false, false, false]);
  for (const socket of house.sockets) socket.destroy();
  await until(() => runtime.stats().connections === 0);
  expect((runtime as IoUringRuntime).equipment.highWaterBytes).toBe(GENEROUS_HIGH_WATER_BYTES);
}, 20_000);
