import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as op from '../index.js';

test('every operation of the package is a specimen', () => {
  const classes = Object.entries(op)
    .filter(([, value]) => typeof value === 'function' && value.prototype instanceof op.OpCode)
    .map(([name]) => name);
  const tests = readdirSync(new URL('.', import.meta.url))
    .filter((file) => file.startsWith('built-in-'))
    .map((file) => readFileSync(new URL(file, import.meta.url), 'utf8'))
    .join('\n');
  expect(classes.length).toBeGreaterThan(60);
  expect(classes.filter((name) => !tests.includes(`new op.${name}(`))).toEqual([]);
});
