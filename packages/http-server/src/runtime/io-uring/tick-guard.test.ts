import { expect, test } from 'vitest';
import { TickGuard } from './tick-guard.js';

test('TickGuard lets one late tick pass, and never two in a row', () => {
  const guard = new TickGuard(250);
  const ticks: [number, boolean][] = [];
  let now = 1000;
  for (const later of [250, 350, 351, 10_000, 10_000, 250, 10_000]) {
    guard.set(now);
    now += later;
    ticks.push([later, guard.passes(now)]);
  }
  expect(ticks).toEqual([
    [250, false],
    [350, false],
    [351, true],
    [10_000, false],
    [10_000, true],
    [250, false],
    [10_000, true],
  ]);
});
