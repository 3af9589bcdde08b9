import type { Left } from '../sans-io/left.js';
import type { CloseReason } from '../sans-io/orbit.js';
import type { Carrier } from './carrier.js';
import type { ContentKind } from './content-kind.js';
import type { HttpReply } from './reply.js';
import type { ReplyFields } from './reply-fields.js';
import type { HttpRequest } from './request.js';
import type { RequestHead } from './request-head.js';
import { HttpTally } from './tally.js';

/**
 * Why an exchange ended without a complete reply of its handler.
 *
 * - `peer-gone`: the client reset the connection, or sent FIN and nothing more was written to it
 * - `fault`: the client broke the protocol, or a limit ended the exchange
 * - `aborted`: our side gave up: a handler that failed after its head was sent, a write timeout
 * - `shutdown`: the server closed and its drain timeout passed
 */
export type LossReason = 'peer-gone' | 'fault' | 'aborted' | 'shutdown';

/** A mistake of a peer, or a limit it reached, as the protocol reports it. */
export interface Fault {
  /** Stable, for programs: `'BARE_LF'`. */
  readonly code: string;
  /** The status that answers it. */
  readonly status: number;
  /** The sentence that says what was wrong. */
  readonly message: string;
  /** The option whose limit was reached; null for plain mistakes. */
  readonly limit: string | null;
}

/** Follows one exchange. Made by {@link HttpObserver.watch}; each member is called by the protocol, in this order. */
export interface ExchangeWatch {
  /** Runs the handler, and tells of the request before. */
  run(
    handle: (request: HttpRequest, reply: HttpReply) => void | Promise<void>,
    request: HttpRequest,
    reply: HttpReply,
  ): void | Promise<void>;
  /** The head of the reply was written. */
  replying(status: number, fields: ReplyFields | null, kind: ContentKind): void;
  /** Bytes of the reply's body were written. */
  sent(bytes: number): void;
  /** The reply is complete: given to the connection, not yet read by the client. */
  finished(): void;
  /** The exchange is over without. @param status what the server answered in the handler's place, 0 for nothing */
  lost(reason: LossReason, status: number): void;
}

/** What a protocol tells of itself. Its methods neither throw nor call back into the protocol. */
export interface HttpObserver {
  /** The counters, which the protocol advances itself. */
  readonly tally: HttpTally;
  /** Somebody wants to hear of exchanges: asked once per request. */
  readonly watching: boolean;
  /** A request goes to its handler. Called only while {@link watching}. */
  watch(carrier: Carrier, left: Left, connection: number): ExchangeWatch;
  /** A connection speaks HTTP from now on. @returns its number, counted from 1 */
  connectionOpened(left: Left): number;
  /** A connection is gone. */
  connectionClosed(connection: number, left: Left, reason: CloseReason, requests: number): void;
  /** A peer made a mistake. @param bytes received on this connection when it was found */
  fault(fault: Fault, connection: number, left: Left, bytes: number): void;
  /** A message with a fault was answered before it was a request. @param head null when it was not understood; valid during the call */
  refused(fault: Fault, left: Left, head: RequestHead | null): void;
  /** A limit ended something without a fault: an idle connection, a body nobody read. */
  limit(name: string, connection: number): void;
}

/** The observer of a protocol nobody observes: counts, and nothing else. */
export class TallyObserver implements HttpObserver {
  readonly tally = new HttpTally();
  readonly watching: boolean = false;
  #connections = 0;

  /** Never called, as nobody is {@link watching}. */
  watch(_carrier: Carrier, _left: Left, _connection: number): ExchangeWatch {
    throw new Error('Nobody watches');
  }

  connectionOpened(_left: Left): number {
    this.tally.opened++;
    return ++this.#connections;
  }

  connectionClosed(
    _connection: number,
    _left: Left,
    _reason: CloseReason,
    _requests: number,
  ): void {
    this.tally.closed++;
  }

  fault(fault: Fault, connection: number, _left: Left, _bytes: number): void {
    this.tally.fault(fault.code);
    if (fault.limit !== null) this.limit(fault.limit, connection);
  }

  refused(_fault: Fault, _left: Left, _head: RequestHead | null): void {}

  limit(name: string, _connection: number): void {
    this.tally.limit(name);
  }
}
