import { OWNER_EDGES, ownerMask, SHARED_OWNER_EDGES } from './owner-edges.js';
import { OwnerError } from './owner-error.js';
import { OwnerState, type OwnerStateName, ownerStateName } from './owner-state.js';

const { Created, Registered, Filling, Taken, Kernel, Reusable } = OwnerState;

const REGISTER = ownerMask(OWNER_EDGES.register);
const UNREGISTER = ownerMask(OWNER_EDGES.unregister);
const FILL = ownerMask(OWNER_EDGES.fill);
const TAKE = ownerMask(OWNER_EDGES.take);
const REUSE = ownerMask(OWNER_EDGES.reuse);
const LEND = TAKE | ownerMask(OWNER_EDGES.give);

/** Settings of an {@link Owner}. */
export interface OwnerOptions {
  /** Many operations may use the memory at once, as waiters of one futex word do. Default false: one at a time. */
  readonly shared?: boolean;
}

/**
 * Who may touch a piece of memory the kernel can see. The methods are the only doors between the states; each is one row of
 * {@link OWNER_EDGES} and throws {@link OwnerError} when the present state is not in that row.
 *
 * `fill`, `filled`, `take` and `reuse` belong to the holder of the memory. `give`, `lend`, `withdraw` and `giveBack` belong
 * to the operation and the bearer: calling them elsewhere claims something about the kernel that only the bearer can know.
 *
 * @example
 * ```ts
 * import { Owner } from '@ringbearer/io-uring-owner';
 *
 * const owner = new Owner();
 * owner.fill(); // the holder writes the bytes
 * owner.filled();
 * owner.lend(); // the bearer submits
 * owner.giveBack(); // the final completion arrived
 * owner.reuse();
 * console.log(owner.name); // Reusable
 * ```
 */
export class Owner {
  #state: OwnerState = Created;
  #users = 0;
  readonly #shared: boolean;

  constructor(options: OwnerOptions = {}) {
    this.#shared = options.shared ?? false;
  }

  /** The present state, a number of the {@link OwnerState} table. */
  get state(): OwnerState {
    return this.#state;
  }
  /** The present state by name: `'Kernel'`. */
  get name(): OwnerStateName {
    return ownerStateName(this.#state);
  }
  /** Operations that have it in the kernel: 0 or 1, more on a shared owner. */
  get users(): number {
    return this.#users;
  }
  /** Many operations may have it at once. */
  get shared(): boolean {
    return this.#shared;
  }
  /** Nobody uses it: it may be taken. */
  get idle(): boolean {
    return ((1 << this.#state) & TAKE) !== 0;
  }

  /** The kernel now has it in a table. */
  register(): void {
    if (((1 << this.#state) & REGISTER) === 0) throw new OwnerError('register', this.#state);
    this.#state = Registered;
  }
  /** The kernel's table no longer has it. */
  unregister(): void {
    if (((1 << this.#state) & UNREGISTER) === 0) throw new OwnerError('unregister', this.#state);
    this.#state = Created;
  }
  /** Its holder starts writing. */
  fill(): void {
    if (((1 << this.#state) & FILL) === 0) throw new OwnerError('fill', this.#state);
    this.#state = Filling;
  }
  /** Its holder has written everything: it is set aside for one operation. */
  filled(): void {
    if (this.#state !== Filling) throw new OwnerError('filled', this.#state);
    this.#state = Taken;
  }
  /** Sets it aside for one operation without filling it: receives. */
  take(): void {
    if (((1 << this.#state) & TAKE) === 0) throw new OwnerError('take', this.#state);
    this.#state = Taken;
  }
  /** The submission is committed: the kernel has it from now on. */
  give(): void {
    if (this.#state !== Taken && !(this.#shared && this.#state === Kernel)) {
      throw new OwnerError('give', this.#state);
    }
    this.#state = Kernel;
    this.#users += 1;
  }
  /** `take()` where it is idle, then `give()`: what an operation does with memory it was handed. */
  lend(): void {
    if (((1 << this.#state) & LEND) === 0 && !(this.#shared && this.#state === Kernel)) {
      throw new OwnerError('take', this.#state);
    }
    this.#state = Kernel;
    this.#users += 1;
  }
  /** The submission was rolled back before the kernel saw it: the bytes are as they were and still set aside. */
  withdraw(): void {
    if (this.#state !== Kernel) throw new OwnerError('withdraw', this.#state);
    this.#users -= 1;
    if (this.#users === 0) {
      this.#state = this.#shared ? SHARED_OWNER_EDGES.withdraw.to : OWNER_EDGES.withdraw.to;
    }
  }
  /** The final completion of the operation arrived. */
  giveBack(): void {
    if (this.#state !== Kernel) throw new OwnerError('giveBack', this.#state);
    this.#users -= 1;
    if (this.#users === 0) {
      this.#state = this.#shared ? SHARED_OWNER_EDGES.giveBack.to : OWNER_EDGES.giveBack.to;
    }
  }
  /** Its holder is done with it: read, or given up before it was submitted. */
  reuse(): void {
    if (((1 << this.#state) & REUSE) === 0) throw new OwnerError('reuse', this.#state);
    this.#state = Reusable;
  }

  /** Throws where the kernel may be writing the bytes. Not an edge: nothing changes. */
  assertReadable(): void {
    if (this.#state === Kernel && !this.#shared) throw new OwnerError('read', this.#state);
  }
}
