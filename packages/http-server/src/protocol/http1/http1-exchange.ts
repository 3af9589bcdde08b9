import type { BodyLease } from '../../exchange/body-lease.js';
import { type Carrier, REPLY_DONE, REPLY_NONE, REPLY_STREAMING } from '../../exchange/carrier.js';
import { KIND_NONE } from '../../exchange/content-kind.js';
import { HttpServerError } from '../../exchange/errors.js';
import { ExchangeSignals, peerGone } from '../../exchange/exchange-signals.js';
import { isPromise } from '../../exchange/is-promise.js';
import type { LateFailure } from '../../exchange/late-work.js';
import type { LossReason } from '../../exchange/observer.js';
import { HttpReply } from '../../exchange/reply.js';
import { HttpRequest } from '../../exchange/request.js';
import { RequestBody } from '../../exchange/request-body.js';
import type { RequestHead } from '../../exchange/request-head.js';
import type { HeldBytes } from '../../sans-io/held-bytes.js';
import type { PeerAddress } from '../../sans-io/left.js';
import type { CloseReason } from '../../sans-io/orbit.js';
import type { Http1Head } from './http1-head.js';
import { METHOD_HEAD, METHOD_OPTIONS } from './methods.js';
import { ReplySide } from './reply-side.js';

const EMPTY = new Uint8Array(0);

/**
 * The exchanges of one connection, one at a time: the {@link Carrier} of its handles. Made with the first request, used for all.
 *
 * Here is what surrounds a reply: the handler's run, the request's body and signals, the end. The generation counts exchanges, so that a handle of an
 * earlier one finds itself outdated.
 */
export class Http1Exchange extends ReplySide implements Carrier {
  generation = 0;
  lost = -1;
  bodyLength = 0;

  #body: RequestBody | null = null;
  #signals: ExchangeSignals | null = null;
  /** What the handler returned, when that was a promise. */
  #handler: Promise<void> | null = null;
  /** The body, once it was received so: given back when the exchange is over. */
  #lease: BodyLease | null = null;

  // ---------------------------------------------------------------- the connection's side

