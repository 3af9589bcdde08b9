// The same on node:net: see choose-node.ts.

import { expect, test } from 'vitest';
import { runtimeHere } from './choose-node.js';
import '../counters.test.js';

test('all this was on node:net', async () => {
  expect(await runtimeHere()).toBe('node');
});
