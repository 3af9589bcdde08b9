/**
 * What a server counted since it started. Only additions on the way of a request: the sums are made when somebody asks.
 */
export class HttpTally {
  /** Connections that were given to HTTP. */
  opened = 0;
  /** Of those, the ones that are gone. */
  closed = 0;
  /** Requests that were given to the handler. */
  requests = 0;
  /** Of those, the ones that ended without a complete reply of their handler. */
  lost = 0;
  /** Of those, the ones whose client went away. */
  disconnects = 0;
  /** Complete replies of handlers by the first digit of their status. */
  readonly responses = new Float64Array(6);
  /** The server's own replies to faults, likewise. */
  readonly refusals = new Float64Array(6);
  /** Faults of peers by code. The codes are ours, so their number is bounded. */
  readonly faults = new Map<string, number>();
  /** Limits that were reached, by the name of their option. */
  readonly limits = new Map<string, number>();

  /** A peer broke the protocol. */
  fault(code: string): void {
    this.faults.set(code, (this.faults.get(code) ?? 0) + 1);
  }

  /** A limit was reached. */
  limit(name: string): void {
    this.limits.set(name, (this.limits.get(name) ?? 0) + 1);
  }

  /** Requests that are not over: neither replied to nor lost. */
  get active(): number {
    return this.requests - this.responses.reduce((sum, count) => sum + count) - this.lost;
  }
}
