import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SlabMemory } from './slab-memory.js';

it('keeps what it was given, whatever comes later', () => {
  const piece = fc.tuple(fc.integer({ min: 1, max: 3000 }), fc.nat(255));
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 20, arbitrary: piece }, fc.constant([20_000, 7] as const)), {
        minLength: 1,
        maxLength: 60,
      }),
      (pieces) => {
        const memory = new SlabMemory();
        const kept = pieces.map(([length, value]) => {
          const bytes = new Uint8Array(length + 10).fill(value);
          const at = memory.keep(bytes, 5, 5 + length);
          bytes.fill(0);
          return { slab: memory.slab, at, length, value };
        });
        for (const { slab, at, length, value } of kept) {
          expect(slab.subarray(at, at + length).every((byte) => byte === value)).toBe(true);
          expect(at + length).toBeLessThanOrEqual(slab.length);
        }
      },
    ),
  );
});

it('shares its slabs: forty small heads take one', () => {
  const memory = new SlabMemory();
  const slabs = new Set<Uint8Array>();
  for (let i = 0; i < 40; i++) {
    memory.keep(new Uint8Array(200), 0, 200);
    slabs.add(memory.slab);
  }
  expect(slabs.size).toBe(1);
});
