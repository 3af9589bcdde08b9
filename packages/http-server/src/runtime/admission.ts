import type { PeerAddress } from '../sans-io/left.js';
import { addressGroup } from './address-group.js';

/** What happens when there are as many connections as there may be: the next ones wait in the backlog, or are told. */
export type Overload = 'pause' | 'refuse';

/** A new connection is served, told that it is not (see {@link AdmissionOptions.overload}), or closed without a word. */
export type Verdict = 'serve' | 'refuse' | 'drop';

/** Limits of an {@link Admission}. */
export interface AdmissionOptions {
  /** Connections that are served at once. */
  readonly maxConnections: number;
  /** Of those, from one address (IPv6: one /64 network). Default Infinity. */
  readonly maxConnectionsPerAddress?: number;
  /** Default `'pause'`. */
  readonly overload?: Overload;
}

/** Connections that are being refused at once: each takes a descriptor until its answer is delivered. */
export const REFUSALS_MAX = 256;

/**
 * Decides which new connections are served. A runtime asks once for each and says when it is gone; until then one that is refused counts as a refusal.
 */
export class Admission {
  readonly #maxConnections: number;
  readonly #perAddress: number;
  readonly #refusesExcess: boolean;
  readonly #counts = new Map<string, number>();
  #served = 0;
  #refusals = 0;

  constructor(options: AdmissionOptions) {
    const { maxConnections, maxConnectionsPerAddress, overload } = options;
    this.#maxConnections = maxConnections;
    this.#perAddress = perAddressOf(maxConnectionsPerAddress);
    this.#refusesExcess = refusesExcess(overload);
  }

  /** Peers must be known to decide. */
  get needsAddress(): boolean {
    return this.#perAddress !== Number.POSITIVE_INFINITY;
  }
  /** Descriptors that refusals may take, beyond those of `maxConnections`. */
  get refusalsMax(): number {
    return this.#refusesExcess || this.needsAddress ? REFUSALS_MAX : 0;
  }
  /** Connections that may be accepted now. Below 0 when several listeners accepted at once. */
  get room(): number {
    const room = this.#maxConnections - this.#served;
    const refusals = REFUSALS_MAX - this.#refusals;
    // What was dropped takes a descriptor until it is closed.
    return this.#refusesExcess ? room + refusals : room + Math.min(0, refusals);
  }

  /**
   * A connection was accepted.
   * @param peer null where it could not be found out: such a connection counts for no address
   */
  decide(peer: PeerAddress | null): Verdict {
    const group = peer !== null && this.needsAddress ? addressGroup(peer) : null;
    const count = group === null ? 0 : (this.#counts.get(group) ?? 0);
    // When accepting pauses, what several listeners accepted at once beyond the limit is served all the same.
    const full = this.#refusesExcess && this.#served >= this.#maxConnections;
    if (!full && count < this.#perAddress) {
      this.#served++;
      if (group !== null) this.#counts.set(group, count + 1);
      return 'serve';
    }
    this.#refusals++;
    return this.#refusals > REFUSALS_MAX ? 'drop' : 'refuse';
  }

  /** A connection is gone. @param served what it was: false for a refused or dropped one; `peer` as for {@link decide} */
  gone(served: boolean, peer: PeerAddress | null): void {
    if (!served) {
      this.#refusals--;
      return;
    }
    this.#served--;
    const group = peer !== null && this.needsAddress ? addressGroup(peer) : null;
    if (group === null) return;
    const count = this.#counts.get(group)! - 1;
    if (count === 0) this.#counts.delete(group);
    else this.#counts.set(group, count);
  }

  /** Addresses that have connections, when they are counted. */
  get addresses(): number {
    return this.#counts.size;
  }
}

function perAddressOf(value: unknown = Number.POSITIVE_INFINITY): number {
  if (value === Number.POSITIVE_INFINITY) return value;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
    throw new RangeError(
      `Cannot serve as maxConnectionsPerAddress must be an integer >= 1 or Infinity: current value is ${String(value)}`,
    );
  }
  return value;
}

function refusesExcess(overload: unknown = 'pause'): boolean {
  if (overload !== 'pause' && overload !== 'refuse') {
    throw new TypeError(
      `Cannot serve as overload must be 'pause' or 'refuse': current value is ${typeof overload === 'string' ? `'${overload}'` : String(overload)}`,
    );
  }
  return overload === 'refuse';
}
