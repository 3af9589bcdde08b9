// npm run lock: after a dependency changed. Brings package-lock.json up to date, then adds what `npm ci` insists on and a
// registry without every platform's binaries cannot tell npm: an entry for each optional package of other platforms.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { QUIET_ENV } from './prepare/progress.mjs';

const SYSTEMS = {
  android: 'android',
  darwin: 'darwin',
  win32: 'win32',
  windows: 'win32',
  linux: 'linux',
  freebsd: 'freebsd',
};
const PROCESSORS = { x64: 'x64', 64: 'x64', arm64: 'arm64', arm: 'arm', ia32: 'ia32' };

/** The platform a binary package is for, read from its name: `@biomejs/cli-linux-arm64-musl`. Null when the name does not say. */
export function platformOf(name) {
  const words = name.split('/').at(-1).split('-');
  const os = words.map((word) => SYSTEMS[word]).find((found) => found !== undefined);
  const cpu = words.map((word) => PROCESSORS[word]).find((found) => found !== undefined);
  if (os === undefined || cpu === undefined) return null;
  const libc = words.includes('musl') ? { libc: ['musl'] } : {};
  return { os: [os], cpu: [cpu], ...libc };
}

/** The optional packages that the lock names but does not hold, as `[where, entry]`. */
export function absentOptionals(lock) {
  const absent = [];
  for (const [where, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const held = [`${where}/node_modules/${name}`, `node_modules/${name}`];
      if (held.some((place) => lock.packages[place] !== undefined)) continue;
      const platform = platformOf(name);
      if (platform === null || !/^\d/.test(version)) continue;
      const dev = entry.dev === true ? { dev: true } : {};
      absent.push([`node_modules/${name}`, { version, ...platform, ...dev, optional: true }]);
    }
  }
  return absent;
}

/** The lock with those entries, in npm's order. */
export function completeLock(lock) {
  const entries = [...Object.entries(lock.packages), ...absentOptionals(lock)];
  const packages = Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b, 'en')));
  return { ...lock, packages };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
  const file = path.join(root, 'package-lock.json');
  const { status } = spawnSync(
    'npm',
    ['install', '--package-lock-only', '--no-audit', '--no-fund'],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...QUIET_ENV },
    },
  );
  if (status !== 0) process.exit(status ?? 1);
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const added = absentOptionals(lock);
  writeFileSync(file, `${JSON.stringify(completeLock(lock), null, 2)}\n`);
  for (const [where] of added) console.log(`added ${where}`);
}
