import { isDeepStrictEqual } from 'node:util';
import { Errno } from '../abi.generated.js';
import { dryRun } from '../dry-run.js';
import { errnoName } from '../errno.js';
import { OpCodeError } from '../errors.js';
import { occupy } from '../in-flight.js';
import { OpCode } from '../opcode.js';
import type { Rule } from './entry-rules.js';
import { type Rig, reuse } from './rig.js';
import { require } from './specimen.js';

const F_MORE = 2;
const ECANCELED = 125;
const ERRORS: readonly number[] = [...new Set<number>(Object.values(Errno))];

/** Rules for what follows a submission. */
export const COMPLETION_RULES: readonly Rule[] = [
  {
    name: 'complete() decodes what the kernel answers',
    check(rig) {
      const { operation } = rig.make();
      const { results } = rig.run(operation);
      for (const [index, { result }] of rig.completions.entries()) {
        if (result === undefined) continue;
        require(isDeepStrictEqual(
          results[index],
          result,
        ), `completion ${index} decodes to ${text(results[index])} instead of ${text(result)}`);
      }
      const last = rig.completions.at(-1)!;
      require(((last.flags ?? 0) & F_MORE) === 0, 'the last completion of the specimen has F_MORE');
    },
  },
  {
    name: 'complete() throws OpCodeError for every error that is no result',
    check(rig) {
      const { errorsAsResults = [] } = rig.specimen;
      for (const errno of ERRORS) {
        const { operation } = rig.make();
        const error = failureOf(rig, operation, errno);
        const name = errnoName(errno);
        if (errorsAsResults.includes(errno)) {
          require(error === undefined, `complete() throws for ${name}, which is to be a result`);
          continue;
        }
        require(error instanceof
          OpCodeError, `complete() made a result of ${name}: ${text(error)}`);
        require(error.errno === -errno &&
          error.code === name, `complete() throws ${error.code} for ${name}`);
        require(error.syscall ===
          operation.name.toLowerCase(), `the error's syscall is ${error.syscall}, not ${operation.name.toLowerCase()}`);
      }
    },
  },
  {
    name: 'is submitted again after its completion as if it was new',
    check(rig) {
      const { operation, memory } = rig.make();
      const first = rig.run(operation);
      reuse(memory);
      // An error between must leave nothing behind.
      operation.acquire();
      rig.prepare(operation);
      failureOf(rig, operation, ECANCELED);
      operation.release(rig.cqe({ res: -ECANCELED }));
      reuse(memory);
      const second = rig.run(operation);
      require(first.prepared.words.every(
        (word, index) => word === second.prepared.words[index],
      ), 'the second entry differs from the first');
      require(isDeepStrictEqual(first.results, second.results), 'the second results differ');
    },
  },
  {
    name: 'rearms() and ends() answer, and never rearm what was cancelled',
    check(rig) {
      const { operation } = rig.make();
      const { record } = rig.prepare(operation);
      const cqes = [
        ...rig.completions.map((completion) => rig.cqe(completion, record.slice())),
        ...ERRORS.map((errno) => rig.cqe({ res: -errno })),
      ];
      for (const cqe of cqes) {
        const rearms = operation.rearms(cqe);
        const ends = operation.ends(cqe);
        const which = cqe.res < 0 ? errnoName(cqe.res) : `res ${cqe.res}`;
        require(typeof rearms === 'boolean', `rearms() must answer true or false for ${which}`);
        require(typeof ends === 'boolean', `ends() must answer true or false for ${which}`);
        require(!rearms || operation.multishot, `rearms() for ${which}, and is no multishot`);
        require(!rearms || cqe.res !== -ECANCELED, 'rearms() after ECANCELED would never end');
        require(!(rearms && ends), `rearms() and ends() both answer true for ${which}`);
      }
    },
  },
  {
    name: 'discard() and discardResult() free the same, and nothing after an error',
    check(rig) {
      for (const completion of rig.completions) {
        const { operation } = rig.make();
        const { record } = rig.prepare(operation);
        const cqe = () => rig.cqe(completion, record.slice());
        const followUp = operation.discard(cqe());
        const other = operation.discardResult(operation.complete(cqe()));
        if (completion.carries) {
          require(followUp !==
            null, 'discard() frees nothing of a completion that carries something');
        }
        for (const one of [followUp, other]) {
          require(one === null || one instanceof OpCode, 'discard() must return an OpCode or null');
        }
        require(isDeepStrictEqual(
          followUp && dryRun(followUp).words,
          other && dryRun(other).words,
        ), 'discard() and discardResult() do not free the same');
      }
      for (const errno of ERRORS) {
        const { operation } = rig.make();
        const freed = operation.discard(rig.cqe({ res: -errno }));
        require(freed === null, `discard() frees something after ${errnoName(errno)}`);
      }
    },
  },
  {
    name: 'refuses to be changed while it is in flight',
    check(rig) {
      const { change } = rig.specimen;
      if (change === undefined) return;
      const { operation } = rig.make();
      const before = rig.prepare(operation);
      const mark = occupy(operation, 1);
      let refused = false;
      try {
        change(operation);
      } catch {
        refused = true;
      }
      require(refused, 'it was changed while the kernel held it: use assertIdle()');
      mark.slot = -1;
      const { words } = rig.prepare(operation);
      require(words.every(
        (word, index) => word === before.words[index],
      ), 'the refused change changed the entry');
      change(operation);
    },
  },
  {
    name: 'refuses arguments that cannot be, when it is made',
    check(rig) {
      for (const [what, construct] of Object.entries(rig.specimen.invalid ?? {})) {
        let error: unknown;
        try {
          construct();
        } catch (thrown) {
          error = thrown;
        }
        require(error instanceof TypeError ||
          error instanceof
            RangeError, `${what}: must throw TypeError or RangeError, not ${text(error)}`);
      }
    },
  },
];

/** What `complete` throws for an error, or undefined when it returns. */
function failureOf(rig: Rig, operation: OpCode<unknown>, errno: number): unknown {
  try {
    operation.complete(rig.cqe({ res: -errno }));
  } catch (error) {
    return error;
  }
  return undefined;
}

function text(value: unknown): string {
  if (value === undefined) return 'undefined';
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const json = JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part));
  return json ?? String(value);
}
