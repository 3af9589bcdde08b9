import { describe, expect, test } from 'vitest';
import { OWNER_EDGES, OwnerState, SHARED_OWNER_EDGES } from './index.js';
import { ownerMask } from './owner-edges.js';

describe.each([
  ['OWNER_EDGES', OWNER_EDGES],
  ['SHARED_OWNER_EDGES', SHARED_OWNER_EDGES],
])('%s', (_, edges) => {
  const rows = Object.entries(edges);

  test('leads into Kernel by give only', () => {
    expect(rows.filter(([, row]) => row.to === OwnerState.Kernel).map(([name]) => name)).toEqual([
      'give',
    ]);
  });

  test('leads out of Kernel by withdraw and giveBack only', () => {
    const out = rows.filter(
      ([, row]) => row.from.includes(OwnerState.Kernel) && row.to !== OwnerState.Kernel,
    );
    expect(out.map(([name]) => name)).toEqual(['withdraw', 'giveBack']);
  });

  test('leaves no state without a way to Reusable', () => {
    for (const start of Object.values(OwnerState)) {
      const seen = new Set([start]);
      for (const state of seen) {
        for (const [, row] of rows) if (row.from.includes(state)) seen.add(row.to);
      }
      expect(seen).toContain(OwnerState.Reusable);
    }
  });
});

test('ownerMask() has one bit for each state', () => {
  expect(ownerMask({ from: [OwnerState.Created, OwnerState.Reusable], to: OwnerState.Taken })).toBe(
    0b100_0001,
  );
});
