import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { Errno } from './abi.generated.js';
import { integerArgument, show } from './argument.js';
import type { Cqe } from './cqe.js';
import { OpCode } from './opcode.js';
import type { Sqe } from './sqe.js';

/** Largest opcode number: `sqe.opcode` has 8 bits. */
const CODE_MAX = 255;

/** An error of the kernel by name: `'EALREADY'`. */
export type ErrnoName = keyof typeof Errno;

/** What {@link defineOpCode} makes a class of. `options` is what the constructor was given, frozen. */
export interface OpCodeDefinition<Options extends object, Result> {
  /** The kernel's name without IORING_OP_: `'URING_CMD'`. */
  readonly name: string;
  /** The IORING_OP_ number, of `OpNumber`, 0 to 255. */
  readonly code: number;
  /** First kernel that has it in this form: `'6.7'`. */
  readonly since: string | ((options: Readonly<Options>) => string);
  /** One submission may complete many times. Default false. */
  readonly multishot?: boolean | ((options: Readonly<Options>) => boolean);
  /** Throws TypeError or RangeError for options that cannot be: called by the constructor and `set`. */
  check?(options: Readonly<Options>): void;
  /** The kernel memory the entry names: it is lent to the kernel, and comes back, without further code. */
  memory?(options: Readonly<Options>): KernelMemory | readonly KernelMemory[] | null;
  /** The group the kernel picks a buffer from, -1 for none. */
  bufferGroup?(options: Readonly<Options>): number;
  /** Writes the entry; opcode, flags of the submission and `user_data` are there. As {@link OpCode.prepare}. */
  prepare(sqe: Sqe, options: Readonly<Options>): void;
  /** Decodes a completion with `res` >= 0. Default: `res` itself. */
  complete?(cqe: Cqe, options: Readonly<Options>): Result;
  /** Errors that are results. The others throw OpCodeError. */
  readonly errors?: { readonly [Name in ErrnoName]?: Result };
  /** As {@link OpCode.rearms}. */
  rearms?(cqe: Cqe, options: Readonly<Options>): boolean;
  /** As {@link OpCode.ends}. */
  ends?(cqe: Cqe, options: Readonly<Options>): boolean;
  /** The operation that frees a result nobody will take: a Close for a descriptor. Default: results carry nothing. */
  discard?(result: Result, options: Readonly<Options>): OpCode<unknown> | null;
}

/** An operation of a class that {@link defineOpCode} made. */
export abstract class DefinedOpCode<Options extends object, Result> extends OpCode<Result> {
  /** What the next submission goes by. */
  abstract readonly options: Readonly<Options>;

  /**
   * Changes some options for the next submission.
   * @throws {Error} while the kernel holds the operation; and what the definition's `check` throws, with nothing changed
   */
  abstract set(options: Partial<Options>): this;
}

/** The class itself. */
export type DefinedOpCodeClass<Options extends object, Result> = new (
  options: Options,
) => DefinedOpCode<Options, Result>;

/**
 * Makes an operation class from a description, for opcodes the package does not have, or has in another form. The bearer needs to know
 * nothing about it. A class that extends {@link OpCode} can do the same and more; this is the short form.
 *
 * `conformance` of `@ringbearer/io-uring-opcode/conformance` checks the result against the contract.
 *
 * @throws {TypeError} a description without name, code, since or prepare
 * @throws {RangeError} a code outside of 0 to 255
 *
 * @example
 * ```ts
 * import { type Descriptor, RawFd } from '@ringbearer/io-uring-fd';
 * import { defineOpCode, dryRun, OpNumber } from '@ringbearer/io-uring-opcode';
 *
 * const Fsync = defineOpCode<{ file: Descriptor; dataOnly?: boolean }, void>({
 *   name: 'FSYNC',
 *   code: OpNumber.FSYNC,
 *   since: '5.1',
 *   prepare(sqe, { file, dataOnly = false }) {
 *     sqe.descriptor(file);
 *     sqe.flags(dataOnly ? 1 : 0);
 *   },
 *   complete() {},
 * });
 *
 * const { words } = dryRun(new Fsync({ file: new RawFd(5), dataOnly: true }));
 * console.log(words[0], words[1], words[7]); // 3 5 1
 * ```
 */
