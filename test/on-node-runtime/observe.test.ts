// The same on node:net: see choose-node.ts.

import { expect, test } from 'vitest';
import { runtimeHere } from './choose-node.js';
import '../../packages/http-server/src/observe/access-log.test.js';
import '../../packages/http-server/src/observe/channels.test.js';
import '../../packages/http-server/src/observe/metrics.test.js';
import '../../packages/http-server/src/observe/node-channels.test.js';

test('all this was on node:net', async () => {
  expect(await runtimeHere()).toBe('node');
});
