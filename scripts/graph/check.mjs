// Holds sources to the rules. Pure: takes the packages as values, returns the violations as values.

import { builtinModules } from 'node:module';
import path from 'node:path';
import { lineAt, readImports, readSource } from '../source-text.mjs';
import {
  FORBIDDEN_FOLDERS,
  HTTP_FREE,
  LAYERS,
  PACKAGES,
  SANS_IO,
  SANS_IO_BUILTINS,
  SCOPE,
  TEST_FILE,
} from './rules.mjs';

const BUILTINS = new Set(builtinModules);

/**
 * @typedef {{ folder: string, manifest: object, files: Map<string, string> }} Package a package's folder from the root, its
 *   package.json, and its sources by path within the package
 * @typedef {{ where: string, rule: string, detail: string }} Violation
 */

/** `@ringbearer/native/ring` -> `native/ring`; null for what is not ours. */
function ownName(specifier) {
  return specifier.startsWith(SCOPE) ? specifier.slice(SCOPE.length) : null;
}

function packageOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function resolveRelative(file, specifier) {
  return path.posix
    .normalize(path.posix.join(path.posix.dirname(file), specifier))
    .replace(/\.js$/, '.ts');
}

/** Every violation in one package. */
export function checkPackage({ folder, manifest, files }) {
  const rules = PACKAGES[folder];
  if (rules === undefined) {
    return [
      {
        where: `${folder}/package.json`,
        rule: 'a new package is added to scripts/graph/rules.mjs with what it may import',
        detail: folder,
      },
    ];
  }
  const violations = checkManifest(folder, manifest, rules);
  const edges = new Map();
  for (const [file, text] of files) {
    const isTest = TEST_FILE.test(file);
    const report = (line, rule, detail) =>
      violations.push({ where: `${folder}/${file}:${line}`, rule, detail });
    checkFolders(file, report);
    if (!isTest && HTTP_FREE.test(folder)) checkHttpFree(text, report);
    const targets = [];
    for (const found of readImports(text)) {
      const target = checkImport({ folder, manifest, rules, file, isTest, report }, found);
      if (target !== null && !found.typeOnly && files.has(target)) targets.push(target);
    }
    if (!isTest) edges.set(file, targets);
  }
  for (const cycle of findCycles(edges)) {
    violations.push({
      where: `${folder}/${cycle[0]}:1`,
      rule: 'the files of a package import each other in one direction only',
      detail: cycle.join(' -> '),
    });
  }
  return violations;
}

function checkManifest(folder, manifest, rules) {
  const allowed = new Set([
    ...rules.mayImport.map((name) => name.split('/')[0]),
    ...(rules.alsoMayImport ?? []).flatMap(({ names }) => names.map((name) => name.split('/')[0])),
  ]);
  const declared = {
    ...manifest.dependencies,
    ...manifest.peerDependencies,
    ...manifest.optionalDependencies,
  };
  return Object.keys(declared)
    .map(ownName)
    .filter((name) => name !== null && !allowed.has(name))
    .map((name) => ({
      where: `${folder}/package.json`,
      rule: `${folder} may depend on ${list(allowed)}`,
      detail: `${SCOPE}${name}`,
    }));
}

function checkFolders(file, report) {
  const bad = file
    .split('/')
    .slice(0, -1)
    .find((name) => FORBIDDEN_FOLDERS.has(name));
  if (bad !== undefined) report(1, 'a folder is named after what is in it', bad);
}

function checkHttpFree(text, report) {
  const { code, comments, strings } = readSource(text);
  const complain = (offset, detail) =>
    report(lineAt(text, offset), 'the io-uring packages never mention HTTP', detail);
  for (const match of code.matchAll(/[\w$]*http[\w$]*/gi)) complain(match.index, match[0]);
  for (const [offset, value] of strings) {
    if (/http/i.test(withoutUrls(value))) complain(offset, value);
  }
  for (const match of withoutUrls(comments).matchAll(/\bhttp\w*/gi))
    complain(match.index, match[0]);
}

/** Blanks URLs, keeping every offset. */
function withoutUrls(text) {
  return text.replace(/\bhttps?:\/\/\S+/g, (url) => ' '.repeat(url.length));
}

