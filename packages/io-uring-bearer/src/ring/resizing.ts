import { release } from 'node:os';
import { SetupFlag } from '@ringbearer/io-uring-opcode';
import type { RawRing } from '@ringbearer/native/ring';
import type { CapacityLedger, QueueSizes } from '../capacity.js';
import { BearerError, closedError } from '../errors.js';
import type { RingQueues } from './ring-queues.js';
import { type DriverKind, setupHint } from './setup.js';

const { DEFER_TASKRUN, NO_SQARRAY } = SetupFlag;
/** Batches that are handled to make what waits fit into smaller queues. */
const BATCHES_MAX = 16;

/** What a {@link Resizing} needs of its engine. */
export interface ResizingEngine {
  readonly state: 'open' | 'closing' | 'closed';
  readonly inTurn: boolean;
  readonly chainOpen: boolean;
  /** Entries of the longest chain that waits for a drain: it has to fit into the queue as a whole. */
  readonly heldChainMax: number;
  /** Handles a batch of completions. */
  turn(): void;
}

/** Replaces the queues of one ring: between batches, when nobody is writing an entry or reading a completion. */
export class Resizing {
  readonly #raw: RawRing;
  readonly #queues: RingQueues;
  readonly #ledger: CapacityLedger;
  readonly #driver: DriverKind;

  constructor(raw: RawRing, queues: RingQueues, ledger: CapacityLedger, driver: DriverKind) {
    this.#raw = raw;
    this.#queues = queues;
    this.#ledger = ledger;
    this.#driver = driver;
  }

  /** @throws as `UringBearer.resize` */
  async run(asked: QueueSizes, engine: ResizingEngine): Promise<void> {
    // The caller may be an operation that is being written, or the handler of a completion: nobody is, on a stack of its own.
    await Promise.resolve();
    while (engine.inTurn) await new Promise(setImmediate);
    const sizes = this.#ledger.resized(asked);
    this.#demandSupport();
    this.#makeFit(sizes, engine);
    try {
      this.#raw.resize(sizes.CoreQueue, sizes.CompletionQueue);
    } catch (error) {
      throw this.#refusal(error as NodeJS.ErrnoException);
    }
    this.#queues.adopt();
    this.#ledger.resize(sizes);
  }

  #demandSupport(): void {
    if (this.#driver === 'embedded') {
      throw new BearerError(
        'UNSUPPORTED_REGISTRATION',
        "Cannot resize the queues as the driver is 'embedded', whose ring has no DEFER_TASKRUN: give the bearer a large CompletionQueue from the start, or another driver",
      );
    }
    const needed = DEFER_TASKRUN | NO_SQARRAY;
    if ((this.#raw.setupFlags & needed) !== needed) throw kernelError();
  }

  /** Hands the kernel what is queued and handles what has completed, until what is left has room in queues of these sizes. */
  #makeFit(sizes: Required<QueueSizes>, engine: ResizingEngine): void {
    const queues = this.#queues;
    for (let batches = 0; ; batches++) {
      if (engine.state !== 'open') throw closedError();
      if (engine.chainOpen) {
        throw new BearerError(
          'CHAIN_OPEN',
          'Cannot resize the queues between the links of a chain: push the rest of it first',
        );
      }
      if (engine.heldChainMax > sizes.CoreQueue) {
        throw new BearerError(
          'RESIZE_BUSY',
          `Cannot resize the queues as a chain of ${engine.heldChainMax} entries waits for a drain: wait until it has started, or ask for a larger CoreQueue`,
        );
      }
      // Completions that the kernel keeps outside of the full queue are better in it.
      if (queues.overflowing || queues.unsubmitted > sizes.CoreQueue) queues.enter();
      if (queues.unsubmitted <= sizes.CoreQueue && queues.unread <= sizes.CompletionQueue) return;
      if (this.#driver === 'manual' || batches === BATCHES_MAX) throw busyError(queues);
      engine.turn();
    }
  }

  #refusal(cause: NodeJS.ErrnoException): unknown {
    const { code = '', errno = 0 } = cause;
    if (errno === 0) return cause;
    if (code === 'EINVAL') return kernelError(cause);
    if (code === 'EOVERFLOW') return busyError(this.#queues, cause);
    const hint = setupHint(code);
    return new BearerError('RESIZE_FAILED', `Cannot resize the queues (${code}): ${hint}`, {
      cause,
    });
  }
}

function kernelError(cause?: unknown): BearerError {
  return new BearerError(
    'UNSUPPORTED_REGISTRATION',
    `Cannot resize the queues as this kernel (${release()}) does not do that: it is in Linux 6.13 and later`,
    { cause },
  );
}

function busyError(queues: RingQueues, cause?: unknown): BearerError {
  return new BearerError(
    'RESIZE_BUSY',
    `Cannot resize the queues as ${queues.unread} completions and ${queues.unsubmitted} entries wait in them: handle completions first, or ask for larger queues`,
    { cause },
  );
}
