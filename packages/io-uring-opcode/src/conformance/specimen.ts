import type { KernelMemory } from '@ringbearer/io-uring-owner';
import type { OpCode } from '../opcode.js';
import type { RecordMemory } from '../record-memory.js';

/** What the kit needs of a test runner: vitest's `test`, node:test's `test`, or a function of your own. */
export interface ConformanceApi {
  /** Registers a test. It fails when `body` throws. */
  test(name: string, body: () => void): unknown;
}

/** Makes what operations are made of. A new one is given to every `make`, so that the same call makes the same. */
export interface SpecimenKit {
  /**
   * Kernel memory at a pretended address, whose owner the kit watches.
   * @param options `shared`: many operations may use it at once, as a futex word
   */
  memory(byteLength: number, options?: { readonly shared?: boolean }): KernelMemory;
}

/** A completion as the kernel would send it. */
export interface SpecimenCompletion<Result = unknown> {
  /** Result, or a negated errno. */
  readonly res: number;
  /** IORING_CQE_F_* bits. Default 0: final. */
  readonly flags?: number;
  /** Writes what the kernel writes into the record. It holds what `prepare` wrote. */
  record?(record: RecordMemory): void;
  /** What it shall decode to, compared deeply. Default: anything that is not an error. */
  readonly result?: Result;
  /** It carries something that must be freed when nobody takes it: `discard` has to say how. Default false. */
  readonly carries?: boolean;
}

/** An operation under test. */
export interface Specimen<Result = unknown> {
  /** What it is called in the names of the tests. Default: the operation's name. */
  readonly title?: string;
  /** Makes the operation: each time the same, a new object, of memory of the kit. */
  make(kit: SpecimenKit): OpCode<Result>;
  /** The completions of one submission, in order; the last is final. Default: one with `res` 0. */
  readonly completions?: readonly SpecimenCompletion<Result>[];
  /** Error numbers (positive) that `complete` returns a result for, not an OpCodeError. Default: none. */
  readonly errorsAsResults?: readonly number[];
  /** Changes the operation: must throw while it is in flight. Leave out where nothing can be changed. */
  change?(operation: OpCode<Result>): void;
  /** Constructions that must throw TypeError or RangeError, by what is wrong with them. */
  readonly invalid?: Readonly<Record<string, () => unknown>>;
  /** Rules that cannot hold, with the reason, which must not be empty. */
  readonly explain?: Readonly<Partial<Record<ExplainableRule, string>>>;
}

/**
 * Rules that an operation may be excused of:
 * - `code`: its number or name is not in `OpNumber`: an opcode newer than this package
 * - `memory`: it names memory that it does not lend
 * - `placement`: its entry depends on where the record is in another way than by address
 * - `bufferGroup`: the kernel picks from a group whose buffers nobody shall put back for it
 */
export type ExplainableRule = 'code' | 'memory' | 'placement' | 'bufferGroup';

/** An operation breaks the contract. */
export class ConformanceError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConformanceError';
  }
}

/** @throws ConformanceError */
export function require(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ConformanceError(message);
}
