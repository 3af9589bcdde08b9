// JavaScript knows no `readonly`, and objects answer as they like: no such lie may become an address or a length that the kernel is
// told, nor a byte of somebody else's.

import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RawFd } from '@ringbearer/io-uring-fd';
import {
  AddressFamily,
  FilesUpdate,
  FutexWaitV,
  Madvise,
  MemoryAdvice,
  Nop,
  ProvideBuffers,
  Read,
  Readv,
  type RecordMemory,
  SendMsg,
  SetSocketOption,
  Socket,
  SocketOption,
  SocketType,
  Write,
  Writev,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { KernelFixture } from '../test-support/kernel-fixture.js';

const fixture = new KernelFixture();
const { run } = fixture;

/** Writes over what TypeScript says is read-only. */
function overwrite(object: object, name: string, value: unknown): void {
  try {
    (object as Record<string, unknown>)[name] = value;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it refuses: as good as not listening
  }
}

/** `bytes`, saying of itself that it has more. */
function boasting<Bytes extends Uint8Array>(bytes: Bytes, claimed: number): Bytes {
  for (const name of ['length', 'byteLength'])
    Object.defineProperty(bytes, name, { value: claimed });
  return bytes;
}

/** 64 KiB of 'A', to read from. */
function source(): RawFd {
  const path = join(fixture.folder, 'source');
  writeFileSync(path, 'A'.repeat(1 << 16));
  return fixture.kept(new RawFd(openSync(path, 'r')));
}

describe('what is read-only', () => {
  test('a lease keeps its length', async () => {
    const pool = fixture.bearer.buffers.pool({ count: 4, bufferBytes: 64 });
    const [lease, neighbour] = [pool.take(), pool.take()];
    for (const name of ['length', 'byteLength', 'offset', 'id']) overwrite(lease, name, 1 << 16);
    const { length } = await run(new Read({ descriptor: source(), memory: lease, position: 0 }));
    expect([length, lease.length, lease.offset, lease.id]).toEqual([64, 64, 0, 0]);
    expect(neighbour.toBytes()).toEqual(new Uint8Array(64));
  });

  test('a pool, a ring, a group and a word keep their sizes', async () => {
    const { buffers } = fixture.bearer;
    const descriptor = source();
    const pool = buffers.pool({ count: 2, bufferBytes: 64 });
    const ring = buffers.ring({ count: 2, bufferBytes: 64 });
    const group = buffers.classicGroup({ count: 2, bufferBytes: 64 });
    const word = buffers.futex();
    for (const one of [pool, ring, group, word]) {
      for (const name of ['bufferBytes', 'count', 'byteLength']) overwrite(one, name, 1 << 14);
    }
    expect(pool.take().length).toBe(64);
    for (let round = 0; round < 3; round++) {
      const read = new Read({ descriptor, group: ring.group, position: 0 });
      const result = await run(read);
      expect(result.length).toBe(64);
      buffers.lease(read, result).release();
    }
    const provision = group.provision()!;
    for (const name of ['bufferBytes', 'byteLength']) overwrite(provision, name, 1 << 14);
    await run(new ProvideBuffers(provision));
    const taken = await run(new Read({ descriptor, group: group.group, position: 0 }));
    expect(taken.length).toBe(64);
    expect(word.byteLength).toBe(4);
    expect(() => new Read({ descriptor, memory: word, length: 5 })).toThrow(RangeError);
  });

  test('a registered buffer keeps its length', () => {
    const { fixed } = fixture.bearer.buffers;
    const buffer = fixed.add(fixture.bearer.allocate(4096));
    for (const name of ['byteLength', 'whole']) overwrite(buffer, name, 1 << 20);
    expect([buffer.byteLength, buffer.whole?.byteLength]).toEqual([4096, 4096]);
    buffer.remove();
  });
});

test('the record of a completion is read-only, also for whoever keeps it', async () => {
  const { bearer } = fixture;
  const nop = new Nop();
  const kept = await new Promise<RecordMemory>((resolve) => {
    nop.handler = (cqe) => resolve(cqe.record);
    bearer.push(nop);
  });
  const pool = bearer.buffers.pool({ count: 4, bufferBytes: 64 });
  const [lease, neighbour] = [pool.take(), pool.take()];
  const reading = bearer.submit(new Readv({ descriptor: source(), memory: [lease], position: 0 }));
  for (const write of [
    () => kept.setUint32(8, 128), // the length of the first part, if it is this record
    () => kept.setUint64(8, 128, 0),
    () => kept.setSafeInteger(8, 128),
    () => kept.setUint16(8, 128),
    () => kept.setUint16Network(8, 128),
    () => kept.setUint8(8, 128),
    () => kept.setBytes(8, Uint8Array.of(128)),
    () => kept.clear(0, 16),
  ]) {
    expect(write).toThrow(/Cannot write to the record of a completion/);
  }
  expect(await reading).toBe(64);
  expect(neighbour.toBytes()).toEqual(new Uint8Array(64));
});

describe('arrays of the caller', () => {
  test('are as long as they are, whatever they say', async () => {
    const path = join(fixture.folder, 'sent');
    const descriptor = fixture.kept(new RawFd(openSync(path, 'w+')));
    const data = () => boasting(Buffer.from('tiny'), 1 << 16);
    expect(await run(new Write({ descriptor, data: data(), position: 0 }))).toBe(4);
    expect(await run(new Writev({ descriptor, data: [data(), data()], position: 4 }))).toBe(8);
    expect(readFileSync(path, 'latin1')).toBe('tinytinytiny');
    expect(() => new Write({ descriptor, data: data(), length: 5 })).toThrow(RangeError);

    class Sub extends Uint8Array {
      override subarray(): Uint8Array<ArrayBuffer> {
        return boasting(new Uint8Array(1), 2);
      }
    }
    const part = new Write({ descriptor, data: new Sub(8), offset: 1, length: 2 });
    await expect(run(part)).rejects.toThrow(/Cannot vouch for the bytes/);
  });

  test('fill no more than the lease', () => {
    const pool = fixture.bearer.buffers.pool({ count: 2, bufferBytes: 64 });
    const [lease, neighbour] = [pool.take(), pool.take()];
    expect(() => lease.fill(boasting(Buffer.alloc(128, 'B'), 1))).toThrow(RangeError);
    expect(neighbour.toBytes()).toEqual(new Uint8Array(64));
  });

  test('an option is copied as long as it is', async () => {
    const socket = fixture.kept(
      await run(new Socket({ family: AddressFamily.INET, type: SocketType.STREAM })),
    );
    const value = boasting(new Uint8Array(1000), 4);
    const option = SocketOption.KEEPALIVE;
    expect(() => new SetSocketOption({ socket, option, value })).toThrow(RangeError);
  });

  test('lists are checked element by element, also those of a subclass', () => {
    const bytes = new Uint8Array(64);
    class Sly extends Array<unknown> {
      override map(): never[] {
        return [{ memory: null, bytes, offset: 0, length: 64 }] as never[];
      }
      override *[Symbol.iterator](): ArrayIterator<unknown> {
        for (let i = 0; i < 300; i++) yield {};
      }
    }
    const list = (...values: unknown[]) => Sly.of(...values) as never;
    const descriptor = new RawFd(0);
    expect(() => new Readv({ descriptor, memory: list(bytes) })).toThrow(TypeError);
    expect(() => new SendMsg({ socket: descriptor, data: list({}) })).toThrow(TypeError);
    expect(() => new FilesUpdate({ first: 0, descriptors: list({}) })).toThrow(TypeError);
    expect(() => new FutexWaitV({ words: list({}) })).toThrow(TypeError);
  });

  test('a list that is changed afterwards changes nothing', async () => {
    const word = fixture.bearer.buffers.futex();
    const words = [{ word, expected: 1 }];
    const wait = new FutexWaitV({ words });
    words[0] = { word, expected: 0 };
    words.push({ word, expected: 0 });
    expect(await run(wait)).toBe('not-equal');
    word.release();
  });
});

describe('objects that answer differently each time', () => {
  /** First `first`, then `later`. */
  const fickle = (first: number, later: number, times = 1) => {
    let asked = 0;
    return { valueOf: () => (asked++ < times ? first : later) } as unknown as number;
  };

  test('read no byte of another lease', () => {
    const pool = fixture.bearer.buffers.pool({ count: 4, bufferBytes: 64 });
    const [lease, neighbour] = [pool.take(), pool.take()];
    neighbour.fill(Buffer.from('secret'));
    expect(() => lease.at(fickle(0, 64, 2))).toThrow(RangeError);
    expect(() => neighbour.at('1' as never)).toThrow(RangeError);
    expect(lease.toString('latin1', 0, fickle(0, 128))).not.toContain('secret');
    expect(lease.toString('latin1', fickle(1, 64), 128)).not.toContain('secret');
  });

  test('are no flags', async () => {
    const { bearer } = fixture;
    const before = bearer.stats().capacity.PendingCompletions.used;
    const flags = fickle(0, 0xffff);
    await expect(bearer.submit(new Nop(), { flags })).rejects.toThrow(/must come from Submission/);
    expect(() => bearer.push(new Nop(), '0' as never)).toThrow(RangeError);
    expect(bearer.stats().capacity.PendingCompletions.used).toBe(before);
  });
});

describe('Madvise', () => {
  const advice = MemoryAdvice.DONTNEED;

  test('leaves the pages of others alone', async () => {
    const pool = fixture.bearer.buffers.pool({ count: 4, bufferBytes: 64 });
    const [lease, neighbour] = [pool.take(), pool.take()];
    neighbour.fill(Buffer.from('mine'));
    expect(() => new Madvise({ memory: lease, advice })).toThrow(/must be whole pages/);
    const memory = fixture.bearer.allocate(8192);
    expect(() => new Madvise({ memory, advice, offset: 1 })).toThrow(/must be whole pages/);
    expect(() => new Madvise({ memory, advice, length: 4097 })).toThrow(/must be whole pages/);
    await run(new Madvise({ memory, advice, offset: 4096 }));
    expect(neighbour.toString('latin1', 0, 4)).toBe('mine');
  });

  test('takes no memory away: guard pages, poison', () => {
    const memory = fixture.bearer.allocate(4096);
    for (const wrong of [100, 101, 102, 9, 10, 9999, -1, 0.5, '4' as never]) {
      expect(() => new Madvise({ memory, advice: wrong })).toThrow(/must be one of MemoryAdvice/);
    }
  });
});
