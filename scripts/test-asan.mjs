// npm run test:asan: builds the addon under AddressSanitizer and UBSan, in a folder of its own, and runs the tests that matter for
// memory on it. Arguments name other test files: "npm run test:asan -- packages/io-uring-bearer". "npm run test:asan -- --soak 30" plays the soak
// for so many seconds instead; what follows is its own, as "--seed 7". Any report fails it.

import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { readCommandLine, TARGETS, targetArguments } from '../test/soak/command-line.mjs';
import { readReports } from './asan/reports.mjs';
import { findSanitizer } from './asan/toolchain.mjs';
import { duration, run, StepError, say, step } from './prepare/progress.mjs';
import { main, prepare, ROOT } from './prepare.mjs';

const WORK = path.join(ROOT, '.cache/asan');
const BUILD = path.join(WORK, 'build');
const REPORTS = path.join(WORK, 'reports');
const LOADS = path.join(WORK, 'loads');
const SOURCES = path.join(ROOT, 'native/src/');

/**
 * By value: the addon itself, rings that end in every way (exit, Worker termination, garbage collection: cleanup hooks are where a
 * use after free would be), memory the kernel writes to, cancellation, and the server's runtime on top.
 */
const TESTS = [
  'native/src',
  'packages/io-uring-buffer',
  'packages/io-uring-bearer',
  'packages/io-uring-epoll',
  'packages/http-server/src/runtime/io-uring',
];

/** Faults of native/src/asan/deliberate-faults.cpp, and what the report of each says. */
const FAULTS = {
  'heap-buffer-overflow': /AddressSanitizer: heap-buffer-overflow[\s\S]*WriteOutOfBounds/,
  'heap-use-after-free': /AddressSanitizer: heap-use-after-free[\s\S]*UseAfterFree/,
  // UBSan is compiled to trap, so that its findings come in AddressSanitizer's file, with a stack, and end the process.
  'signed integer overflow': /AddressSanitizer: ILL[\s\S]*OverflowSigned/,
  LeakSanitizer: /LeakSanitizer: detected memory leaks[\s\S]*Leak/,
};

function environment(library) {
  return {
    LD_PRELOAD: library,
    ASAN_OPTIONS: [
      `log_path=${path.join(REPORTS, 'report')}`,
      'abort_on_error=1', // the process that did it fails its test, too
      'handle_sigill=2', // UBSan's traps
      'detect_leaks=1',
      'detect_stack_use_after_return=1',
    ].join(':'),
    // Programs that the tests start leak as they please, and Node.js ends without freeing everything: that must not change exit
    // codes. asan/reports.mjs takes our own leaks out of what is written.
    LSAN_OPTIONS: 'exitcode=0',
    NODE_OPTIONS: `--require=${path.join(ROOT, 'scripts/asan/preload.cjs')}`,
    RINGBEARER_ASAN_BUILD: BUILD,
    RINGBEARER_ASAN_LOADS: LOADS,
  };
}

async function build() {
  const options = { cwd: path.join(ROOT, 'native') };
  await step(
    'Configuring the addon under sanitizers',
    'cmake',
    ['-S', '.', '-B', BUILD, '-DRINGBEARER_SANITIZE=ON', '-DCMAKE_BUILD_TYPE=RelWithDebInfo'],
    options,
  );
  await step('Building the addon under sanitizers', 'cmake', ['--build', BUILD, '-j2'], options);
}

function clear() {
  rmSync(REPORTS, { recursive: true, force: true });
  rmSync(LOADS, { force: true });
  mkdirSync(REPORTS, { recursive: true });
}

/** A run without reports says something only where faults are reported: each kind is made, and must be. */
async function proveSight(env) {
  const addon = path.join(BUILD, 'deliberate_faults.node');
  for (const [fault, expected] of Object.entries(FAULTS)) {
    clear();
    const source = `require(${JSON.stringify(addon)})[${JSON.stringify(fault)}]()`;
    await run(fault, process.execPath, ['-e', source], { cwd: ROOT, env });
    const found = readReports(REPORTS, SOURCES).map(({ text }) => text);
    const all = readdirSync(REPORTS).map((name) => readFileSync(path.join(REPORTS, name), 'utf8'));
    if (found.length === 0 || !expected.test(all.join('\n'))) {
      throw new StepError(
        `The sanitizers do not report a deliberate ${fault}: nothing they miss would be seen`,
      );
    }
  }
  say(`deliberate faults reported: ${Object.keys(FAULTS).join(', ')}`);
}

/** @throws when the sanitizers reported something, or `code` is not 0 */
function judge(code, output, advice) {
  const reports = readReports(REPORTS, SOURCES);
  for (const { file, text } of reports) say(`${path.relative(ROOT, file)}:\n${text}`);
  if (code !== 0) process.stdout.write(`${output}\n`);
  if (reports.length > 0)
    throw new StepError(`${reports.length} report(s) of the sanitizers, in ${REPORTS}`);
  if (code !== 0) throw new StepError(advice);
}

/** Threads that loaded the sanitized addon. */
const loaded = () => readFileSync(LOADS, 'utf8').split('\n').filter(Boolean).length;

async function testUnder(env, files) {
  const vitest = path.join(ROOT, 'node_modules/vitest/vitest.mjs');
  const limits = ['--testTimeout=120000', '--hookTimeout=120000'];
  const { code, output, ms } = await run(
    'tests under sanitizers',
    process.execPath,
    [vitest, 'run', ...limits, ...(files.length > 0 ? files : TESTS)],
    { cwd: ROOT, env },
  );
  judge(
    code,
    output,
    'Tests fail under the sanitizers, without a report: run them alone to compare',
  );
  const passed = /Tests\s+.*?(\d+) passed/.exec(stripVTControlCharacters(output))?.[1];
  say(`no report from ${passed} tests, ${loaded()} threads with the addon, in ${duration(ms)}`);
}

async function soakUnder(env, [seconds = '60', ...args]) {
  const options = readCommandLine(['--no-memory-bounds', '--seconds', seconds, ...args]);
  for (const target of options.targets) {
    const program = path.join(ROOT, TARGETS[target]);
    const { code, output, ms } = await run(
      `soak of ${target} under sanitizers, seed ${options.seed}`,
      process.execPath,
      ['--expose-gc', program, ...targetArguments(options)],
      { cwd: ROOT, env },
    );
    judge(
      code,
      output,
      `The soak of ${target} fails under the sanitizers, without a report: run "npm run soak" with the same seed to compare`,
    );
    say(`no report from the soak of ${target}, ${loaded()} threads, in ${duration(ms)}`);
  }
}

await main(async () => {
  const sanitizer = findSanitizer();
  if ('reason' in sanitizer) {
    say(`skipped: test:asan: ${sanitizer.reason}`);
    return;
  }
  await prepare('test');
  await build();
  const env = environment(sanitizer.library);
  await proveSight(env);

  clear();
  const [first, ...rest] = process.argv.slice(2);
  if (first === '--soak') await soakUnder(env, rest);
  else await testUnder(env, process.argv.slice(2));
});
