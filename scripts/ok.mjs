// npm run ok: the whole gate. Each step is named and timed; the first failure ends it and says what to do.

import path from 'node:path';
import { ensureBuild } from './prepare/build.mjs';
import { duration, run, StepError, say } from './prepare/progress.mjs';
import { main, prepareDependencies, ROOT } from './prepare.mjs';

const bin = (name) => path.join(ROOT, 'node_modules/.bin', name);
const script = (name) => [process.execPath, path.join(ROOT, 'scripts', name)];

/** In the order of how soon they can fail. */
const STEPS = [
  { name: 'format', command: [bin('biome'), 'format', '.'], advice: 'npm run format' },
  {
    name: 'lint',
    command: [bin('biome'), 'check', '--formatter-enabled=false', '.'],
    advice: 'npx biome check --write . fixes what can be fixed by a program',
  },
  {
    name: 'tidy',
    command: script('tidy.mjs'),
    advice: 'CONTRIBUTING.md says what the rules are for',
  },
  {
    name: 'abi',
    command: [...script('generate-abi.mjs'), '--check'],
    advice: 'node scripts/generate-abi.mjs',
  },
  {
    name: 'graph',
    command: script('graph.mjs'),
    advice: 'docs/ARCHITECTURE.md draws which package may import which',
  },
  {
    name: 'tables',
    command: script('conformance.mjs'),
    advice: 'every line of docs/conformance names a test that exists, or a reason',
  },
  { name: 'types', command: [bin('tsc'), '-p', 'tsconfig.check.json'], advice: 'npm run types' },
  { name: 'build', body: () => ensureBuild(ROOT), advice: 'npm run build' },
  {
    name: 'tests',
    command: [process.execPath, path.join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run'],
    stream: true,
    advice: 'npm test -- <words of the file name> runs one of them',
  },
  {
    name: 'asan',
    command: script('test-asan.mjs'),
    stream: true,
    advice: 'npm run test:asan -- <words of the file name> runs some of it',
  },
  { name: 'docs', command: [bin('typedoc')], advice: 'npm run docs' },
];

async function runStep({ name, command, body, stream, advice }) {
  const started = performance.now();
  if (body !== undefined) {
    await body();
  } else {
    const [program, ...args] = command;
    const { code, output } = await run(name, program, args, { cwd: ROOT, stream });
    if (code !== 0) {
      process.stdout.write(`${output}\n`);
      throw new StepError(`${name} failed. What to do: ${advice}`);
    }
    const warnings = output.split('\n').filter((line) => /\bwarning\b/i.test(line)).length;
    if (warnings > 0) say(`${name}: ${warnings} line(s) with warnings; ${advice} shows them`);
  }
  say(`${name.padEnd(8)} ok  ${duration(performance.now() - started)}`);
}

await main(async () => {
  const started = performance.now();
  await prepareDependencies('test');
  for (const item of STEPS) await runStep(item);
  say(`all ok in ${duration(performance.now() - started)}`);
});
