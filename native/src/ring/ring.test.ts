import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  addressOf,
  closeFd,
  controlWords,
  Epoll,
  mappedMemory,
  openListener,
  ownerActive,
  peerName,
  type RawRing,
  Ring,
  socketName,
} from './index.js';

const CQSIZE = 1 << 3;
const make = (entries = 8) => new Ring(entries, CQSIZE, entries * 2);
const fds = () => readdirSync('/proc/self/fd').length;
const word = (ring: RawRing, name: keyof typeof controlWords) =>
  new Int32Array(ring.control)[controlWords[name]]!;

/** Queues a NOP by hand and enters. */
function nop(ring: RawRing): number {
  const sqes = new Int32Array(ring.sqes);
  const words = new Int32Array(ring.rings);
  const control = new Int32Array(ring.control);
  sqes.fill(0, 0, 16);
  sqes[8] = 77;
  words[ring.sqTail >> 2]! += 1;
  control[controlWords.toSubmit] = 1;
  control[controlWords.minComplete] = 1;
  ring.enter();
  return control[controlWords.result]!;
}

describe('Ring', () => {
  test('maps its queues, and a NOP goes through', () => {
    const ring = make();
    expect([ring.sqEntries, ring.cqEntries]).toEqual([8, 16]);
    expect(nop(ring)).toBe(1);
    const words = new Int32Array(ring.rings);
    expect(words[ring.cqTail >> 2]).toBe(1);
    expect(words[ring.cqes >> 2]).toBe(77);
    expect(word(ring, 'enters')).toBe(1);
    ring.close();
  });

  test.each([[0], [65_536], [-1]])(
    "throws the system's error for %i entries, and leaks nothing",
    (entries) => {
      const before = fds();
      for (let i = 0; i < 10; i++) {
        expect(() => new Ring(entries, CQSIZE, 8)).toThrow(
          expect.objectContaining({ syscall: 'io_uring_setup', code: 'EINVAL' }),
        );
      }
      expect(fds()).toBe(before);
    },
  );

  test('resize() moves what waits, and makes the old views harmless', (context) => {
    // SINGLE_ISSUER, DEFER_TASKRUN, NO_SQARRAY
    const ring = new Ring(4, CQSIZE | (1 << 12) | (1 << 13) | (1 << 16), 8);
    expect(nop(ring)).toBe(1);
    const { rings, sqes } = ring;
    const oldWords = new Int32Array(rings);
    const oldTail = ring.sqTail >> 2;
    try {
      ring.resize(64, 128);
    } catch (error) {
      ring.close();
      if ((error as NodeJS.ErrnoException).code === 'EINVAL') context.skip('no RESIZE_RINGS here');
      throw error;
    }
    expect([ring.sqEntries, ring.cqEntries]).toEqual([64, 128]);
    expect([ring.sqes.byteLength, ring.rings === rings]).toEqual([4096, false]);
    const words = new Int32Array(ring.rings);
    expect([words[ring.cqTail >> 2], words[ring.cqes >> 2]]).toEqual([1, 77]);
    expect(oldWords.every((value) => value === 0)).toBe(true);
    expect(new Int32Array(sqes).every((value) => value === 0)).toBe(true);
    // Nobody reads what a forgotten view writes.
    oldWords[oldTail] = 5;
    expect(words[ring.sqTail >> 2]).toBe(1);
    for (const [entries, completions, code] of [
      [0, 8, 'EINVAL'],
      [65_536, 65_536, 'EINVAL'],
      [8, 4, 'EINVAL'],
      [0xffff_ffff, 0xffff_ffff, 'EINVAL'],
    ] as const) {
      expect(() => ring.resize(entries, completions)).toThrow(expect.objectContaining({ code }));
    }
    expect(() => ring.resize(8, 'x' as never)).toThrow(TypeError);
    expect([ring.sqEntries, ring.cqEntries]).toEqual([64, 128]);
    ring.close();
    expect(() => ring.resize(8, 16)).toThrow('closed');
    const indexed = make();
    expect(() => indexed.resize(8, 16)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    indexed.close();
  });

  test('checks the types of its arguments', () => {
    const Bad = Ring as unknown as new (...args: unknown[]) => RawRing;
    expect(() => new Bad()).toThrow(TypeError);
    expect(() => new Bad('8', 0, 8)).toThrow(TypeError);
    expect(() => (Ring as unknown as () => void)()).toThrow(TypeError);
    const ring = make();
    const bad = ring as unknown as Record<string, (...args: unknown[]) => void>;
    expect(() => bad.updateFile!('a')).toThrow(TypeError);
    expect(() => bad.start!(0)).toThrow(TypeError);
    expect(() => bad.own!()).toThrow(TypeError);
    expect(() => bad.map!(0)).toThrow(RangeError);
    expect(() => bad.map!(Number.NaN)).toThrow(RangeError);
    expect(() => bad.map!(1e15)).toThrow(RangeError);
    expect(() => Reflect.apply(bad.probe!, {}, [])).toThrow();
    ring.close();
  });

  test('after close() views stay valid, calls throw, and enter() answers EBADF', () => {
    const before = fds();
    const ring = make();
    const words = new Int32Array(ring.rings);
    const arena = new Uint8Array(ring.map(4096, false).buffer);
    arena.fill(5);
    ring.close();
    ring.close();
    expect(fds()).toBe(before);
    expect(words[0]).toBe(0);
    words.fill(1);
    new Int32Array(ring.sqes).fill(1);
    expect(arena[4095]).toBe(5);
    ring.enter();
    expect(word(ring, 'result')).toBe(-9);
    expect(ring.cancel()).toBe(-9);
    for (const call of [
      'probe',
      'start',
      'map',
      'registerFilesSparse',
      'registerBufferRing',
    ] as const) {
      expect(() => (ring[call] as (...args: unknown[]) => void)(1, () => {})).toThrow('closed');
    }
    ring.unregisterFiles();
    ring.reference();
    ring.closeOwned(1);
  });

  test('a detached view of the queues harms nobody', () => {
    const ring = make();
    const { rings, sqes, control } = ring;
    for (const buffer of [rings, sqes, control]) {
      try {
        structuredClone(buffer, { transfer: [buffer] });
      } catch {
        // External buffers may refuse.
      }
    }
    ring.close();
  });

  test('starts once, and only one owner on a thread', async () => {
    const ring = make();
    const other = make();
    expect(ownerActive()).toBe(false);
    ring.start(1, () => {});
    expect(ownerActive()).toBe(true);
    expect(() => ring.start(1, () => {})).toThrow('twice');
    expect(() => ring.start(0, () => {})).toThrow('twice');
    expect(() => other.start(1, () => {})).toThrow('another ring owns');
    ring.close();
    expect(ownerActive()).toBe(false);
    other.start(1, () => {});
    await new Promise((resolve) => setTimeout(resolve, 5));
    other.close();
    await new Promise((resolve) => setImmediate(resolve));
  });

  test.each([0, 1] as const)('driver %i: close() inside of its own callback', async (driver) => {
    for (let i = 0; i < 20; i++) {
      const ring = make();
      await new Promise<void>((resolve) => {
        ring.start(driver, () => {
          ring.close();
          resolve();
        });
        new Int32Array(ring.control)[controlWords.references] = 1;
        ring.reference();
        nop(ring);
      });
    }
  });

  test('owned descriptors end with the ring', () => {
    const before = fds();
    const ring = make();
    const first = openListener({ address: '127.0.0.1', port: 0, backlog: 1 });
    const second = openListener({ address: '127.0.0.1', port: 0, backlog: 1 });
    ring.own(first);
    ring.own(second);
    ring.closeOwned(first);
    ring.closeOwned(first);
    expect(fds()).toBe(before + 2);
    ring.close();
    expect(fds()).toBe(before);
  });

  test('a listener of the ring is owned from the start', () => {
    const before = fds();
    const ring = make();
    ring.openListener({ address: '127.0.0.1', port: 0, backlog: 1 });
    const second = ring.openListener({ address: '127.0.0.1', port: 0, backlog: 1 });
    expect(() => ring.openListener({ address: 'no address', port: 0, backlog: 1 })).toThrow(
      TypeError,
    );
    expect(fds()).toBe(before + 3);
    ring.closeOwned(second);
    expect(fds()).toBe(before + 2);
    ring.close();
    expect(fds()).toBe(before);
    expect(() => ring.openListener({ address: '127.0.0.1', port: 0, backlog: 1 })).toThrow(
      'closed',
    );
  });

  test('mappedMemory() counts what rings have mapped', () => {
    const before = mappedMemory();
    const ring = make();
    const own = mappedMemory().mappings - before.mappings;
    expect(own).toBe(3); // control block, queues, entries
    const { bytes } = mappedMemory();
    ring.map(8192, false);
    expect(mappedMemory()).toEqual({ mappings: before.mappings + 4, bytes: bytes + 8192 });
    ring.close();
  });

  test('a buffer ring must lie in memory of the same ring', () => {
    const ring = make();
    const { addressLow, addressHigh } = ring.map(8192, false);
    expect(() => ring.registerBufferRing(1, 16, 4096, 0, 0)).toThrow('not mapped by this ring');
    expect(() => ring.registerBufferRing(1, 32_768, addressLow, addressHigh, 0)).toThrow(
      'not mapped by this ring',
    );
    expect(() => ring.registerBufferRing(1, 3, addressLow, addressHigh, 0)).toThrow(
      expect.objectContaining({ code: 'EINVAL' }),
    );
    ring.registerBufferRing(1, 16, addressLow, addressHigh, 0);
    expect(() => ring.registerBufferRing(1, 16, addressLow, addressHigh, 0)).toThrow(
      expect.objectContaining({ code: 'EEXIST' }),
    );
    ring.unregisterBufferRing(1);
    expect(() => ring.unregisterBufferRing(1)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    ring.close();
  });

  test('memory is aligned, zeroed, and not inherited by fork', () => {
    const ring = make();
    for (const huge of [false, true]) {
      const { buffer, addressLow, addressHigh, pageKind } = ring.map(3 << 20, huge);
      expect(buffer.byteLength).toBeGreaterThanOrEqual(3 << 20);
      expect(addressLow % (huge ? 2 << 20 : 4096)).toBe(0);
      expect(new Uint8Array(buffer).every((byte) => byte === 0)).toBe(true);
      expect(['4k', 'thp', 'hugetlb']).toContain(pageKind);
      const address = (BigInt(addressHigh) << 32n) + BigInt(addressLow);
      const smaps = readFileSync('/proc/self/smaps', 'utf8');
      const at = smaps.indexOf(`${address.toString(16).padStart(8, '0')}-`);
      if (at >= 0) expect(/VmFlags:.*/.exec(smaps.slice(at))![0]).toContain(' dc');
    }
    ring.close();
  });

  test('cancel() of a key that names nothing answers ENOENT', () => {
    const ring = make();
    expect(ring.cancel(5, 5)).toBe(-2);
    expect(ring.cancel()).toBeLessThanOrEqual(0);
    ring.close();
  });
});

describe('addressOf()', () => {
  const address = (view: ArrayBufferView) => {
    const out = new Uint32Array(2);
    addressOf(view, out);
    return (BigInt(out[1]!) << 32n) + BigInt(out[0]!);
  };

  test('gives the address of the first byte, which does not move', () => {
    const bytes = new Uint8Array(16);
    expect(address(bytes.subarray(5)) - address(bytes)).toBe(5n);
    expect(address(bytes)).toBe(address(bytes));
    const shared = new Int32Array(new SharedArrayBuffer(64));
    expect(address(shared)).not.toBe(0n);
    expect(address(shared.subarray(2)) - address(shared)).toBe(8n);
    expect(address(Buffer.from('pooled'))).not.toBe(0n);
  });

  test('a detached array has no address', () => {
    const bytes = new Uint8Array(16);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    expect(address(bytes)).toBe(0n);
  });

  test('refuses what is no typed array, and an output that is too small', () => {
    const lookup = addressOf as (...args: unknown[]) => void;
    for (const view of [undefined, {}, new DataView(new ArrayBuffer(8)), new ArrayBuffer(8)]) {
      expect(() => lookup(view, new Uint32Array(2))).toThrow(TypeError);
    }
    for (const out of [
      new Uint32Array(1),
      new Uint32Array(0),
      new Uint8Array(8),
      new Float64Array(2),
    ]) {
      expect(() => lookup(new Uint8Array(1), out)).toThrow(RangeError);
    }
    expect(() => lookup(new Uint8Array(1))).toThrow(TypeError);
  });
});

describe('listeners', () => {
  test('openListener() and socketName() agree; peerName() of a listener is ENOTCONN', () => {
    const fd = openListener({ address: '127.0.0.1', port: 0, backlog: 16 });
    expect(socketName(fd)).toMatchObject({ family: 'IPv4', address: '127.0.0.1' });
    expect(() => peerName(fd)).toThrow(
      expect.objectContaining({ code: 'ENOTCONN', syscall: 'getpeername' }),
    );
    closeFd(fd);
    expect(() => socketName(1_000_000)).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(() => closeFd(1_000_000)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });

  test('refuses what cannot be an address', () => {
    const open = openListener as (options: unknown) => number;
    for (const options of [
      undefined,
      5,
      {},
      { address: '1.2.3', port: 1, backlog: 1 },
      { address: '::1\0', port: 1, backlog: 1 },
      { path: '/tmp/a\0b', backlog: 1 },
    ]) {
      expect(() => open(options)).toThrow();
    }
  });
});

describe('Epoll', () => {
  test('takes what is ready, without waiting', () => {
    const epoll = new Epoll();
    const before = new Uint8Array(64);
    expect(epoll.take(before)).toBe(0);
    expect(before).toEqual(new Uint8Array(64));
    expect(() => epoll.take(new Uint8Array(11))).toThrow(RangeError);
    for (const bad of [undefined, {}, new Uint32Array(8), new ArrayBuffer(64)]) {
      expect(() => epoll.take(bad as never)).toThrow(TypeError);
    }
    epoll.close();
  });

  test('is close-on-exec, and closes once', () => {
    const before = fds();
    const epoll = new Epoll();
    expect(fds()).toBe(before + 1);
    const info = readFileSync(`/proc/self/fdinfo/${epoll.descriptor}`, 'latin1');
    expect(Number.parseInt(/flags:\s*(\d+)/.exec(info)![1]!, 8) & 0o200_0000).toBe(0o200_0000);
    epoll.close();
    epoll.close();
    expect([fds(), epoll.descriptor]).toEqual([before, -1]);
    expect(() => epoll.take(new Uint8Array(64))).toThrow(
      expect.objectContaining({ code: 'EBADF', syscall: 'epoll_wait' }),
    );
    expect(() => Reflect.apply(epoll.take, {}, [new Uint8Array(64)])).toThrow();
  });
});
