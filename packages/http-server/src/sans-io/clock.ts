/**
 * The time a state machine is told. Protocol code reads no clock; the runtime sets this once per batch of events, so reading it
 * costs a field access.
 */
export interface Clock {
  /** Monotonic milliseconds since the runtime started, an integer. Coarse: constant within one batch. */
  readonly now: number;
  /** The current IMF-fixdate of RFC 9110 section 5.6.7 as 29 bytes. A new array every second, never changed in place. */
  readonly date: Uint8Array;
}
