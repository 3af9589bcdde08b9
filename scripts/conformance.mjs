// Checks the pages of docs/conformance: every behaviour from 1 to 100 has a test and a line, every test that a table names exists,
// and every line of a table that names none gives its reason. Part of `npm run ok`.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** How many behaviours there are. */
export const BEHAVIOURS = 100;

const HTTP1 = 'packages/http-server/src/protocol/http1';
const TABLES = 'packages/http-server/test-support/behaviours';

/** The behaviours a test source holds: in its titles, or as the first element of an entry of a table. */
export function behavioursOf(text) {
  const found = new Set();
  for (const [, number] of text.matchAll(/['"`]behaviour (\d+)[ :]/g)) found.add(Number(number));
  for (const [, number] of text.matchAll(/\[\s*(\d{1,3}),\s*['"`]/g)) found.add(Number(number));
  return found;
}

/** The tests a cell names: behaviours by number, and titles with the file they follow. */
export function namedTests(cell) {
  const named = [];
  let file = null;
  for (const match of cell.matchAll(/`([\w./-]+)`|"([^"]+)"|behaviour (\d+)/g)) {
    if (match[1] !== undefined) {
      file = match[1];
      named.push({ file });
    } else if (match[2] !== undefined) named.push({ file, title: match[2] });
    else named.push({ behaviour: Number(match[3]) });
  }
  return named;
}

/**
 * Everything wrong with one page.
 *
 * @param {(file: string) => string | null} read the source of a test as the page calls it, null when there is none
 * @param {Set<number>} behaviours those that have a test
 */
export function checkPage(text, read, behaviours) {
  const wrong = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (!line.startsWith('|') || /^\|[-\s|]*\|$/.test(line)) continue;
    const cells = line.split(/(?<!\\)\|/).slice(1, -1);
    const cell = cells.at(-1).trim();
    if (/^(?:test|why|answer|reason|test or reason|why .*)$/.test(cell)) continue;
    const complain = (what) => wrong.push({ line: index + 1, what });
    // A reason may name whatever it wants; its behaviours are checked all the same.
    const isReason = /^(?:reason|later): ./.test(cell);
    const tests = namedTests(cell).filter(({ behaviour }) => !isReason || behaviour !== undefined);
    if (tests.length === 0 && !isReason) complain(`names no test and gives no reason: ${cell}`);
    for (const { file, title, behaviour } of tests) {
      if (behaviour !== undefined) {
        if (!behaviours.has(behaviour)) complain(`behaviour ${behaviour} has no test`);
        continue;
      }
      const source = file === null ? null : read(file);
      if (source === null) complain(`no such test file: ${file}`);
      else if (title !== undefined && !source.includes(title)) {
        complain(`${file} has no test "${title}"`);
      }
    }
  }
  return wrong;
}

/** Where the tests are that pages name: every page may name those of the repository. */
const COMMON = ['test', 'scripts'];
const SERVER = ['packages/http-server', ...COMMON];
const SUITE = [
  'packages/io-uring-bearer',
  'packages/io-uring-buffer',
  'packages/io-uring-epoll',
  'packages/io-uring-fd',
  'packages/io-uring-opcode',
  'packages/io-uring-owner',
  'native/src',
  'examples',
  'bench/bearer',
  ...COMMON,
];

/** The pages, and where their tests are. */
const PAGES = {
  'http1-behaviours.md': SERVER,
  'rfc9110.md': SERVER,
  'rfc9112.md': SERVER,
  'http-server.md': [...SERVER, 'bench/src'],
  'io-uring-suite.md': SUITE,
};

/** Reads a test as pages call it: `http1-end`, `reply-fields.test.ts`, `test/hostile.test.ts`. A name of two files is none of either. */
export function testReader(root, folders = SERVER) {
  const files = new Map();
  const walk = (folder) => {
    for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const file = path.posix.join(folder, entry.name);
      if (entry.isDirectory() && entry.name !== 'dist' && entry.name !== 'node_modules') walk(file);
      else if (/\.(?:test|contract)\.(?:ts|mjs)$/.test(entry.name)) {
        files.set(file, file);
        files.set(entry.name, files.has(entry.name) ? null : file);
        if (file.startsWith(HTTP1)) files.set(entry.name.replace(/\.test\.ts$/, ''), file);
      }
    }
  };
  for (const folder of folders) walk(folder);
  return (name) => {
    const file = files.get(name) ?? null;
    return file === null ? null : readFileSync(path.join(root, file), 'utf8');
  };
}

/** Everything wrong with the pages of a repository. */
export function checkConformance(root) {
  const wrong = [];
  const behaviours = new Set();
  const sources = readdirSync(path.join(root, HTTP1)).filter((name) =>
    /^behaviours.*\.test\.ts$/.test(name),
  );
  const tables = readdirSync(path.join(root, TABLES));
  for (const file of [
    ...sources.map((name) => `${HTTP1}/${name}`),
    ...tables.map((name) => `${TABLES}/${name}`),
  ]) {
    for (const number of behavioursOf(readFileSync(path.join(root, file), 'utf8'))) {
      behaviours.add(number);
    }
  }
  const folder = 'docs/conformance';
  const list = readFileSync(path.join(root, folder, 'http1-behaviours.md'), 'utf8');
  const lines = new Set(
    [...list.matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, numbers]) =>
      numbers.split(',').map(Number),
    ),
  );
  for (let number = 1; number <= BEHAVIOURS; number++) {
    const where = `${folder}/http1-behaviours.md`;
    if (!behaviours.has(number)) wrong.push({ where, what: `behaviour ${number} has no test` });
    if (!lines.has(number)) wrong.push({ where, what: `behaviour ${number} has no line` });
  }
  for (const [page, folders] of Object.entries(PAGES)) {
    if (!existsSync(path.join(root, folder, page))) {
      wrong.push({ where: `${folder}/${page}`, what: 'is missing' });
      continue;
    }
    const text = readFileSync(path.join(root, folder, page), 'utf8');
    for (const { line, what } of checkPage(text, testReader(root, folders), behaviours)) {
      wrong.push({ where: `${folder}/${page}:${line}`, what });
    }
  }
  return wrong;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
  const wrong = checkConformance(root);
  for (const { where, what } of wrong) console.error(`${where}: ${what}`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
