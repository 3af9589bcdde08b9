import type { LossReason } from '../exchange/observer.js';
import type { PeerAddress } from '../sans-io/left.js';

/** One line of the access log: a request that is over, or a message that was refused before it was one. Strings are as sent: hostile. */
export interface AccessEntry {
  /** When it was over, in milliseconds since 1970. */
  readonly time: number;
  /** Who sent it. */
  readonly peer: PeerAddress | null;
  /** Empty when no head was understood. */
  readonly method: string;
  /** The request target, one character per byte; empty when no head was understood. */
  readonly target: string;
  /** `'1.1'`; empty when no head was understood. */
  readonly httpVersion: string;
  /** Status that was sent; 0 for none. */
  readonly status: number;
  /** Body bytes written, without framing. */
  readonly bytes: number;
  /** From the handler's start to the last byte written, in milliseconds with fractions; 0 for what no handler saw. */
  readonly durationMs: number;
  /** The `Referer` field, empty when there is none. */
  readonly referer: string;
  /** The `User-Agent` field, empty when there is none. */
  readonly userAgent: string;
  /** The trace of the request, empty when it has none. */
  readonly traceId: string;
  /** Why it ended without a complete reply of its handler; null when it has one. */
  readonly loss: LossReason | null;
  /** The code of the fault that was answered, `'BARE_LF'`; empty when there was none. */
  readonly fault: string;
}
