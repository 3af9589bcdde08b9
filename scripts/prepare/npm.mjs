// npm dependencies: `npm ci` when node_modules does not hold what package-lock.json says, otherwise nothing.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { step } from './progress.mjs';

const STAMP = 'node_modules/.cache/ringbearer/lock.sha256';

function readText(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : null;
}

/**
 * True when everything the lock file asks for is what npm recorded as installed. Packages marked optional may be absent:
 * they are for other platforms.
 *
 * @param {string} wanted text of package-lock.json
 * @param {string | null} installed text of node_modules/.package-lock.json, which npm writes
 */
export function lockSatisfied(wanted, installed) {
  if (installed === null) return false;
  const have = JSON.parse(installed).packages ?? {};
  return Object.entries(JSON.parse(wanted).packages ?? {}).every(([where, entry]) => {
    if (!where.startsWith('node_modules/') && !where.includes('/node_modules/')) return true;
    const found = have[where];
    if (found === undefined) return entry.optional === true || entry.peer === true;
    return entry.link === true ? found.link === true : found.version === entry.version;
  });
}

/** Installs when needed. Returns whether it did. */
export async function ensureDependencies(root) {
  const lock = readFileSync(path.join(root, 'package-lock.json'), 'utf8');
  const hash = createHash('sha256').update(lock).digest('hex');
  const stamp = path.join(root, STAMP);
  const hidden = path.join(root, 'node_modules/.package-lock.json');
  if (existsSync(hidden) && readText(stamp) === hash) return false;
  const satisfied = lockSatisfied(lock, readText(hidden));
  if (!satisfied) {
    await step('Installing npm dependencies', 'npm', ['ci', '--no-audit', '--no-fund'], {
      cwd: root,
      advice: 'If a package.json changed, "npm run lock" brings package-lock.json up to date.',
    });
  }
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
  return !satisfied;
}
