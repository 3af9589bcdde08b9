import { OwnerError } from '@ringbearer/io-uring-owner';
import { beforeEach, describe, expect, test } from 'vitest';
import { Arena, type BufferError, BufferPool, HeapMemory, type Lease } from './index.js';

let pool: BufferPool;
let lease: Lease;

beforeEach(() => {
  pool = new BufferPool(new Arena(new HeapMemory(), 4096), { count: 4, bufferBytes: 16, group: 9 });
  lease = pool.take(8);
});

const accesses: [string, (lease: Lease) => unknown][] = [
  ['at()', (l) => l.at(0)],
  ['copyTo()', (l) => l.copyTo(new Uint8Array(8))],
  ['toBytes()', (l) => l.toBytes()],
  ['toString()', (l) => l.toString()],
  ['fill()', (l) => l.fill(new Uint8Array(1))],
];

function caught(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('Lease', () => {
  test('names group, id, offset and length', () => {
    expect(lease).toMatchObject({
      group: 9,
      id: 0,
      offset: 0,
      length: 8,
      byteLength: 8,
      held: true,
    });
    expect(lease.unsafe.bytes).toHaveLength(8);
    expect(pool.take().length).toBe(16);
  });

  test('reads what was filled, as bytes and as text', () => {
    lease.fill(Buffer.from('caf\u00e9'), 1);
    expect([...lease.toBytes()]).toEqual([0, 99, 97, 102, 0xc3, 0xa9, 0, 0]);
    expect(lease.toString('utf8')).toBe('\0caf\u00e9\0\0');
    expect(lease.toString('latin1')).toBe('\0caf\u00c3\u00a9\0\0');
    expect(lease.toString('latin1', 1, 4)).toBe('caf');
    expect(lease.toString('latin1', -9, 99)).toHaveLength(8);
    expect(lease.toString('latin1', 5, 2)).toBe('');
    expect(lease.toString('latin1', Number.NaN, Number.NaN)).toHaveLength(8);
    expect(pool.take().toString('latin1', Number.NaN, 4)).toHaveLength(4);
    expect(lease.at(1)).toBe(99);
    const target = new Uint8Array(10).fill(7);
    lease.copyTo(target, 2);
    expect([...target]).toEqual([7, 7, 0, 99, 97, 102, 0xc3, 0xa9, 0, 0]);
  });

  test('toBytes() is a copy', () => {
    const copy = lease.toBytes();
    lease.fill(Uint8Array.of(1));
    expect(copy[0]).toBe(0);
  });

  test('touches nothing outside of its bytes', () => {
    const neighbour = pool.take();
    for (const at of [-1, 8, 1.5, Number.NaN]) {
      expect(() => lease.fill(new Uint8Array(1), at)).toThrow(RangeError);
    }
    expect(() => lease.fill(new Uint8Array(9))).toThrow(RangeError);
    expect(() => lease.at(8)).toThrow(RangeError);
    expect(() => lease.at(-1)).toThrow(RangeError);
    expect(() => lease.at(Number.NaN)).toThrow(RangeError);
    expect(() => lease.at(0.5)).toThrow(RangeError);
    expect(() => lease.copyTo(new Uint8Array(7))).toThrow(RangeError);
    expect(() => lease.copyTo(new Uint8Array(16), 9)).toThrow(RangeError);
    lease.fill(new Uint8Array(8).fill(255));
    expect([...neighbour.toBytes()]).toEqual(new Array(16).fill(0));
    expect(lease.owner.name).toBe('Taken');
  });

  test.each(accesses)('%s is refused while the kernel owns the bytes', (_, access) => {
    lease.fill(Uint8Array.of(42));
    lease.owner.lend();
    const error = caught(() => access(lease));
    expect(error).toBeInstanceOf(OwnerError);
    expect((error as OwnerError).code).toBe('OWNER_KERNEL');
    expect(lease.unsafe.bytes[0]).toBe(42);
  });

  test.each([
    ...accesses,
    ['owner', (l: Lease) => l.owner] as const,
    ['unsafe', (l: Lease) => l.unsafe] as const,
    ['reuse()', (l: Lease) => l.reuse()] as const,
  ])('%s is refused after release(), also when the buffer is out again', (_, access) => {
    lease.release();
    expect((caught(() => access(lease)) as BufferError).code).toBe('BUFFER_RELEASED');
    const next = pool.take();
    expect(next.id).toBe(lease.id);
    next.fill(Buffer.from('secret'));
    expect((caught(() => access(lease)) as BufferError).code).toBe('BUFFER_RELEASED');
    expect(next.toString().slice(0, 6)).toBe('secret');
  });

  test('goes through send after send, and needs reuse() in between', () => {
    for (const text of ['first', 'second']) {
      lease.fill(Buffer.from(text));
      lease.fill(Buffer.from('!'), 7); // a second part
      lease.owner.lend();
      lease.owner.giveBack();
      expect((caught(() => lease.fill(Buffer.from('x'))) as OwnerError).code).toBe(
        'OWNER_RETURNED',
      );
      expect(lease.toString()).toContain(text);
      lease.reuse();
    }
    expect(lease.owner.name).toBe('Reusable');
  });

  test('fill() leaves the end of a longer filling to its holder', () => {
    lease.owner.fill();
    lease.fill(Uint8Array.of(1));
    lease.fill(Uint8Array.of(2), 1);
    expect(lease.owner.name).toBe('Filling');
    lease.owner.filled();
    expect([...lease.toBytes().subarray(0, 2)]).toEqual([1, 2]);
  });

  test('release() is refused in flight, happens once, and works from every other state', () => {
    lease.owner.lend();
    expect((caught(() => lease.release()) as OwnerError).code).toBe('OWNER_KERNEL');
    expect(pool.used).toBe(1);
    lease.owner.giveBack();
    lease.release();
    lease.release();
    expect(pool.used).toBe(0);
    const steps: ((lease: Lease) => void)[] = [
      () => {},
      (l) => l.owner.fill(),
      (l) => l.fill(Uint8Array.of(1)),
      (l) => l.owner.register(),
    ];
    for (const step of steps) {
      const other = pool.take();
      step(other);
      other[Symbol.dispose]();
      expect(pool.used).toBe(0);
    }
  });
});