export function defineOpCode<Options extends object, Result = number>(
  definition: OpCodeDefinition<Options, Result>,
): DefinedOpCodeClass<Options, Result> {
  const { name, code, since, multishot = false } = definition;
  if (typeof name !== 'string' || name === '') {
    throw new TypeError(
      `Cannot define an opcode as name must be the kernel's name for it: current value is ${show(name)}`,
    );
  }
  integerArgument('define an opcode', 'code', code, 0, CODE_MAX);
  if (typeof since !== 'function' && !/^\d+\.\d+$/.test(since)) {
    throw new TypeError(
      `Cannot define an opcode as since must be a kernel version like '6.7': current value is ${show(since)}`,
    );
  }
  if (typeof definition.prepare !== 'function') {
    throw new TypeError(
      `Cannot define an opcode as prepare must be a function: current value is ${show(definition.prepare)}`,
    );
  }
  const expected = new Map<number, Result>();
  for (const [error, result] of Object.entries(definition.errors ?? {})) {
    expected.set(-Errno[error as ErrnoName], result as Result);
  }

  return class Defined extends DefinedOpCode<Options, Result> {
    override readonly code = code;
    override readonly name = name;
    override readonly multishot: boolean;
    override readonly since: string;
    #options: Readonly<Options>;

    constructor(options: Options) {
      super();
      if (typeof options !== 'object' || options === null) {
        throw new TypeError(
          `Cannot make ${name} as options must be an object: current value is ${show(options)}`,
        );
      }
      this.#options = checked(options);
      this.since = typeof since === 'function' ? since(this.#options) : since;
      this.multishot = typeof multishot === 'function' ? multishot(this.#options) : multishot;
    }

    override get options(): Readonly<Options> {
      return this.#options;
    }
    override set(options: Partial<Options>): this {
      this.assertIdle();
      this.#options = checked({ ...this.#options, ...options });
      return this;
    }

    override get bufferGroup(): number {
      return definition.bufferGroup?.(this.#options) ?? -1;
    }
    override acquire(): void {
      lend(definition.memory?.(this.#options) ?? null);
    }
    override release(): void {
      each(definition.memory?.(this.#options) ?? null, giveBack);
    }
    override rollback(): void {
      each(definition.memory?.(this.#options) ?? null, withdraw);
    }
    override prepare(sqe: Sqe): void {
      definition.prepare(sqe, this.#options);
    }

    override complete(cqe: Cqe): Result {
      const { res } = cqe;
      if (res < 0) {
        if (expected.has(res)) return expected.get(res) as Result;
        this.fail(res);
      }
      return definition.complete === undefined
        ? (res as Result)
        : definition.complete(cqe, this.#options);
    }
    override rearms(cqe: Cqe): boolean {
      return definition.rearms?.(cqe, this.#options) ?? false;
    }
    override ends(cqe: Cqe): boolean {
      return definition.ends?.(cqe, this.#options) ?? false;
    }
    override discard(cqe: Cqe): OpCode<unknown> | null {
      if (cqe.res < 0 || definition.discard === undefined) return null;
      return definition.discard(this.complete(cqe), this.#options);
    }
    override discardResult(result: Result): OpCode<unknown> | null {
      return definition.discard?.(result, this.#options) ?? null;
    }
  };

  function checked(options: Options): Readonly<Options> {
    const copy = Object.freeze({ ...options });
    definition.check?.(copy);
    return copy;
  }
}

type MemoryList = KernelMemory | readonly KernelMemory[] | null;

/** Lends all of them, or none. */
function lend(memory: MemoryList): void {
  if (memory === null) return;
  if (!isList(memory)) {
    memory.owner.lend();
    return;
  }
  let lent = 0;
  try {
    for (; lent < memory.length; lent++) memory[lent]!.owner.lend();
  } catch (error) {
    while (lent > 0) memory[--lent]!.owner.withdraw();
    throw error;
  }
}

function each(memory: MemoryList, act: (memory: KernelMemory) => void): void {
  if (memory === null) return;
  if (!isList(memory)) act(memory);
  else for (const one of memory) act(one);
}

const isList = (
  memory: KernelMemory | readonly KernelMemory[],
): memory is readonly KernelMemory[] => Array.isArray(memory);
const giveBack = (memory: KernelMemory): void => memory.owner.giveBack();
const withdraw = (memory: KernelMemory): void => memory.owner.withdraw();
