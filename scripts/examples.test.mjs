import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  examplesOfPage,
  examplesOfSource,
  printedPort,
  runExample,
  withFreePort,
} from './examples.mjs';

const FENCE = '```';

describe('examplesOfSource()', () => {
  test('takes the code after @example, without the stars', () => {
    const text = `const first = 1;
/**
 * Adds.
 *
 * ${FENCE}ts
 * notAnExample();
 * ${FENCE}
 *
 * @example Titled
 * ${FENCE}ts
 * import { add } from 'x';
 *
 *   add(1, 2);
 * ${FENCE}
 * @example
 * ${FENCE}ts no-run
 * dangerous();
 * ${FENCE}
 * @returns the sum
 */
export function add() {}
`;
    expect(examplesOfSource('a.ts', text)).toEqual([
      { name: 'a.ts:10', code: "import { add } from 'x';\n\n  add(1, 2);\n", runs: true },
      { name: 'a.ts:16', code: 'dangerous();\n', runs: false },
    ]);
  });

  test('finds none in ordinary comments and strings', () => {
    const text = `// @example\nconst s = '/** @example */';`;
    expect(examplesOfSource('a.ts', text)).toEqual([]);
  });
});

test('examplesOfPage() takes blocks of code, not of shell', () => {
  const text = `# A\n\n${FENCE}sh\nnpm start\n${FENCE}\n\n${FENCE}ts\nrun();\n${FENCE}\n`;
  expect(examplesOfPage('README.md', text)).toEqual([
    { name: 'README.md:7', code: 'run();\n', runs: true },
  ]);
});

test('withFreePort() replaces a port that is named once', () => {
  expect(withFreePort('serve({ port: 3000 })')).toBe('serve({ port: 0 })');
  const used = "serve({ port: 3000 }); fetch('http://localhost:3000')";
  expect(withFreePort(used)).toBe(used);
});

test('printedPort() reads addresses and URLs', () => {
  expect(printedPort("{ address: '0.0.0.0', port: 4123, family: 'IPv4' }")).toBe(4123);
  expect(printedPort('listening on http://localhost:8080/ now')).toBe(8080);
  expect(printedPort('hello')).toBe(null);
});

describe('runExample()', () => {
  let folder;
  const program = (code) => {
    const file = path.join(folder, `${Math.random().toString(36).slice(2)}.mjs`);
    writeFileSync(file, code);
    return file;
  };
  beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'ringbearer-example-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('wants an end without error and some words', async () => {
    expect(await runExample(program('console.log(1)'))).toMatchObject({ ok: true, how: 'ran' });
    expect(await runExample(program(''))).toMatchObject({ ok: false, how: 'printed nothing' });
    const failing = program('console.log(1); process.exit(3)');
    expect(await runExample(failing)).toMatchObject({ ok: false, how: 'exited 3' });
  });

  test('asks a server and stops it', async () => {
    const server = program(`import http from 'node:http';
      const server = http.createServer((q, s) => s.end('x')).listen(0, () => console.log(server.address()));`);
    expect(await runExample(server)).toMatchObject({ ok: true, how: 'answered 200' });
  });

  test('ends a program that is stuck', async () => {
    const stuck = program('console.log(1); setInterval(() => {}, 1000)');
    const result = await runExample(stuck, { msMax: 1500 });
    expect(result).toMatchObject({ ok: false, how: 'did not end within 1500 ms' });
  });
});