/** Checks one import. Returns the file within the package it leads to, or null. */
function checkImport({ folder, manifest, rules, file, isTest, report }, { specifier, line }) {
  const sansIo = !isTest && SANS_IO.test(file) && folder === 'packages/http-server';
  if (specifier.startsWith('.')) {
    const target = resolveRelative(file, specifier);
    if (target.startsWith('../')) {
      report(line, 'another package is imported by its name, never by a path', specifier);
      return null;
    }
    if (!isTest && folder === 'packages/http-server') checkLayer(file, specifier, line, report);
    return target;
  }
  const own = ownName(specifier);
  if (own !== null) checkOwnImport({ folder, manifest, rules, file, report }, own, line);
  else if (BUILTINS.has(specifier.replace(/^node:/, '').split('/')[0])) {
    if (sansIo && !SANS_IO_BUILTINS.has(specifier)) {
      report(line, 'protocol, sans-io and exchange import no builtin but node:assert', specifier);
    }
  } else if (!isTest && manifest.dependencies?.[packageOf(specifier)] === undefined) {
    report(line, "what a source imports is in its package.json's dependencies", specifier);
  }
  return null;
}

/** `src/exchange/...` -> `exchange`; undefined for what stands in `src` itself. */
function layerOf(file) {
  return /^src\/([^/]+)\//.exec(file)?.[1];
}

function checkLayer(file, specifier, line, report) {
  const target = resolveRelative(file, specifier);
  const from = layerOf(file);
  const to = layerOf(target);
  const below = LAYERS[from];
  if (below === undefined || to === from || below.includes(to)) return;
  const allowed = below.length === 0 ? 'no other folder' : `only ${below.join(', ')}`;
  report(line, `src/${from} may import ${allowed}`, specifier);
}

function checkOwnImport({ folder, manifest, rules, file, report }, own, line) {
  const self = manifest.name?.slice(SCOPE.length);
  if (own === self) {
    report(line, 'a package imports its own files by relative path', SCOPE + own);
    return;
  }
  const here = [
    ...rules.mayImport,
    ...(rules.alsoMayImport ?? []).flatMap((extra) => (extra.file.test(file) ? extra.names : [])),
  ];
  // `io-uring-opcode/testing` is a published part of io-uring-opcode; `native` is only ever imported by part.
  const allowed = here.some((name) => own === name || own.startsWith(`${name}/`));
  if (!allowed) {
    report(line, `${folder}/${file} may import ${list(here)}`, SCOPE + own);
    return;
  }
  if (/\/(src|dist)(\/|$)/.test(own)) {
    report(
      line,
      'a package is imported through what it exports, not through its files',
      SCOPE + own,
    );
  }
  const only = rules.onlyIn;
  if (only?.names.test(own) && !file.startsWith(only.folder)) {
    report(line, `${SCOPE}io-uring-* is imported in ${folder}/${only.folder} only`, SCOPE + own);
  }
  if (manifest.dependencies?.[packageOf(SCOPE + own)] === undefined) {
    report(line, "what a source imports is in its package.json's dependencies", SCOPE + own);
  }
}

function list(names) {
  const all = [...names];
  return all.length === 0 ? 'none of our packages' : `only ${all.join(', ')}`;
}

/** Every group of files that import each other in a circle, once, as the circle itself. */
export function findCycles(edges) {
  const cycles = [];
  const done = new Set();
  const trail = [];
  const visit = (file) => {
    const at = trail.indexOf(file);
    if (at >= 0) {
      cycles.push([...trail.slice(at), file]);
      return;
    }
    if (done.has(file)) return;
    trail.push(file);
    for (const next of edges.get(file) ?? []) visit(next);
    trail.pop();
    done.add(file);
  };
  for (const file of [...edges.keys()].sort()) visit(file);
  return cycles;
}

/** The packages as they import each other, for people: `io-uring-fd -> io-uring-owner`. */
export function describeGraph(packages) {
  return packages.map(({ folder, files }) => {
    const seen = new Set();
    for (const [file, text] of files) {
      if (TEST_FILE.test(file)) continue;
      for (const { specifier } of readImports(text)) {
        const own = ownName(specifier);
        if (own !== null) seen.add(own);
      }
    }
    return `${path.posix.basename(folder)} -> ${[...seen].sort().join(', ') || 'nothing'}`;
  });
}
