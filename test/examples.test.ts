import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, describe, expect, test } from 'vitest';
import {
  EXAMPLE_MS_MAX,
  examplesOfPage,
  examplesOfSource,
  runExample,
  withFreePort,
} from '../scripts/examples.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

// Inside node_modules, so that `@ringbearer/...` means the packages of this repository.
const FOLDER = path.join(ROOT, 'node_modules/.cache/ringbearer/examples');

/** Programs that want a moment more than their own limit: starting, asking, ending. */
const TEST_MS_MAX = EXAMPLE_MS_MAX + 10_000;

const ran: { name: string; how: string; ms: number }[] = [];

function sources(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => path.join(folder, file))
    .sort();
}

function guides(): string[] {
  const folder = path.join(ROOT, 'docs/guides');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/guides/${file}`)
    .sort();
}

function documentedExamples() {
  const packages = readdirSync(path.join(ROOT, 'packages')).map((name) => `packages/${name}/src`);
  const fromSources = [...packages, 'native/src']
    .filter((folder) => existsSync(path.join(ROOT, folder)))
    .flatMap(sources)
    .flatMap((file) => examplesOfSource(file, readFileSync(path.join(ROOT, file), 'utf8')));
  const pages = [
    'README.md',
    'native/README.md',
    ...packages.map((folder) => `${path.dirname(folder)}/README.md`),
    ...guides(),
  ];
  const fromPages = pages
    .filter((file) => existsSync(path.join(ROOT, file)))
    .flatMap((file) => examplesOfPage(file, readFileSync(path.join(ROOT, file), 'utf8')));
  return [...fromPages, ...fromSources];
}

function examplePrograms(): { name: string; file: string }[] {
  const folder = path.join(ROOT, 'examples');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(path.join(folder, name, 'package.json')))
    .map((name) => {
      const manifest = JSON.parse(readFileSync(path.join(folder, name, 'package.json'), 'utf8'));
      return {
        name: `examples/${name}`,
        file: path.join(folder, name, manifest.main ?? 'main.mjs'),
      };
    });
}

/** Tests of examples are programs too: node:test fails the process. */
function exampleTests(): { name: string; file: string }[] {
  return examplePrograms().flatMap(({ name, file }) =>
    readdirSync(path.dirname(file))
      .filter((other) => other.endsWith('.test.mjs'))
      .map((other) => ({ name: `${name}/${other}`, file: path.join(path.dirname(file), other) })),
  );
}

function writeProgram(name: string, code: string): string {
  const { outputText } = ts.transpileModule(withFreePort(code), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  const file = path.join(FOLDER, `${name.replace(/[^\w.-]+/g, '_')}.mjs`);
  writeFileSync(file, outputText);
  return file;
}

async function check(name: string, file: string): Promise<void> {
  const { ok, how, output, ms } = await runExample(file, { cwd: path.dirname(file) });
  ran.push({ name, how, ms });
  if (!ok) expect.fail(`${name} ${how}:\n${output}`);
}

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });

afterAll(() => {
  const lines = ran
    .sort((a, b) => a.name.localeCompare(b.name))
    .map(({ name, how, ms }) => `  ${name.padEnd(72)} ${how.padEnd(14)} ${Math.round(ms)} ms`);
  console.log(`Examples\n${lines.join('\n')}`);
});

describe('examples in the documentation', { timeout: TEST_MS_MAX }, () => {
  for (const { name, code, runs } of documentedExamples()) {
    test.concurrent(name, async (context) => {
      if (!runs) return context.skip('the example says no-run');
      await check(name, writeProgram(name, code));
    });
  }
});

describe('examples/', { timeout: TEST_MS_MAX }, () => {
  for (const { name, file } of examplePrograms()) {
    test.concurrent(name, () => check(name, file));
  }
  for (const { name, file } of exampleTests()) {
    test.concurrent(name, () => check(name, file));
  }
  test('are programs', () =>
    expect(examplePrograms().every(({ file }) => existsSync(file))).toBe(true));
});
