import type { Blueprint } from '../sans-io/blueprint.js';
import type { HeldBytes } from '../sans-io/held-bytes.js';
import type { PeerAddress } from '../sans-io/left.js';
import type { BodyLease } from './body-lease.js';
import type { ContentKind } from './content-kind.js';
import type { LateFailure } from './late-work.js';
import type { ReplyFields } from './reply-fields.js';
import type { HttpRequest } from './request.js';
import type { RequestBody } from './request-body.js';
import type { RequestHead } from './request-head.js';

/** Nothing of the reply was sent. */
export const REPLY_NONE = 0;
/** The head was sent; body bytes follow. */
export const REPLY_STREAMING = 1;
/** The reply is complete. */
export const REPLY_DONE = 2;

/** How far a reply is. */
export type ReplyPhase = typeof REPLY_NONE | typeof REPLY_STREAMING | typeof REPLY_DONE;

/** The half of a {@link Carrier} that replies. */
export interface ReplyCarrier {
  /** How far the reply is. */
  readonly replyPhase: ReplyPhase;

  /** Sends a whole reply with the UTF-8 bytes of `body`. */
  respondString(status: number, fields: ReplyFields | null, kind: ContentKind, body: string): void;
  /** Sends a whole reply. `body` must not change until {@link whenSent}. */
  respondBytes(
    status: number,
    fields: ReplyFields | null,
    kind: ContentKind,
    body: Uint8Array,
  ): void;
  /** Sends a whole reply with the bytes of `body`, which holds them no longer then. @throws HttpServerError `LEASE_RELEASED`, `LEASE_BUSY` */
  respondLease(
    status: number,
    fields: ReplyFields | null,
    kind: ContentKind,
    body: BodyLease,
  ): void;
  /** Sends the head of a reply whose body follows; its length is `fields.contentLength` when that is >= 0. */
  start(status: number, fields: ReplyFields | null, kind: ContentKind): void;
  /** Sends body bytes after {@link start}. False when the writer should wait for {@link whenDrained}. */
  writeString(chunk: string): boolean;
  /** As {@link writeString}. */
  writeBytes(chunk: Uint8Array): boolean;
  /** Ends the body begun with {@link start}. */
  finish(trailers: ReplyFields | null): void;
  /** Sends a 1xx head other than 101. */
  informational(status: number, fields: ReplyFields | null): void;
  /** Resolves when the peer took enough of what was written; rejects when it is gone. */
  whenDrained(): Promise<void>;
  /**
   * Resolves when the memory of everything written so far is not needed any more, on this exchange and those before it; rejects when the connection
   * ended before, and for an exchange that was lost.
   */
  whenSent(lost: boolean): Promise<void>;
  /** The handler failed: 500 (or the status of the error) before the head, an abort after it. */
  fail(error: unknown): void;
  /**
   * Answers 101 and hands the connection to another protocol (RFC 9110 section 7.8).
   *
   * @throws HttpServerError when this protocol or request cannot be upgraded
   */
  upgrade(protocol: string, fields: ReplyFields | null, app: Blueprint): void;
}

/**
 * The protocol's side of an exchange: an HTTP/1.1 connection (one exchange at a time) or an HTTP/2 stream.
 *
 * {@link HttpRequest} and {@link HttpReply} are handles on a carrier. A handle remembers the generation it was made for and
 * refuses to work once the carrier moved on, so a late call can never reach the next exchange.
 */
export interface Carrier extends ReplyCarrier {
  /** Changes when the exchange is over. */
  readonly generation: number;
  /**
   * The generation of an exchange that ended under its handler: the peer went away, or a limit made the protocol answer itself. Its request stays
   * readable and its reply goes nowhere. -1 when there is none.
   */
  readonly lost: number;
  /** The head of the current exchange. */
  readonly head: RequestHead;
  /** False when the request has no body (or an empty one). */
  readonly hasBody: boolean;
  /** The body of the request as declared, in bytes; -1 when not declared. */
  readonly bodyLength: number;
  /**
   * The most bytes this body may have. What is known to be more is refused when it is to be received.
   *
   * @throws RangeError when set above what the server lets its handlers raise it to
   */
  maxBodyBytes: number;

  /** Where the request came from; null when that is not known any more. */
  peer(): PeerAddress | null;
  /** A copy of the head that outlives the exchange. */
  keepHead(): RequestHead;
  /** The body reader of the current exchange, built on first use. */
  body(): RequestBody;
  /** The body reader wants bytes (again): sends `100 Continue` when the peer waits for it, resumes reading. */
  pullBody(): void;
  /** Keeps body bytes that are being pushed where they are; null when they have to be copied. */
  takeBody(bytes: Uint8Array, start: number, end: number): HeldBytes | null;
  /** The body was received into a lease, which ends when the exchange is over. */
  leased(lease: BodyLease): void;
  /** Waits for work that goes on after the exchange. @throws as {@link LateWork.add} */
  waitUntil(work: PromiseLike<unknown>, request: HttpRequest, onError?: LateFailure): void;
  /** Aborted when the peer ends its side or goes away before the reply is complete. */
  signal(): AbortSignal;
  /** Aborted when nobody is left to take the reply. */
  replySignal(): AbortSignal;
  /** Calls `lost` when nobody is left to take the reply, from now on; null: nobody. */
  whenLost(lost: ((reason: unknown) => void) | null): void;
}
