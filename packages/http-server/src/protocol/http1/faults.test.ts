import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as faults from './faults.js';

const constants = Object.entries(faults).filter(([, value]) => typeof value === 'number') as [
  string,
  number,
][];

test('faultReport() has the code of every constant, and the guide lists it', () => {
  const guide = readFileSync(
    new URL('../../../../../docs/guides/observation.md', import.meta.url),
    'utf8',
  );
  expect(constants.length).toBeGreaterThan(30);
  for (const [name, fault] of constants) {
    const { code, status, message, limit } = faults.faultReport(fault);
    expect(`FAULT_${code}`).toBe(name);
    expect([status, message]).toEqual([faults.faultStatus(fault), faults.faultText(fault)]);
    const what = limit === null ? message : `${message} (\`${limit}\`)`;
    expect(guide).toContain(`| \`${code}\` | ${status} | ${what} |`);
  }
});
