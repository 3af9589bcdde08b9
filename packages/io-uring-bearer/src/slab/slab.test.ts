import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArraySlab } from './array-slab.js';
import { HashSlab } from './hash-slab.js';
import type { Slabbable } from './slabbable.js';

type Make = (capacity: number, firstGeneration?: number) => Slabbable<string>;

const implementations: [string, Make][] = [
  ['ArraySlab', (capacity, first) => new ArraySlab<string>(capacity, first)],
  ['HashSlab', (capacity, first) => new HashSlab<string>(capacity, first)],
];

type Step = { kind: 'reserve' | 'commit' | 'cancel' | 'release' | 'stale'; pick: number };
const steps = fc.array(
  fc.record({
    kind: fc.constantFrom<Step['kind']>('reserve', 'commit', 'cancel', 'release', 'stale'),
    pick: fc.nat(),
  }),
  { maxLength: 400 },
);

describe.each(implementations)('%s', (_name, make) => {
  it('keeps its guarantees under churn, at every generation including the wrap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 17 }),
        fc.constantFrom(1, 0x7fff_fffe, -2),
        steps,
        (capacity, first, script) => {
          const slab = make(capacity, first);
          const reserved: number[] = [];
          const committed = new Map<number, { generation: number; value: string }>();
          const dead: { slot: number; generation: number }[] = [];
          let serial = 0;
          for (const { kind, pick } of script) {
            if (kind === 'reserve') {
              const slot = slab.reserve();
              if (reserved.length + committed.size === capacity) {
                expect(slot).toBe(-1);
                continue;
              }
              expect(slot).toBeGreaterThanOrEqual(0);
              expect(slot).toBeLessThan(capacity);
              expect(reserved.includes(slot) || committed.has(slot)).toBe(false);
              expect(slab.get(slot, slab.generation(slot))).toBeUndefined();
              reserved.push(slot);
            } else if (kind === 'commit' && reserved.length > 0) {
              const [slot] = reserved.splice(pick % reserved.length, 1) as [number];
              const value = `record ${serial++}`;
              slab.commit(slot, value);
              committed.set(slot, { generation: slab.generation(slot), value });
            } else if (kind === 'cancel' && reserved.length > 0) {
              const [slot] = reserved.splice(pick % reserved.length, 1) as [number];
              const generation = slab.generation(slot);
              slab.cancel(slot);
              dead.push({ slot, generation });
            } else if (kind === 'release' && committed.size > 0) {
              const [slot, { generation, value }] = [...committed][pick % committed.size]!;
              expect(slab.release(slot)).toBe(value);
              committed.delete(slot);
              dead.push({ slot, generation });
            }
            expect(slab.used).toBe(reserved.length + committed.size);
            for (const [slot, { generation, value }] of committed) {
              expect(slab.generation(slot)).toBe(generation);
              expect(slab.get(slot, generation)).toBe(value);
            }
            for (const { slot, generation } of dead)
              expect(slab.get(slot, generation)).toBeUndefined();
          }
        },
      ),
    );
  });

  it('reserve() answers -1 when every slot is held, and a slot again after a release', () => {
    const slab = make(3);
    const slots = [slab.reserve(), slab.reserve(), slab.reserve()];
    expect(new Set(slots).size).toBe(3);
    expect(slab.reserve()).toBe(-1);
    slab.commit(slots[1]!, 'x');
    slab.release(slots[1]!);
    expect(slab.reserve()).toBe(slots[1]);
  });

  it('get() finds nothing for a foreign key', () => {
    const slab = make(2);
    const slot = slab.reserve();
    slab.commit(slot, 'x');
    expect(slab.get(slot + 1, slab.generation(slot))).toBeUndefined();
    expect(slab.get(-1, -1)).toBeUndefined();
    expect(slab.get(1_000_000, 1)).toBeUndefined();
  });

  it('a generation is not issued twice for one slot before 2^32 others', () => {
    const slab = make(1, 0x7fff_fff0);
    const seen = new Set<number>();
    for (let round = 0; round < 1000; round++) {
      const slot = slab.reserve();
      expect(seen.has(slab.generation(slot))).toBe(false);
      seen.add(slab.generation(slot));
      slab.commit(slot, 'x');
      slab.release(slot);
    }
  });

  it('commit(), cancel() and release() refuse a slot that is not held that way', () => {
    const slab = make(2);
    expect(() => slab.commit(0, 'x')).toThrow(/state/);
    const slot = slab.reserve();
    expect(() => slab.release(slot)).toThrow(/state/);
    slab.commit(slot, 'x');
    expect(() => slab.commit(slot, 'y')).toThrow(/state/);
    expect(() => slab.cancel(slot)).toThrow(/state/);
    slab.release(slot);
    expect(() => slab.release(slot)).toThrow(/state/);
  });

  it.each([0, -1, 1.5, 2 ** 20 + 1, Number.NaN])('refuses capacity %s', (capacity) => {
    expect(() => make(capacity)).toThrow(RangeError);
  });
});

describe('HashSlab', () => {
  it('skips a generation that a long-lived record still holds when the counter wraps', () => {
    const slab = new HashSlab<string>(2, 5);
    const old = slab.reserve();
    slab.commit(old, 'old');
    const held = slab.generation(old);
    const wrapped = new HashSlab<string>(2, held);
    const first = wrapped.reserve();
    wrapped.commit(first, 'first');
    expect(wrapped.get(first, held)).toBe('first');
    for (let round = 0; round < 10; round++) {
      const slot = wrapped.reserve();
      expect(wrapped.generation(slot)).not.toBe(held);
      wrapped.cancel(slot);
    }
  });
});
