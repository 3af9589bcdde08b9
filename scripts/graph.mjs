// npm run graph: fails when a source or a package.json departs from the package graph of docs/ARCHITECTURE.md.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkPackage, describeGraph } from './graph/check.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

function readSources(folder) {
  const files = new Map();
  const walk = (relative) => {
    for (const entry of readdirSync(path.join(folder, relative), { withFileTypes: true })) {
      const file = path.posix.join(relative, entry.name);
      if (entry.isDirectory()) walk(file);
      else if (/\.m?ts$/.test(entry.name))
        files.set(file, readFileSync(path.join(folder, file), 'utf8'));
    }
  };
  if (existsSync(path.join(folder, 'src'))) walk('src');
  return files;
}

/** Every package of the repository with its sources. */
export function readPackages(root) {
  const names = readdirSync(path.join(root, 'packages')).sort();
  return ['native', ...names.map((name) => `packages/${name}`)]
    .filter((folder) => existsSync(path.join(root, folder, 'package.json')))
    .map((folder) => ({
      folder,
      manifest: JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8')),
      files: readSources(path.join(root, folder)),
    }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const packages = readPackages(ROOT);
  const violations = packages.flatMap(checkPackage);
  for (const { where, rule, detail } of violations)
    console.error(`${where}: ${detail}\n  rule: ${rule}`);
  if (violations.length > 0) {
    console.error(
      `\n${violations.length} violation(s) of the package graph; the rules are in scripts/graph/rules.mjs`,
    );
    process.exit(1);
  }
  for (const line of describeGraph(packages)) console.log(line);
}
