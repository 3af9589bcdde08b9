import { readFileSync, writeFileSync } from 'node:fs';
import type { Mapping } from '@ringbearer/io-uring-buffer';
import { describe, expect, it, type TestContext } from 'vitest';
import { HUGE_PAGE_BYTES, HugeRegions } from './huge-regions.js';
import { UringBearer } from './index.js';

const RESERVED = '/proc/sys/vm/nr_hugepages';
const TRANSPARENT = '/sys/kernel/mm/transparent_hugepage/enabled';

const bearerOf = () =>
  UringBearer.withCapacity({ CoreQueue: 8, Buffers: 4096, BufferBytes: 64 << 20, BufferGroups: 8 });

/** Reserves huge pages for one test. Skips where this process may not, or there are none to be had. */
function reserving(pages: number, context: TestContext): () => void {
  const before = readFileSync(RESERVED, 'utf8');
  try {
    writeFileSync(RESERVED, String(pages));
  } catch (error) {
    context.skip(`this process may not set vm.nr_hugepages: ${(error as Error).message}`);
  }
  const got = Number(readFileSync(RESERVED, 'utf8'));
  if (got < pages) {
    writeFileSync(RESERVED, before);
    context.skip(`this machine has no ${pages} huge pages to reserve, only ${got}`);
  }
  return () => writeFileSync(RESERVED, before);
}

/** Bytes of transparent huge pages this process has. */
function transparentBytes(): number {
  const match = /^AnonHugePages:\s+(\d+) kB$/m.exec(
    readFileSync('/proc/self/smaps_rollup', 'utf8'),
  );
  return Number(match![1]) * 1024;
}

describe('hugePages', () => {
  it('says what was granted, and why it is not more', async () => {
    await using bearer = bearerOf();
    const small = bearer.buffers.pool({ count: 4, bufferBytes: 4096 });
    const huge = bearer.buffers.pool({ count: 4, bufferBytes: 4096, hugePages: true });
    expect(small.pageKind).toBe('4k');
    const [plain, asked] = bearer.buffers.memory();
    expect(plain).toEqual({ bytes: 16_384, hugePages: false, pageKind: '4k', why: '' });
    expect(asked).toMatchObject({
      bytes: HUGE_PAGE_BYTES,
      hugePages: true,
      pageKind: huge.pageKind,
    });
    if (huge.pageKind !== 'hugetlb') expect(asked!.why).toMatch(/hugetlb: .*vm\.nr_hugepages/);
    if (huge.pageKind === '4k') expect(asked!.why).toMatch(/thp: /);
  });

  it('small pools and rings share a huge page, and each has bytes of its own', async () => {
    await using bearer = bearerOf();
    const first = bearer.buffers.pool({ count: 8, bufferBytes: 4096, hugePages: true });
    const second = bearer.buffers.pool({ count: 8, bufferBytes: 4096, hugePages: true });
    const ring = bearer.buffers.ring({ count: 8, bufferBytes: 4096, hugePages: true });
    expect(bearer.buffers.memory()).toHaveLength(1);
    expect(ring.pageKind).toBe(first.pageKind);
    const [a, b] = [first.take(4096), second.take(4096)];
    a.fill(Buffer.alloc(4096, 1));
    b.fill(Buffer.alloc(4096, 2));
    expect(a.toBytes().every((byte) => byte === 1)).toBe(true);
    expect(b.toBytes().every((byte) => byte === 2)).toBe(true);
  });

  it('counts what was asked for, not the page, and uses a closed part again', async () => {
    await using bearer = bearerOf();
    const used = () => bearer.stats().capacity.BufferBytes.used;
    const pool = bearer.buffers.pool({ count: 2, bufferBytes: 8192, hugePages: true });
    expect(used()).toBe(16_384);
    pool.close();
    for (let round = 0; round < 500; round++) {
      bearer.buffers.pool({ count: 2, bufferBytes: 8192, hugePages: true }).close();
    }
    expect(used()).toBe(16_384);
    expect(bearer.buffers.memory()).toHaveLength(1);
  });

  it('gives transparent huge pages where the system has them', async (context) => {
    const setting = readFileSync(TRANSPARENT, 'utf8');
    if (setting.includes('[never]')) context.skip('transparent huge pages are off on this machine');
    await using bearer = bearerOf();
    const before = transparentBytes();
    const pool = bearer.buffers.pool({ count: 8, bufferBytes: 1 << 20, hugePages: true });
    expect(['thp', 'hugetlb']).toContain(pool.pageKind);
    for (let index = 0; index < 8; index++) pool.take(1 << 20).fill(Buffer.alloc(1 << 20, 1));
    if (pool.pageKind === 'hugetlb') return;
    expect(transparentBytes() - before).toBeGreaterThanOrEqual(HUGE_PAGE_BYTES);
  });

  it('gives reserved huge pages where there are some, and goes on without when they are used up', async (context) => {
    const restore = reserving(2, context);
    try {
      const bearer = bearerOf();
      const granted = [0, 1, 2].map(
        () => bearer.buffers.pool({ count: 2, bufferBytes: 1 << 20, hugePages: true }).pageKind,
      );
      expect(granted.slice(0, 2)).toEqual(['hugetlb', 'hugetlb']);
      expect(granted[2]).not.toBe('hugetlb');
      await bearer.close();
    } finally {
      restore();
    }
  });
});

describe('HugeRegions', () => {
  const mapped: number[] = [];
  let next = 0xffe0_0000;
  const map = (byteLength: number): Mapping => {
    mapped.push(byteLength);
    const at = next;
    next += byteLength;
    return {
      bytes: new Uint8Array(byteLength),
      addressLow: at >>> 0,
      addressHigh: Math.floor(at / 2 ** 32),
      pageKind: 'thp',
      release() {},
    };
  };

  it('cuts parts that do not overlap, with addresses that carry over the low half', () => {
    const regions = new HugeRegions(map);
    const parts = Array.from({ length: 1024 }, () => regions.cut(4096));
    expect(mapped).toEqual([HUGE_PAGE_BYTES, HUGE_PAGE_BYTES]);
    const addresses = parts.map(
      ({ addressLow, addressHigh }) => addressHigh * 2 ** 32 + addressLow,
    );
    expect(addresses).toEqual(
      Array.from({ length: 1024 }, (_, index) => 0xffe0_0000 + index * 4096),
    );
    expect(parts.every(({ bytes }) => bytes.byteLength === 4096)).toBe(true);
    expect(new Set(parts.map(({ bytes }) => `${bytes.byteOffset}`)).size).toBe(512);
  });

  it('maps large requests by themselves, and leaves nothing half done when there is no memory', () => {
    mapped.length = 0;
    const regions = new HugeRegions(map);
    expect(regions.cut(3 * HUGE_PAGE_BYTES).bytes.byteLength).toBe(3 * HUGE_PAGE_BYTES);
    expect(mapped).toEqual([3 * HUGE_PAGE_BYTES]);
    const poor = new HugeRegions(() => {
      throw new Error('ENOMEM');
    });
    expect(() => poor.cut(4096)).toThrow('ENOMEM');
    expect(() => poor.cut(4096)).toThrow('ENOMEM');
  });
});
