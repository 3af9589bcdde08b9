import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { OPCODES } from './abi.generated.js';
import * as everything from './index.js';
import { OpCode } from './opcode.js';

const page = readFileSync(new URL('../../../docs/opcodes.md', import.meta.url), 'utf8');
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const classes = Object.entries(everything)
  .filter(([, value]) => typeof value === 'function' && value.prototype instanceof OpCode)
  .map(([name]) => name);

test('docs/opcodes.md is what generate-opcode-table.mjs makes of sources and tests', () => {
  const script = new URL('../../../scripts/generate-opcode-table.mjs', import.meta.url).pathname;
  const out = execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect(out).toContain('up to date');
});

test('every opcode has a row, and every class that is exported', () => {
  const rows = page.split('\n').filter((line) => /^\| \d/.test(line));
  const numbers = new Set(rows.map((row) => Number(/^\| (\d+)/.exec(row)![1])));
  expect([...numbers]).toEqual(OPCODES.map(({ code }) => code));
  const named = rows.map((row) => /\| \[(\w+)\]/.exec(row)![1]!);
  expect([...named].sort()).toEqual([...classes].sort());
});

test('the README names every class', () => {
  expect(classes.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
});
