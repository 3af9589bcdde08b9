/**
 * The whole run: compile, make the file, run every program in turns, report.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../../src/compile.mjs';
import { endWithUs } from '../../src/end-with-us.mjs';
import { allowedCores, checkTools, describeMachine } from '../../src/machine.mjs';
import { inTurn } from '../../src/measure.mjs';
import { CachedFile } from './cached-file.mjs';
import { C_FOLDER, CASES, PROGRAMS_FOLDER, programSettings, SEED } from './cases.mjs';
import { killProgram, runProgram } from './program.mjs';
import { renderReport } from './report.mjs';
import { judge, summarize } from './summary.mjs';

const BUILD_FOLDER = fileURLToPath(new URL('../build/', import.meta.url));

/**
 * Measures and prints; the report goes to stdout, everything on the way to stderr.
 *
 * @param {import('./options.mjs').Options} options
 * @returns {Promise<boolean>} whether every program that could be started did its work
 * @throws {import('../../src/machine.mjs').MissingToolError} without taskset
 */
export async function runBench(options) {
  const say = (line) => process.stderr.write(`bench: ${line}\n`);
  checkTools({ load: false });
  const [core] = allowedCores();
  const cases = CASES.filter(({ name }) => options.cases.includes(name));
  const file = cases.some(({ reads }) => reads) ? new CachedFile(SEED) : undefined;
  endWithUs(() => {
    killProgram();
    file?.remove();
  });
  /** @type {import('./report.mjs').Report} */
  const report = {
    date: new Date().toISOString(),
    machine: describeMachine(),
    settings: {
      rounds: options.rounds,
      percent: options.percent,
      core,
      fileSystem: file?.fileSystem,
    },
    cases: [],
  };
  for (const work of cases) {
    const run = { ...options, core, file: file?.path ?? '' };
    report.cases.push(await measureCase(work, run, say));
  }
  file?.remove();
  if (options.json) {
    writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
    say(`wrote ${options.json}`);
  }
  console.log(renderReport(report, options.markdown));
  const measured = report.cases.some(({ summary }) => summary.some((row) => row.cpuMicros));
  return measured && report.cases.every(({ failed }) => failed.length === 0);
}

async function measureCase(work, run, say) {
  const chosen = work.programs.filter(({ name }) => run.only?.includes(name) ?? true);
  /** @type {import('./report.mjs').CaseReport} */
  const report = {
    name: work.name,
    title: work.title,
    peerTitle: work.peer?.title,
    operations: 0,
    about: Object.fromEntries(chosen.map(({ name, about }) => [name, about])),
    samples: {},
    summary: [],
    goals: [],
    skipped: [],
    failed: [],
  };
  let programs = chosen.filter((program) => {
    const why = program.c && compileC(program.c, say);
    if (why) {
      say(`${program.name} skipped: ${why}`);
      report.skipped.push({ name: program.name, why });
    }
    return !why;
  });
  for (const { name } of programs) report.samples[name] = [];
  let expected;
  for (let round = 0; round < run.rounds; round++) {
    for (const program of inTurn(programs, round)) {
      const { name } = program;
      try {
        const outcome = await runProgram(commandOf(work, program, run), run.core);
        expected ??= outcome;
        demandSameWork(outcome, expected);
        report.operations = outcome.operations;
        report.samples[name].push({ round, ...outcome });
        const micros = (outcome.cpuMicroseconds / outcome.operations).toPrecision(4);
        say(`${work.name} ${round + 1}/${run.rounds}  ${name.padEnd(19)} ${micros} us/op`);
      } catch (error) {
        say(`${work.name} ${name} failed: ${error.message}`);
        report.failed.push({ name, why: error.message });
        programs = programs.filter((other) => other !== program);
      }
    }
  }
  report.summary = summarize(work, report.samples, run.rounds);
  report.goals = judge(work, report.samples, run.rounds);
  return report;
}

function compileC(source, say) {
  const sources = [join(C_FOLDER, `${source}.c`), join(C_FOLDER, 'measured.h')];
  return compile(sources, join(BUILD_FOLDER, source), say);
}

function commandOf(work, program, run) {
  const settings = programSettings(work, program, run);
  if (program.c) return [join(BUILD_FOLDER, program.c), ...settings];
  return [process.execPath, join(PROGRAMS_FOLDER, program.script), ...settings];
}

/** @throws {Error} when a program counted or read something else than the first of its case */
function demandSameWork(outcome, expected) {
  for (const field of ['operations', 'checksum']) {
    if (outcome[field] !== expected[field]) {
      throw new Error(`${field} ${outcome[field]}, where the first program had ${expected[field]}`);
    }
  }
}
