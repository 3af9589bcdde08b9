import type { Descriptor } from '@ringbearer/io-uring-fd';
import type { Cqe } from '../../cqe.js';
import { OpCode } from '../../opcode.js';
import { directoryArgument, type PathName, PathSource } from '../../path-source.js';
import type { Sqe } from '../../sqe.js';

/** From which name to which. */
export interface BetweenNamesOptions {
  /** The present name: 1 to 4095 bytes. */
  readonly from: PathName;
  /** The new name: 1 to 4095 bytes, in the same file system. */
  readonly to: PathName;
  /** Where a relative `from` begins: a regular descriptor of a directory. Default: the current directory. */
  readonly fromDirectory?: Descriptor;
  /** Where a relative `to` begins: a regular descriptor of a directory. Default: the current directory. */
  readonly toDirectory?: Descriptor;
}

/** What gives a file a new name: beside the present one, or in its place. */
export abstract class BetweenNames extends OpCode<void> {
  readonly #action: 'link' | 'rename';
  readonly #from = new PathSource();
  readonly #to = new PathSource();
  readonly #fromDirectory: number;
  readonly #toDirectory: number;
  readonly #flags: number;

  /** @param flags as the system call of that action takes them */
  constructor(action: 'link' | 'rename', options: BetweenNamesOptions, flags: number) {
    super();
    const { from, to, fromDirectory, toDirectory } = options;
    this.#action = action;
    this.#choose(from, to);
    this.#fromDirectory = directoryArgument(action, 'fromDirectory', fromDirectory);
    this.#toDirectory = directoryArgument(action, 'toDirectory', toDirectory);
    this.#flags = flags;
  }

  /** Chooses other names, in the same directories, for the next submission. */
  set(from: PathName, to: PathName): this {
    this.assertIdle();
    this.#choose(from, to);
    return this;
  }

  override prepare(sqe: Sqe): void {
    sqe.fd(this.#fromDirectory);
    const free = this.#from.writeAddress(sqe);
    this.#to.writeAddress2(sqe, free);
    sqe.length(this.#toDirectory);
    sqe.flags(this.#flags);
  }

  override complete(cqe: Cqe): void {
    this.result(cqe);
  }

  #choose(from: PathName, to: PathName): void {
    this.#from.set(this.#action, 'from', from);
    this.#to.set(this.#action, 'to', to);
  }
}
