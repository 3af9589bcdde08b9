import { Errno } from './abi.generated.js';
import type { Cqe } from './cqe.js';
import { OpCodeError } from './errors.js';
import { InFlightMark } from './in-flight-mark.js';
import type { Sqe } from './sqe.js';

/** Receives every completion of an operation pushed with `push`. The CQE is valid during the call only. */
export type CompletionHandler = (cqe: Cqe) => void;

/**
 * The mark of an operation; null for what OpCode's constructor did not make: look-alikes, proxies, operations of another copy of this
 * package. In the package's `in-flight` entry, not in its API.
 */
export let markOf: (operation: OpCode<unknown>) => InFlightMark | null;

/**
 * The contract between an operation and the bearer that carries it. One class per opcode, one object
 * per operation. An object may be submitted again after its final completion (hot paths keep and reuse it), never
 * twice at once: the bearer throws on that.
 *
 * The bearer calls, in this order:
 * 1. `acquire()` before the entry is written: take ownership of every memory range the kernel will see (throws when one
 *    is not takeable; then nothing was submitted);
 * 2. `prepare(sqe)`, once per submission;
 * 3. for every completion the handler, or `complete(cqe)` for the Promise and iterator forms;
 * 4. `release()` exactly once, after the final completion: no F_MORE, and for zero-copy sends the notification.
 *
 * @typeParam Result what one completion means, decoded
 */
export abstract class OpCode<Result = number> {
  /** IORING_OP_* number. */
  abstract readonly code: number;
  /** Name without the IORING_OP_ prefix, as in the kernel's table: `'RECV'`. */
  abstract readonly name: string;
  /** First kernel that has it in this form, as `'5.19'`. */
  abstract readonly since: string;
  /** One submission may complete many times. */
  readonly multishot: boolean = false;

  /** Receives what other rings send to its key: `Mailbox` only. Such completions reach no operation that does not say so. */
  readonly takesMessages: boolean = false;

  /** Called for each completion when the operation was pushed. */
  handler: CompletionHandler | null = null;

  readonly #mark = new InFlightMark();

  static {
    // Not `#mark in operation`, which V8 does not compile to anything as cheap.
    markOf = (operation) => {
      try {
        return operation.#mark;
      } catch {
        return null;
      }
    };
  }

  /** Slot of the record while in flight, -1 otherwise. Only the bearer changes it. */
  get slot(): number {
    return this.#mark.slot;
  }

  /** Generation of that slot: with {@link slot} the key of this submission. Only the bearer changes it. */
  get generation(): number {
    return this.#mark.generation;
  }

  /** Writes the submission entry. Must not keep `sqe`, submit, or throw for reasons the constructor could have checked. */
  abstract prepare(sqe: Sqe): void;

  /**
   * Decodes one completion. An operation with several is asked for each, in order: a Promise settles with the final one,
   * resolved with its result, or rejected with the first error there was.
   * @throws {OpCodeError} when `cqe.res` is an error for this opcode
   */
  abstract complete(cqe: Cqe): Result;

  /** Gives memory to the kernel: owners move to `Kernel`. Must not submit. */
  acquire(): void {}

  /**
   * Takes memory back: owners move to `Returned`.
   *
   * @param _final the final completion: what the kernel still holds may depend on its result
   */
  release(_final?: Cqe): void {}

  /** A completion with F_MORE opened a descriptor: for the books. Called where the entry was marked with `sqe.opensMany()`. */
  opened(_cqe: Cqe): void {}

  /** Undoes {@link acquire} when the submission was rolled back before the kernel saw it. */
  rollback(): void {
    this.release();
  }

  /**
   * A multishot operation ended with this completion although nothing is wrong (ENOBUFS, or the kernel dropped F_MORE):
   * `stream` submits it again. With `cqe.res < 0` there is nothing to decode: `stream` does not ask {@link complete}.
   */
  rearms(_cqe: Cqe): boolean {
    return false;
  }

  /**
   * A final completion that brings no result, only the end: `stream` ends its iteration without asking {@link complete}. The end of a
   * byte stream is one.
   */
  ends(_cqe: Cqe): boolean {
    return false;
  }

  /**
   * A completion arrived after its consumer had gone (a cancelled accept that still won): free what it carries. Returns an
   * operation to submit for that, or null.
   */
  discard(_cqe: Cqe): OpCode<unknown> | null {
    return null;
  }

  /** As {@link discard}, for a result that was decoded already and that nobody will take. */
  discardResult(_result: Result): OpCode<unknown> | null {
    return null;
  }

  /** Buffer group the kernel picks from, -1 for none: where ENOBUFS is waited out. */
  get bufferGroup(): number {
    return -1;
  }

  /**
   * Buffers of the group must be whole: the operation may take less of one than it had set aside, or writes a header in front. Rings
   * that are filled incrementally are refused.
   */
  get wholeBuffers(): boolean {
    return false;
  }

  /** True while the kernel holds this operation. */
  get inFlight(): boolean {
    return this.#mark.slot >= 0;
  }

  /** Throws while the kernel holds this operation: for setters, as the entry it was submitted with is already read. */
  protected assertIdle(): void {
    if (this.#mark.slot >= 0) throw new Error(IN_FLIGHT);
  }

  /** `res` of a completion, or the error it stands for. For use in {@link complete}. */
  protected result(cqe: Cqe): number {
    if (cqe.res < 0) this.fail(cqe.res);
    return cqe.res;
  }

  /** Throws what a negative `res` stands for. For use in {@link complete}, after the errors that are results there. */
  protected fail(res: number): never {
    throw new OpCodeError(this.name, -res, this.hint(-res));
  }

  /** What to do about an error, for the end of its message; '' for nothing. Called when there is one. */
  protected hint(errno: number): string {
    return errno === Errno.ENOBUFS && this.bufferGroup >= 0 ? GROUP_EMPTY : '';
  }
}

const GROUP_EMPTY =
  'the buffer group is empty: release leases and recycle buffers, or make the group larger';
const IN_FLIGHT =
  'Cannot change an operation as the kernel holds it: wait for its final completion';
