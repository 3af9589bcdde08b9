// The build, with a stamp in front of it: turbo needs a second to find out that nothing changed, this needs milliseconds.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { step } from './progress.mjs';

const STAMP = 'node_modules/.cache/ringbearer/build.sha256';

/** Folders that hold results, not sources. */
const RESULTS = new Set(['node_modules', 'dist', 'build', '.turbo', '.cache', 'coverage']);

/** System files the addon is compiled against: another liburing means another addon. */
const TOOLCHAIN = [
  '/usr/include/liburing.h',
  '/usr/local/include/liburing.h',
  '/usr/include/liburing/io_uring.h',
  '/usr/include/liburing/io_uring_version.h',
];

function* walk(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!RESULTS.has(entry.name)) yield* walk(file);
    } else if (
      entry.isFile() &&
      !/\.test\.m?[jt]s$/.test(entry.name) &&
      !entry.name.endsWith('.md')
    ) {
      yield file;
    }
  }
}

function identity(file) {
  const status = statSync(file, { throwIfNoEntry: false });
  return status === undefined ? `${file} absent` : `${file} ${status.size} ${status.mtimeMs}`;
}

/** The workspace folders that are built: those with a build script. */
export function builtPackages(root) {
  const packages = path.join(root, 'packages');
  const folders = existsSync(packages)
    ? readdirSync(packages).map((name) => path.join(packages, name))
    : [];
  return [path.join(root, 'native'), ...folders].filter((folder) => {
    const manifest = path.join(folder, 'package.json');
    return (
      existsSync(manifest) &&
      JSON.parse(readFileSync(manifest, 'utf8')).scripts?.build !== undefined
    );
  });
}

/** What the addon is compiled against, as one word for turbo's cache key. */
export function toolchainKey() {
  const files = [...TOOLCHAIN];
  for (const folder of ['/usr/lib', '/usr/local/lib', ...multiarchFolders()]) {
    files.push(path.join(folder, 'liburing.a'), path.join(folder, 'liburing.so'));
  }
  const present = files.filter((file) => existsSync(file)).map(identity);
  return createHash('sha256').update(present.join('\n')).digest('hex').slice(0, 16);
}

function multiarchFolders() {
  return readdirSync('/usr/lib', { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.endsWith('-linux-gnu'))
    .map((entry) => path.join('/usr/lib', entry.name));
}

/** A digest that changes when any source of the build, or what it is compiled against, changes. */
export function buildFingerprint(root) {
  const hash = createHash('sha256');
  const files = ['package-lock.json', 'turbo.json', 'tsconfig.base.json'].map((name) =>
    path.join(root, name),
  );
  for (const folder of builtPackages(root)) files.push(...walk(folder));
  for (const file of files.sort()) hash.update(`${identity(file)}\n`);
  return hash.update(toolchainKey()).digest('hex');
}

/** The files a finished build leaves behind: every export of every package, and the addons. */
export function missingOutputs(root) {
  const missing = [];
  for (const folder of builtPackages(root)) {
    const { exports } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    for (const target of Object.values(exports ?? {})) {
      const file = typeof target === 'string' ? target : target.default;
      if (file?.startsWith('./dist/') && !existsSync(path.join(folder, file))) {
        missing.push(path.join(folder, file));
      }
    }
  }
  const release = path.join(root, 'native/build/Release');
  const addons = existsSync(release)
    ? readdirSync(release).filter((name) => name.endsWith('.node'))
    : [];
  if (addons.length === 0) missing.push(path.join(release, '*.node'));
  return missing;
}

/** Builds when something changed. Returns whether it did. */
export async function ensureBuild(root) {
  const stamp = path.join(root, STAMP);
  const before = buildFingerprint(root);
  const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === before;
  if (fresh && missingOutputs(root).length === 0) return false;
  const turbo = path.join(root, 'node_modules/.bin/turbo');
  await step(
    'Building',
    turbo,
    ['run', 'build', '--output-logs=errors-only', '--log-order=grouped'],
    {
      cwd: root,
      env: { RINGBEARER_TOOLCHAIN: toolchainKey() },
    },
  );
  mkdirSync(path.dirname(stamp), { recursive: true });
  // The fingerprint taken before: a source saved while the build ran makes the next one run again.
  writeFileSync(stamp, before);
  return true;
}
