import type { Left } from '../../sans-io/left.js';
import { FAULT_BODY_TIMEOUT, FAULT_HEAD_TIMEOUT, FAULT_REQUEST_TIMEOUT } from './faults.js';
import type { Http1Context } from './http1-context.js';

/**
 * Flow and time of one connection: whether the Left presents bytes, and the one deadline it keeps for us.
 *
 * Which deadline that is depends on what is being received: idle, a head, or a body and the handler, of which the earlier one counts. 0 is never.
 */
export abstract class ConnectionFlow {
  protected readonly left: Left;
  protected readonly context: Http1Context;
  /** When the connection is too old for another request. */
  protected readonly expires: number;
  #paused = false;
  /** The next byte of a body; or, with the peer's side closed, of the reply. */
  #peerDeadline = 0;
  #handlerDeadline = 0;
  /** The last byte of the body, while one is due; 0 while none is. */
  #requestDeadline = 0;
  /** What the request has left of its time, while no byte is due. */
  #requestRestMs = 0;

  constructor(left: Left, context: Http1Context) {
    this.left = left;
    this.context = context;
    const { now } = left.clock;
    this.expires = now + context.limits.connectionTimeoutMs;
    this.armIdle(now);
  }

  protected get paused(): boolean {
    return this.#paused;
  }

  protected pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.left.pause();
  }

  protected resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.left.resume();
  }

  /** Between requests. */
  protected armIdle(now: number): void {
    const at = Math.min(now + this.context.limits.keepAliveTimeoutMs, this.expires);
    this.left.deadline = at === Number.POSITIVE_INFINITY ? 0 : at;
  }

  /** From the first byte of a head to its last, however they come. */
  protected armHead(): void {
    const { headerReadTimeoutMs, requestTimeoutMs } = this.context.limits;
    const timeoutMs = Math.min(headerReadTimeoutMs, requestTimeoutMs);
    this.left.deadline = deadline(this.left.clock.now, timeoutMs);
  }

  /** From the end of a head, when its handler needs more than a moment. */
  protected armHandler(): void {
    this.#peerDeadline = 0;
    this.extendHandler(this.left.clock.now);
  }

  /** @param since the handler's last sign of life */
  protected extendHandler(since: number): void {
    this.#handlerDeadline = deadline(since, this.context.limits.handlerTimeoutMs);
    this.rearm();
  }

  /** A body follows. @param since when the first byte of its head came */
  protected beginBody(since: number): void {
    this.#requestDeadline = 0;
    this.#requestRestMs = since + this.context.limits.requestTimeoutMs - this.left.clock.now;
  }

  /** From one body byte to the next, and never past what is left for the request. */
  protected armBody(): void {
    const { now } = this.left.clock;
    if (this.#requestDeadline === 0) this.#requestDeadline = now + this.#requestRestMs;
    const at = Math.min(now + this.context.limits.bodyReadTimeoutMs, this.#requestDeadline);
    this.#peerDeadline = at === Number.POSITIVE_INFINITY ? 0 : at;
    this.rearm();
  }

  /** @param since the peer's FIN, or what was sent after it */
  protected armHalfClose(since: number): void {
    this.#peerDeadline = deadline(since, this.context.limits.halfCloseTimeoutMs);
    this.rearm();
  }

  /** No body byte is due: there are no more, or nobody reads. */
  protected disarmBody(): void {
    if (this.#requestDeadline !== 0) {
      this.#requestRestMs = this.#requestDeadline - this.left.clock.now;
      this.#requestDeadline = 0;
    }
    this.#peerDeadline = 0;
    this.rearm();
  }

  /** The reply is complete. */
  protected disarmHandler(): void {
    this.#handlerDeadline = 0;
  }

  protected disarm(): void {
    this.left.deadline = 0;
  }

  protected handlerIsLate(now: number): boolean {
    return this.#handlerDeadline !== 0 && now >= this.#handlerDeadline;
  }

  protected peerIsLate(now: number): boolean {
    return this.#peerDeadline !== 0 && now >= this.#peerDeadline;
  }

  /** Which limit a head ran into that is late: the shorter one. */
  protected get headFault(): number {
    const { headerReadTimeoutMs, requestTimeoutMs } = this.context.limits;
    return requestTimeoutMs < headerReadTimeoutMs ? FAULT_REQUEST_TIMEOUT : FAULT_HEAD_TIMEOUT;
  }

  /** Which limit a body ran into that is late: the time of its request, or that of its silence. */
  protected bodyFault(now: number): number {
    const total = this.#requestDeadline;
    return total !== 0 && now >= total ? FAULT_REQUEST_TIMEOUT : FAULT_BODY_TIMEOUT;
  }

  /** The earlier of the two. Also after a tick that reached neither, as the Left forgot it then. */
  protected rearm(): void {
    const peer = this.#peerDeadline;
    const handler = this.#handlerDeadline;
    this.left.deadline = peer === 0 || (handler !== 0 && handler < peer) ? handler : peer;
  }
}

/** `now + timeoutMs`, or 0 for never. */
function deadline(now: number, timeoutMs: number): number {
  return timeoutMs === Number.POSITIVE_INFINITY ? 0 : now + timeoutMs;
}
