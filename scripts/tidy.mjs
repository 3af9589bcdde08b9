// The rules of the house that a formatter and a linter cannot know. Part of `npm run ok`.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { lineAt, readSource } from './source-text.mjs';

/** A file longer than this holds more than one noun. Generated files are exempt. */
export const FILE_LINES_MAX = 500;

const SOURCE = /\.(ts|mjs|cjs|js|c|cpp|hpp|h)$/;
const TEST = /\.test\.(ts|mjs)$/;
const GENERATED = /\.generated\.|(^|\/)package-lock\.json$/;
const UNFINISHED = /\b(TODO|FIXME|XXX|HACK)\b/g;
const ONLY = /\b(?:test|it|describe|bench)(?:\.\w+)*\.only\b/g;
const ASSERTS = /\b(?:expect|assert)\b/;

/** Home folders of people. Those of this very machine are added by {@link machinePaths}. */
const HOMES = /(?<![\w.])\/(?:home|Users)\/[a-z][\w.-]*\//g;

/**
 * Everything wrong with one file.
 *
 * @param {string} file path from the root
 * @param {string[]} secretPaths paths that belong to this machine only
 * @returns {{ line: number, rule: string }[]}
 */
export function tidy(file, text, secretPaths = []) {
  const found = [];
  const all = (source, pattern, rule) => {
    for (const match of source.matchAll(pattern))
      found.push({ line: lineAt(text, match.index), rule });
  };
  for (const secret of secretPaths) {
    for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1)) {
      found.push({ line: lineAt(text, at), rule: 'a file names no path of a machine' });
    }
  }
  all(text, HOMES, 'a file names no path of a machine');
  if (!SOURCE.test(file)) return found;
  const lines = text.split('\n').length - 1;
  if (lines > FILE_LINES_MAX && !GENERATED.test(file)) {
    found.push({
      line: lines,
      rule: `a file has at most ${FILE_LINES_MAX} lines: this has ${lines}`,
    });
  }
  const { code, comments } = readSource(text);
  all(comments, UNFINISHED, 'what is left to do is an issue, not a comment');
  if (TEST.test(file)) {
    all(code, ONLY, 'a test that runs alone hides all others');
    if (!ASSERTS.test(code)) found.push({ line: 1, rule: 'a test file expects something' });
  }
  return found;
}

/**
 * The files a Markdown page links to, as they are written: no URLs, no anchors, nothing inside code.
 *
 * @returns {{ line: number, target: string }[]}
 */
export function pageLinks(text) {
  const blank = (code) => code.replace(/[^\n]/g, ' ');
  const prose = text.replace(/^```[\s\S]*?^```/gm, blank).replace(/`[^`\n]*`/g, blank);
  return [...prose.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
    .filter(([, target]) => !/^[a-z]+:/i.test(target))
    .map((match) => ({ line: lineAt(text, match.index), target: match[1] }));
}

/** Paths that say whose machine this is. Short ones (`/`, `/root`, `/app`) are words of their own and not looked for. */
export function machinePaths(root) {
  return [root, os.homedir()].filter((folder) => folder.split('/').length > 2 && folder.length > 8);
}

function* walk(root, folder = '') {
  for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
    if (
      ['node_modules', 'dist', 'build', '.git', '.turbo', 'coverage', 'reference'].includes(
        entry.name,
      )
    )
      continue;
    const file = path.posix.join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(root, file);
    else if (entry.isFile()) yield file;
  }
}

/** The files git has or would take; every file where there is no git. */
export function listFiles(root) {
  try {
    const output = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 64 * 1024 * 1024,
    });
    return output.split('\0').filter((file) => file !== '' && existsSync(path.join(root, file)));
  } catch {
    return [...walk(root)];
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
  const secrets = machinePaths(root);
  let count = 0;
  for (const file of listFiles(root)) {
    if (!statSync(path.join(root, file)).isFile()) continue;
    const text = readFileSync(path.join(root, file), 'utf8');
    if (text.includes('\0')) continue;
    const found = tidy(file, text, secrets);
    if (file.endsWith('.md')) {
      for (const { line, target } of pageLinks(text)) {
        if (existsSync(path.join(root, path.dirname(file), target))) continue;
        found.push({ line, rule: `a link leads to a file that exists: ${target}` });
      }
    }
    for (const { line, rule } of found) {
      console.error(`${file}:${line}: ${rule}`);
      count++;
    }
  }
  if (count > 0) {
    console.error(`\n${count} untidy place(s); the rules are in scripts/tidy.mjs`);
    process.exit(1);
  }
}