  /** The next exchange. @param bodyLength as declared, 0 without a body, -1 for chunks */
  begin(head: Http1Head, keepAlive: boolean, bodyLength: number): void {
    const isHead = head.methodCode === METHOD_HEAD;
    const modern = head.version === 11;
    this.isHead = isHead;
    this.modern = modern;
    this.plain = keepAlive && modern && !isHead && bodyLength === 0;
    this.keepAlive = keepAlive;
    this.bodyLength = bodyLength;
    this.hasBody = bodyLength !== 0;
    this.head = head;
    this.replyPhase = REPLY_NONE;
    this.generation++;
    if (this.#body !== null) this.#body = null;
    if (this.#signals !== null) this.#signals = null;
    if (this.#handler !== null) this.#handler = null;
  }

  /** Runs the handler. Returns whether the reply is complete. */
  run(head: Http1Head): boolean {
    this.dispatching = true;
    let settled: unknown;
    const { context } = this;
    context.tally.begun[0]!++;
    if (context.observer.watching) {
      this.watch = context.observer.watch(this, this.left, this.host.serial);
    }
    if (head.methodCode === METHOD_OPTIONS && head.isAsterisk) {
      this.respondBytes(204, null, KIND_NONE, EMPTY);
    } else {
      try {
        const request = new HttpRequest(this);
        const reply = new HttpReply(this);
        const { watch } = this;
        settled =
          watch === null
            ? context.handle(request, reply)
            : watch.run(context.handle, request, reply);
      } catch (error) {
        this.fail(error);
      }
    }
    this.dispatching = false;
    const pending = isPromise(settled);
    if (pending) this.#watch(settled as Promise<void>);
    const done = this.replyPhase === REPLY_DONE;
    // Handles of a synchronous exchange die here: the head they read is gone with the receive buffer.
    if (done && !pending) this.generation++;
    else this.keepHead();
    return done;
  }

  /** What receives the body, null when nobody asked for it. */
  get reader(): RequestBody | null {
    return this.#body;
  }

  /** The peer sent FIN while the handler is at work. It gets its reply all the same. */
  peerEnded(): void {
    this.closeAfter();
    this.#signals?.end(peerGone('The client closed its side of the connection'));
  }

  /**
   * The exchange in flight, if any, ends without its handler's doing.
   *
   * @param status what the peer is answered instead, 0 for nothing
   * @returns what to call when the connection is in its final state
   */
  lose(reason: LossReason, status = 0): (error: unknown) => void {
    if (this.replyPhase !== REPLY_DONE) {
      this.lost = this.generation;
      this.forsake(reason, status);
    }
    this.replyPhase = REPLY_DONE;
    this.generation++;
    const body = this.#body;
    const signals = this.#signals;
    this.#body = null;
    this.#endLease();
    return (error) => {
      body?.fail(error);
      signals?.lose(error);
    };
  }

  /** The connection is gone. */
  close(reason: CloseReason): void {
    const waiting = this.#body !== null || this.#signals !== null || this.awaitsDrain;
    const tell = this.lose(lossOf(reason));
    if (!waiting) return;
    const error = peerGone(`The connection is gone: ${reason}`);
    this.failDrain(error);
    tell(error);
  }

  protected failBody(error: unknown): void {
    const body = this.#body;
    this.#body = null;
    body?.fail(error);
  }

  /** The reply is complete, the body was not read to its end. */
  dropBody(): void {
    this.#body?.fail(unread());
  }

  /** Nobody is told any more when the peer goes away, and the body is given back. */
  settle(): void {
    if (this.#signals !== null) this.#signals = null;
    if (this.#lease !== null) this.#endLease();
  }

  /** The reply is complete or lost: its lease ends when the handler is through with it, too. */
  #endLease(): void {
    const lease = this.#lease;
    if (lease === null) return;
    this.#lease = null;
    const end = (): void => lease.end();
    if (this.#handler === null) end();
    else this.#handler.then(end, end);
  }

  #watch(settled: Promise<void>): void {
    const { generation } = this;
    // A thenable may be anybody's; what it throws is a rejection.
    this.#handler = Promise.resolve(settled);
    this.#handler.then(
      () => {
        if (generation !== this.generation) return;
        if (this.replyPhase === REPLY_NONE) {
          this.fail(new HttpServerError('REPLY_MISSING', 'The handler settled without a reply'));
        } else if (this.replyPhase === REPLY_STREAMING && this.#leftAlone()) this.host.giveUp();
      },
      (error: unknown) => {
        if (generation === this.generation) this.fail(error);
      },
    );
  }

  /** The peer sent FIN and the handler heard of it. */
  #leftAlone(): boolean {
    return this.host.peerEnded && this.#signals?.heeded === true;
  }

  // ---------------------------------------------------------------- Carrier: the request

  peer(): PeerAddress | null {
    return this.left.peer();
  }

  /** The head is about to lose its bytes: gives it its own. */
  keepHead(): RequestHead {
    const context = this.context;
    if (this.head === context.head) this.head = context.copyHead();
    return this.head;
  }

  body(): RequestBody {
    if (this.#body !== null) return this.#body;
    const body = new RequestBody(this);
    this.#body = body;
    if (this.host.closed) body.fail(peerGone('The connection is gone'));
    else if (!this.hasBody) body.finish([]);
    else if (this.replyPhase === REPLY_DONE) body.fail(unread());
    return body;
  }

  pullBody(): void {
    this.host.pullBody();
  }

  takeBody(bytes: Uint8Array, start: number, end: number): HeldBytes | null {
    return this.left.hold(bytes, start, end);
  }

  leased(lease: BodyLease): void {
    this.#lease = lease;
  }

  get maxBodyBytes(): number {
    return this.hasBody ? this.host.maxBodyBytes : this.context.limits.maxBodyBytes;
  }
  set maxBodyBytes(bytes: number) {
    const { maxRaisedBodyBytes } = this.context.limits;
    if (bytes > maxRaisedBodyBytes) {
      throw new RangeError(
        `Cannot raise maxBodyBytes as it must be <= maxRaisedBodyBytes of the server, which is ${maxRaisedBodyBytes}: current value is ${bytes}`,
      );
    }
    if (this.hasBody) this.host.maxBodyBytes = bytes;
  }

  waitUntil(work: PromiseLike<unknown>, request: HttpRequest, onError?: LateFailure): void {
    this.context.late.add(work, request, onError);
  }

  signal(): AbortSignal {
    return this.#ownSignals().request;
  }

  replySignal(): AbortSignal {
    return this.#ownSignals().reply;
  }

  whenLost(lost: ((reason: unknown) => void) | null): void {
    this.#ownSignals().onLost = lost;
  }

  #ownSignals(): ExchangeSignals {
    if (this.#signals !== null) return this.#signals;
    const signals = new ExchangeSignals();
    if (this.lost >= 0) signals.lose(peerGone('The exchange ended before its reply'));
    // Complete, so nothing can interrupt it any more.
    else if (this.replyPhase === REPLY_DONE) return signals;
    else if (this.host.peerEnded) signals.end(peerGone('The client closed its side'));
    this.#signals = signals;
    return signals;
  }
}

function lossOf(reason: CloseReason): LossReason {
  return reason === 'peer-reset' || reason === 'ended' ? 'peer-gone' : reason;
}

function unread(): HttpServerError {
  return new HttpServerError('EXCHANGE_FINISHED', 'The reply ended before the body was read');
}
