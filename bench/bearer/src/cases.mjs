/**
 * What is measured: the cases, how much work each is, and the programs that do it.
 */
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Program
 * @property {string} name what --only takes
 * @property {string} about what runs, in a few words
 * @property {string | undefined} c its C source, without the ending; undefined for a Node.js program
 * @property {string | undefined} script file in programs/
 * @property {Readonly<Record<string, string>>} settings beside those of the case
 * @property {string | undefined} push the push form with the same driver, for a Promise form
 *
 * @typedef {object} Case
 * @property {string} name what --case takes
 * @property {string} title
 * @property {number} operations measured
 * @property {number} warmUp operations done before
 * @property {number} step both are multiples of it
 * @property {Readonly<Record<string, string | number>>} settings
 * @property {boolean} reads whether it needs the file
 * @property {{ name: string, title: string } | undefined} peer the Node.js program to compare with
 * @property {readonly Program[]} programs
 *
 * @typedef {object} Goal
 * @property {string} what
 * @property {string} over program whose CPU is divided
 * @property {string} under by this one's
 * @property {number | undefined} min
 * @property {number | undefined} max
 */

/** The name of the program all ratios are against. */
export const C = 'c';

export const C_FOLDER = fileURLToPath(new URL('../limit/', import.meta.url));
export const PROGRAMS_FOLDER = fileURLToPath(new URL('../programs/', import.meta.url));

/** The seed of file contents and random offsets. */
export const SEED = 20_301;

/** The goals, from the issue: of C's rate; of the push form's cost; of fs.promises' CPU. */
const NOP_RATE_MIN = 0.5;
const PROMISE_COST_MAX = 3;
const READ_GAIN_MIN = 2;

const inC = (source) => ({ name: C, about: 'C + liburing', c: source, settings: {} });

function ours(what, form, driver, settings = {}) {
  const kind = { push: 'push', submit: 'Promise', stream: 'async iterator' }[form];
  return {
    name: `${form}-${driver}`,
    about: `${kind} form, ${driver} driver`,
    script: `${what}-${form}.mjs`,
    settings: { driver, ...settings },
    push: form === 'push' ? undefined : `push-${driver}`,
  };
}

const LOOPS = ['embedded', 'owner'];

function nopPrograms() {
  const drivers = ['manual', ...LOOPS];
  const afresh = ours('nop', 'submit', 'embedded', { operation: 'new' });
  return [
    inC('nop'),
    ...drivers.map((driver) => ours('nop', 'push', driver)),
    ...drivers.map((driver) => ours('nop', 'submit', driver, { operation: 'kept' })),
    {
      ...afresh,
      name: 'submit-embedded-new',
      about: `${afresh.about}, a new operation object each time`,
    },
  ];
}

function pingPong(connections) {
  const forms = ['push', 'submit', 'stream'];
  return {
    name: `ping-pong-${connections}`,
    title: `Loopback ping-pong of 64 bytes, ${connections} connection${connections === 1 ? '' : 's'}, both ends in the process; per round trip`,
    operations: 48_000,
    warmUp: 8_000,
    step: connections,
    settings: { connections, bytes: 64 },
    reads: false,
    peer: { name: 'net', title: 'x node:net' },
    programs: [
      inC('ping-pong'),
      ...forms.flatMap((form) => LOOPS.map((driver) => ours('ping-pong', form, driver))),
      { name: 'net', about: 'node:net', script: 'ping-pong-net.mjs', settings: {} },
    ],
  };
}

const viaFs = (form, about) => ({
  name: `fs-${form}`,
  about,
  script: 'read-fs.mjs',
  settings: { form },
});

function reads(name, title, work) {
  return {
    name,
    title,
    ...work,
    step: 1,
    reads: true,
    peer: { name: 'fs-promises', title: 'x fs.promises' },
    programs: [
      inC('read'),
      ...['push', 'submit'].flatMap((form) => LOOPS.map((driver) => ours('read', form, driver))),
      viaFs('promises', 'FileHandle.read'),
      viaFs('callback', 'fs.read'),
      viaFs('sync', 'fs.readSync, one at a time: the floor'),
    ],
  };
}

/** @type {readonly Case[]} */
export const CASES = [
  {
    name: 'nop',
    title: 'NOPs, 128 under way',
    operations: 4_096_000,
    warmUp: 512_000,
    step: 128,
    settings: { depth: 128 },
    reads: false,
    peer: undefined,
    programs: nopPrograms(),
  },
  pingPong(1),
  pingPong(16),
  reads('read-4k', 'Cached file, 4 KiB at random offsets, 32 under way', {
    operations: 128_000,
    warmUp: 16_000,
    settings: { bytes: 4096, depth: 32, order: 'random', seed: SEED },
  }),
  reads('read-1m', 'Cached file, 1 MiB in order, one after the other', {
    operations: 2048,
    warmUp: 256,
    settings: { bytes: 1_048_576, depth: 1, order: 'sequential', seed: SEED },
  }),
];

export const PROGRAM_NAMES = [
  ...new Set(CASES.flatMap(({ programs }) => programs.map(({ name }) => name))),
];

/** `percent` of the operations of a case, in whole steps, and at least one. */
export function share(operations, step, percent) {
  return Math.max(1, Math.round((operations * percent) / 100 / step)) * step;
}

/**
 * The arguments a program of a case is given.
 *
 * @param {Case} work
 * @param {Program} program
 * @param {{ percent: number, file: string }} run
 */
export function programSettings(work, program, { percent, file }) {
  const settings = {
    operations: share(work.operations, work.step, percent),
    warmUp: share(work.warmUp, work.step, percent),
    ...work.settings,
    ...program.settings,
    ...(work.reads ? { file } : {}),
  };
  return Object.entries(settings).map(([name, value]) => `${name}=${value}`);
}

/**
 * What a case is expected to show.
 *
 * @param {Case} work
 * @returns {Goal[]}
 */
export function goalsOf(work) {
  const mine = work.programs.filter(({ settings }) => settings.driver !== undefined);
  const goals = [];
  for (const { name, push } of mine) {
    if (work.name === 'nop' && push === undefined) {
      goals.push({
        what: `${name}: NOPs per second over C's`,
        over: C,
        under: name,
        min: NOP_RATE_MIN,
      });
    }
    if (push !== undefined) {
      goals.push({
        what: `${name}: CPU over ${push}'s`,
        over: name,
        under: push,
        max: PROMISE_COST_MAX,
      });
    }
    if (work.reads) {
      goals.push({
        what: `${name}: fs.promises' CPU over its`,
        over: 'fs-promises',
        under: name,
        min: READ_GAIN_MIN,
      });
    }
  }
  return goals;
}
