import { describe, expect, test } from 'vitest';
import { FILE_LINES_MAX, listFiles, machinePaths, pageLinks, tidy } from './tidy.mjs';

const rules = (...args) => tidy(...args).map(({ line, rule }) => `${line}: ${rule}`);

describe('tidy()', () => {
  test('has nothing to say about a tidy file', () => {
    expect(rules('src/a.ts', 'export const a = 1;\n')).toEqual([]);
  });

  test('finds unfinished work in comments only', () => {
    const word = 'TO' + 'DO';
    expect(rules('src/a.ts', `const ${word} = '${word}';\n// ${word}: later\n`)).toEqual([
      '2: what is left to do is an issue, not a comment',
    ]);
  });

  test('finds a test that runs alone', () => {
    expect(rules('a.test.ts', `test.concurrent.only('x', () => expect(1));`)).toHaveLength(1);
    expect(rules('a.test.ts', `// test.only\nexpect(only);`)).toEqual([]);
  });

  test('finds a test file without expectations', () => {
    expect(rules('a.test.mjs', `test('x', () => {});`)).toEqual([
      '1: a test file expects something',
    ]);
  });

  test('finds a long file, unless it is generated', () => {
    const long = 'x;\n'.repeat(FILE_LINES_MAX + 1);
    expect(rules('src/a.cpp', long)).toHaveLength(1);
    expect(rules('src/abi.generated.ts', long)).toEqual([]);
  });

  test('finds paths of people and of this machine in any file', () => {
    const home = ['', 'home', 'ada', 'src'].join('/');
    expect(rules('docs/a.md', `see ${home}`)).toHaveLength(1);
    expect(rules('docs/a.md', 'built in /srv/builds/x', ['/srv/builds/x'])).toHaveLength(1);
    expect(rules('docs/a.md', 'GET /users/42/posts')).toEqual([]);
  });
});

test('pageLinks() finds links to files, not to the web and not in code', () => {
  const text =
    'See [a](docs/a.md#part),\n[web](https://example.org) and [top](#top), not `[x](y)`.\n';
  expect(pageLinks(text)).toEqual([{ line: 1, target: 'docs/a.md' }]);
});

test('machinePaths() leaves out paths that are words', () => {
  expect(machinePaths('/app')).not.toContain('/app');
  expect(machinePaths('/srv/builds/ringbearer')).toContain('/srv/builds/ringbearer');
});

test('listFiles() lists this repository without what it ignores', () => {
  const files = listFiles(new URL('..', import.meta.url).pathname);
  expect(files).toContain('scripts/tidy.mjs');
  expect(files.some((file) => file.startsWith('node_modules/'))).toBe(false);
});
