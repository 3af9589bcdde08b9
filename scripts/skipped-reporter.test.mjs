import { expect, test } from 'vitest';
import { formatSkipped } from './skipped-reporter.mjs';

test('formatSkipped() groups by reason and says when there is none', () => {
  const text = formatSkipped([
    { name: 'a', reason: 'wrk is not installed' },
    { name: 'b', reason: undefined },
    { name: 'c', reason: 'wrk is not installed' },
  ]);
  expect(text.split('\n')).toEqual([
    'Skipped 3 tests:',
    '  wrk is not installed',
    '    - a',
    '    - c',
    "  no reason given: use context.skip('reason')",
    '    - b',
  ]);
});
