/**
 * When the kernel is shown buffers that came back:
 *
 * - `'release'`: with every released lease. What was recycled waits for `publish()`. The default.
 * - `'batch'`: all that came back in one turn together, when the JavaScript that runs now is done (a microtask).
 * - `'half-empty'`: as soon as the kernel has fewer than half of the buffers, as far as completions tell: fewer
 *   stores, and receives that ran dry go on with more than one buffer to fill.
 *
 * `publish()` shows them at once with each.
 */
export type ReplenishPolicy = 'release' | 'batch' | 'half-empty';

/** The ring that is replenished. */
interface Replenished {
  /** Buffers there are. */
  readonly count: number;
  /** Buffers the kernel has. */
  readonly available: number;
  publish(): void;
}

/** Decides when a ring publishes. */
export class Replenishing {
  /** It has to be told, with {@link left}, of every buffer that leaves the kernel. */
  readonly watches: boolean;
  readonly #policy: ReplenishPolicy;
  readonly #ring: Replenished;
  #planned = false;

  /** @throws {TypeError} no policy */
  constructor(policy: ReplenishPolicy, ring: Replenished) {
    if (policy !== 'release' && policy !== 'batch' && policy !== 'half-empty') {
      throw new TypeError(
        `Cannot make a buffer ring as replenish must be 'release', 'batch' or 'half-empty': current value is ${policy}`,
      );
    }
    this.#policy = policy;
    this.watches = policy === 'half-empty';
    this.#ring = ring;
  }

  /** A buffer came back, with its lease or by itself. */
  cameBack(released: boolean): void {
    if (this.#policy === 'release') {
      if (released) this.#ring.publish();
    } else if (this.#policy === 'batch') this.#plan();
    else this.left();
  }

  /** The kernel has one less, and others may wait unpublished. */
  left(): void {
    if (this.#ring.available < this.#ring.count / 2) this.#ring.publish();
  }

  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      this.#ring.publish();
    });
  }
}
