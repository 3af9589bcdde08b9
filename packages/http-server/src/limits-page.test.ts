// The page for operators says what the limits are. It is held against the code: a number in a guide is read as a promise.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { WAIT_UNTIL_MAX } from './exchange/late-work.js';
import { DRAIN_TIMEOUT_MS, LIMIT_TYPES } from './options.js';
import { HTTP1_LIMITS, resolveHttp1Limits } from './protocol/http1/limits.js';
import { NodeRuntime } from './runtime/node/index.js';
import { BACKLOG } from './workers/shares.js';

const page = readFileSync(
  new URL('../../../docs/guides/facing-the-internet.md', import.meta.url),
  'utf8',
);
/** What the table says of each option: its default as a number, and whether Infinity lifts it. */
const told = new Map(
  [
    ...page.matchAll(
      /^\| `(\w+)`( \*)? \| (?:([\d,]+) (?:ms|bytes|lines|connections|promises)|`(Infinity)`) \|/gm,
    ),
  ].map(([, name, star, number, infinity]) => [
    name!,
    { value: Number(infinity ?? number!.replaceAll(',', '')), lifted: star !== undefined },
  ]),
);

test('every limit has its line in the guide', () => {
  const limits = Object.keys(LIMIT_TYPES).filter((name) => /^max|Ms$/.test(name));
  expect([...told.keys()].sort()).toEqual([...limits, 'backlog'].sort());
});

test('the guide has the defaults of the code', () => {
  const runtime = new NodeRuntime({ app: { name: 'none', instantiate: () => ({}) as never } });
  const defaults: Record<string, number> = {
    ...HTTP1_LIMITS,
    writeTimeoutMs: runtime.writeTimeoutMs,
    drainTimeoutMs: DRAIN_TIMEOUT_MS,
    backlog: BACKLOG,
    maxWaitUntil: WAIT_UNTIL_MAX,
  };
  for (const [name, value] of Object.entries(defaults)) {
    expect([name, told.get(name)?.value]).toEqual([name, value]);
  }
});

test('the guide says of which limits Infinity is none', () => {
  for (const name of Object.keys(HTTP1_LIMITS)) {
    const resolve = () => resolveHttp1Limits({ [name]: Number.POSITIVE_INFINITY });
    if (told.get(name)?.lifted) expect(resolve).not.toThrow();
    else expect(resolve).toThrow(RangeError);
  }
});
