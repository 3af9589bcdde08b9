import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = [
  'native',
  ...readdirSync(path.join(ROOT, 'packages')).map((name) => `packages/${name}`),
];

const { status, stdout, stderr } = spawnSync(
  'npm',
  ['pack', '--dry-run', '--json', ...FOLDERS.map((folder) => `--workspace=${folder}`)],
  { cwd: ROOT, encoding: 'utf8' },
);
// A list before npm 12, an object by name from then on.
const packed = status === 0 ? Object.values(JSON.parse(stdout)) : [];

/** The files a package.json says there are: entry points, their types, programs. */
function promised({ exports = {}, bin = {}, types }) {
  const files = [];
  const walk = (value) => {
    if (typeof value === 'string') files.push(value);
    else for (const inner of Object.values(value ?? {})) walk(inner);
  };
  walk(exports);
  walk(bin);
  walk(types);
  return files.map((file) => path.posix.normalize(file));
}

test('npm packs every package', () => {
  expect(status, stderr).toBe(0);
  expect(packed.length).toBe(FOLDERS.length);
});

describe.each(FOLDERS)('%s', (folder) => {
  const manifest = JSON.parse(readFileSync(path.join(ROOT, folder, 'package.json'), 'utf8'));
  const files = new Set(
    packed.find(({ name }) => name === manifest.name)?.files.map((file) => file.path),
  );

  test('has what its package.json names, its page and the licence', () => {
    // A link out of the package would not be packed, so that each has a copy.
    const needed = [...promised(manifest), 'README.md', 'LICENSE'];
    expect(needed.filter((file) => !files.has(file))).toEqual([]);
    expect(manifest.license).toBe('MIT');
    expect(readFileSync(path.join(ROOT, folder, 'LICENSE'), 'utf8')).toBe(
      readFileSync(path.join(ROOT, 'LICENSE'), 'utf8'),
    );
  });

  test('has no tests, no maps to sources that are not there, no state of the build, no settings of its author', () => {
    const inside = [...files].filter((file) =>
      /\.(?:test|contract|bench)\.|\.map$|test-support|tsbuildinfo|tsconfig|(?:^|\/)\./.test(file),
    );
    expect(inside).toEqual([]);
  });
});
