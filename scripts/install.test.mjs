import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const NATIVE = fileURLToPath(new URL('../native', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'install-'));
afterAll(() => rmSync(folder, { recursive: true }));

const install = (cwd, env = process.env) =>
  spawnSync(process.execPath, [path.join(cwd, 'install.mjs')], { cwd, env, encoding: 'utf8' });

test('what is published builds: every source that CMakeLists.txt names, and its constants', () => {
  const { status, stdout, stderr } = spawnSync('npm', ['pack', '--dry-run', '--json'], {
    cwd: NATIVE,
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  // A list before npm 12, an object by name from then on.
  const [packed] = Object.values(JSON.parse(stdout));
  const published = new Set(packed.files.map((file) => file.path));
  const cmake = readFileSync(path.join(NATIVE, 'CMakeLists.txt'), 'utf8');
  const sources = /add_library\(ring SHARED([^)]*)\)/.exec(cmake)[1].trim().split(/\s+/);
  expect(sources.length).toBeGreaterThan(5);
  const headers = sources.flatMap((source) =>
    [...readFileSync(path.join(NATIVE, source), 'utf8').matchAll(/#include "([\w.-]+\.hpp)"/g)]
      .map(([, name]) => `src/ring/${name}`)
      .filter((name) => name !== 'src/ring/abi-asserts.hpp'),
  );
  const needed = ['CMakeLists.txt', 'abi.json', 'install.mjs', ...sources, ...headers];
  expect(needed.filter((file) => !published.has(file))).toEqual([]);
  expect([...published].filter((file) => /\.test\.|tsbuildinfo|tsconfig/.test(file))).toEqual([]);
});

test('in the repository nothing is built: the system’s packages may not be there yet', () => {
  const { status, stdout, stderr } = install(NATIVE, { PATH: '' });
  expect([status, stdout, stderr]).toEqual([0, '', '']);
});

test('where it cannot be built it says what is missing, and how to go on', () => {
  copyFileSync(path.join(NATIVE, 'install.mjs'), path.join(folder, 'install.mjs'));
  const { status, stderr } = install(folder, { PATH: '' });
  expect(status).toBe(1);
  expect(stderr).toContain('without cmake, make, c++: apt-get install cmake make g++ liburing-dev');
  expect(stderr).toContain('npm rebuild @ringbearer/native');
});

test('a build that fails is told with its last lines', () => {
  // Without the sources: what CMake says of that is the reason.
  symlinkSync(path.join(NATIVE, '../node_modules'), path.join(folder, 'node_modules'));
  copyFileSync(path.join(NATIVE, 'CMakeLists.txt'), path.join(folder, 'CMakeLists.txt'));
  copyFileSync(path.join(NATIVE, 'package.json'), path.join(folder, 'package.json'));
  const { status, stderr } = install(folder);
  expect(status).toBe(1);
  expect(stderr).toContain('src/ring/abi.cpp');
});
