import { REPLY_NONE } from '../../exchange/carrier.js';
import type { CloseReason, Orbit } from '../../sans-io/orbit.js';
import { BodyReceiver } from './body-receiver.js';
import {
  ConnectionEnds,
  READ_BODY,
  READ_CLOSED,
  READ_HEAD,
  READ_NOTHING,
} from './connection-ends.js';
import type { ExchangeHost } from './exchange-host.js';
import {
  FAULT_BODY_LENGTH,
  FAULT_HANDLER_TIMEOUT,
  FAULT_TRUNCATED,
  faultReport,
} from './faults.js';
import { headFault } from './head-fault.js';
import { EXPECT_CONTINUE, type HeadParser } from './head-parser.js';
import { Http1Exchange } from './http1-exchange.js';
import { writeContinue } from './interim-reply.js';
import { PartialHead } from './partial-head.js';

const CR = 0x0d;

/**
 * The receiving side of an HTTP/1.1 server connection, and its deadlines: one request and its reply at a time, in order.
 *
 * Theory. Two machines advance together. Receiving, here, goes HEAD -> BODY -> NOTHING -> HEAD; the reply, in {@link Http1Exchange}, goes NONE ->
 * STREAMING -> DONE. The next head is looked at when both are through: receiving is NOTHING and the reply DONE. A reply that is done before the body
 * was received leaves a bounded rest to be drained. Bytes that come while the machine can take none are left with the Left, which
 * is paused: that is the whole of back-pressure and of pipelining.
 *
 * The hot path is `receive` -> `HeadParser.parse` -> handler -> `writeShortText`, which touches no timer: the one deadline a batch needs is
 * stored when `receive` leaves. What an idle connection does not need is made when it is needed: the exchange, a partial head, a body.
 */
export class Http1Connection extends ConnectionEnds implements Orbit, ExchangeHost {
  #partial: PartialHead | null = null;
  #incoming: BodyReceiver | null = null;

  /** Within `receive`: no need to resume what was not paused. */
  #receiving = false;
  /** The server is closing: the next reply says so. */
  #closing = false;
  /** And waits for no further request. */
  #ending = false;
  #requests = 0;

  peerEnded = false;

  // ---------------------------------------------------------------- Orbit

  receive(bytes: Uint8Array, start: number, end: number): number {
    let p = start;
    this.#receiving = true;
    this.bytes += end - start;
    while (p < end) {
      const read = this.read;
      if (read === READ_HEAD) {
        const next = this.#receiveHead(bytes, p, end);
        if (next === p) break;
        p = next;
      } else if (read === READ_CLOSED) {
        if (this.upgraded !== null) {
          this.#receiving = false;
          return p - start + this.upgraded.receive(bytes, p, end);
        }
        p = end;
      } else if (read === READ_NOTHING) {
        this.pause();
        break;
      } else {
        const next = this.#receiveBody(bytes, p, end);
        if (next === p) break;
        p = next;
      }
    }
    this.#receiving = false;
    // Those are shown again.
    this.bytes -= end - p;
    if (this.read === READ_HEAD && this.#partial === null) this.armIdle(this.left.clock.now);
    return p - start;
  }

  receiveEnd(): void {
    if (this.upgraded !== null) {
      this.upgraded.receiveEnd();
      return;
    }
    this.peerEnded = true;
    switch (this.read) {
      case READ_HEAD:
        if (this.#partial === null) this.end();
        else this.refuse(FAULT_TRUNCATED, null);
        break;
      case READ_BODY:
        this.#bodyFault(FAULT_TRUNCATED);
        break;
      case READ_NOTHING:
        // From here, or what is sent after it, the handler's silence counts.
        this.armHalfClose(this.left.clock.now);
        this.exchange!.peerEnded();
        break;
    }
  }

  drained(): void {
    if (this.upgraded !== null) {
      this.upgraded.drained();
      return;
    }
    this.exchange?.drained();
    if (this.read === READ_HEAD) this.resume();
  }

  tick(now: number): void {
    if (this.upgraded !== null) {
      this.upgraded.tick(now);
      return;
    }
    const read = this.read;
    if (read === READ_HEAD) {
      if (this.#partial !== null) this.refuse(this.headFault, null);
      // A slow reader is not idle; how slow it may be is the runtime's to say.
      else if (this.left.blocked) this.armIdle(now);
      else this.endIdle(now);
    } else if (read !== READ_CLOSED) {
      if (this.handlerIsLate(now) && !this.#handlerGoesOn(now))
        this.breakExchange(FAULT_HANDLER_TIMEOUT);
      else if (!this.peerIsLate(now)) this.rearm();
      else if (read === READ_BODY) this.#bodyFault(this.bodyFault(now));
      else this.leftAlone(now);
    }
  }

  shutdown(gently = false): void {
    if (this.upgraded !== null) {
      this.upgraded.shutdown(gently);
      return;
    }
    // From here on every head says `Connection: close`.
    this.#closing = true;
    if (gently) {
      // A reply that promised to keep the connection is followed by one more exchange.
      if (this.exchange?.replyPhase === REPLY_NONE) this.exchange.closeAfter();
      return;
    }
    this.#ending = true;
    const idle = this.read === READ_HEAD && this.#partial === null && !this.paused;
    if (idle || this.#draining) this.end();
    else this.exchange?.closeAfter();
  }

  close(reason: CloseReason): void {
    this.read = READ_CLOSED;
    const upgraded = this.upgraded;
    this.upgraded = null;
    upgraded?.close(reason);
    if (this.exchange?.endsWithConnection) this.left.abort(true);
    this.exchange?.close(reason);
    this.context.observer.connectionClosed(this.serial, this.left, reason, this.#requests);
  }

  // ---------------------------------------------------------------- receiving a head

  /** Parses a head at `p` and runs the handler. Returns `p` itself to stop. */
  #receiveHead(bytes: Uint8Array, p: number, end: number): number {
    const left = this.left;
    if (left.blocked) {
      this.pause();
      return p;
    }
    const { head, limits } = this.context;
    const partial = this.#partial;
    let next: number;
    if (partial?.begun) next = partial.resume(head, limits, bytes, p, end);
    else if (bytes[p] === CR) {
      const taken = this.#partialHead().emptyLine(p + 1 < end ? bytes[p + 1] : undefined);
      if (taken >= 0) return p + taken;
      next = taken;
    } else next = head.parse(bytes, p, end);
    if (next > 0) {
      this.#accept(head, p, next, next < end);
      return next;
    }
    if (next < 0) {
      this.refuse(next, null);
      return end;
    }
    this.#partialHead().stopped(head, p, end);
    return p;
  }

  #partialHead(): PartialHead {
    if (this.#partial === null) {
      this.#partial = new PartialHead(this.left.clock.now);
      this.armHead();
    }
    return this.#partial;
  }

  /** A complete head: decides framing and persistence, then runs the handler. */
  #accept(head: HeadParser, start: number, end: number, more: boolean): void {
    const { limits } = this.context;
    const partial = this.#partial;
    if (partial !== null) this.#partial = null;
    const requests = ++this.#requests;
    const keepAlive =
      head.keepAlive &&
      requests < limits.maxRequestsPerConnection &&
      this.left.clock.now < this.expires &&
      !this.#closing;
    const length = head.chunked ? -1 : Math.max(head.contentLength, 0);
    const fault = headFault(head, length, limits.maxRaisedBodyBytes);
    if (fault !== 0) {
      this.refuse(fault, head);
      return;
    }
    if (length === 0) this.read = READ_NOTHING;
    else {
      this.read = READ_BODY;
      this.#incoming ??= new BodyReceiver(limits);
      this.#incoming.begin(length, head.expect === EXPECT_CONTINUE && !more);
      this.beginBody(partial === null ? this.left.clock.now : partial.since);
    }
    this.context.headStart = start;
    this.context.headEnd = end;
    this.exchange ??= new Http1Exchange(this, this.left, this.context);
    const exchange = this.exchange;
    exchange.begin(head, keepAlive, length);
    exchange.isOnly = requests === 1 && !head.keepAlive && length === 0 && !more;
    if (exchange.run(head)) {
      this.#afterReply(exchange);
      return;
    }
    exchange.progress();
    this.armHandler();
    if (length !== 0 && exchange.reader?.wants) this.#bodyWanted();
  }

  // ---------------------------------------------------------------- receiving a body

  /** Takes body bytes at `p`. Returns `p` itself to stop. */
  #receiveBody(bytes: Uint8Array, p: number, end: number): number {
    const incoming = this.#incoming!;
    const reader = this.exchange!.reader;
    // The peer does not wait for our 100.
    incoming.awaitsContinue = false;
    if (!incoming.draining && !reader?.wants) {
      this.exchange!.progress();
      this.pause();
      this.disarmBody();
      return p;
    }
    const tooLarge = incoming.tooLarge && !incoming.draining;
    if (!tooLarge && reader?.collecting && incoming.awaitsMore(this.left, end - p)) {
      this.armBody();
      return p;
    }
    const next = tooLarge ? FAULT_BODY_LENGTH : incoming.take(bytes, p, end, reader);
    if (next < 0) {
      this.#bodyFault(next);
      return end;
    }
    if (incoming.done) this.#bodyDone(incoming);
    else if (!incoming.draining) this.armBody();
    else if (incoming.drainedTooMuch) {
      this.context.observer.limit('maxDrainBytes', this.serial);
      this.end();
      return end;
    }
    return next;
  }

  /** The handler reads. A body that is known to be too large is refused now. */
  #bodyWanted(): void {
    if (this.#incoming!.tooLarge) this.breakExchange(FAULT_BODY_LENGTH);
    else this.armBody();
  }

  #bodyDone(incoming: BodyReceiver): void {
    this.read = READ_NOTHING;
    if (incoming.draining) this.#nextRequest();
    else {
      this.exchange!.progress();
      this.exchange!.reader!.finish(incoming.trailers);
      this.disarmBody();
    }
  }

  /** The peer broke its body, ended within it or stalled. */
  #bodyFault(fault: number): void {
    if (this.#draining) {
      this.report(faultReport(fault));
      this.end();
    } else this.breakExchange(fault);
  }

  /** It sent something since, or waits for the peer, whose time is counted elsewhere: a body's, or the runtime's write timeout. */
  #handlerGoesOn(now: number): boolean {
    const exchange = this.exchange!;
    const waits = this.left.blocked || (this.read === READ_BODY && exchange.reader?.wants);
    this.extendHandler(waits ? now : exchange.progressedAt);
    return !this.handlerIsLate(now);
  }

  // ---------------------------------------------------------------- the end of an exchange

  #afterReply(exchange: Http1Exchange): void {
    if (this.read === READ_NOTHING) {
      exchange.settle();
      if (exchange.keepAlive) this.#nextRequest();
      else this.end(exchange.isOnly);
      return;
    }
    if (this.read === READ_CLOSED) return;
    // The body was not read to its end.
    exchange.settle();
    if (!exchange.keepAlive || this.restUnwelcome) this.end();
    else {
      this.disarmHandler();
      this.#incoming!.drain(this.left);
      // A total: a peer that trickles what nobody wants is not worth waiting for.
      this.armBody();
      this.resume();
    }
    exchange.dropBody();
  }

  #nextRequest(): void {
    this.read = READ_HEAD;
    if (this.peerEnded || this.#ending) {
      this.end();
      return;
    }
    if (this.#receiving) return;
    this.armIdle(this.left.clock.now);
    this.resume();
  }

  // ---------------------------------------------------------------- ExchangeHost

  get received(): boolean {
    return this.read === READ_NOTHING;
  }

  get #draining(): boolean {
    return this.read === READ_BODY && this.#incoming!.draining;
  }

  get maxBodyBytes(): number {
    return this.#incoming!.maxBytes;
  }
  set maxBodyBytes(bytes: number) {
    this.#incoming!.maxBytes = bytes;
  }

  get restUnwelcome(): boolean {
    return this.read === READ_BODY && this.#incoming!.unwelcome;
  }

  pullBody(): void {
    if (this.read !== READ_BODY) return;
    const incoming = this.#incoming!;
    if (incoming.draining) return;
    const exchange = this.exchange!;
    if (incoming.awaitsContinue && !incoming.tooLarge) {
      incoming.awaitsContinue = false;
      if (exchange.replyPhase === REPLY_NONE) writeContinue(this.left);
    }
    if (!exchange.dispatching) {
      exchange.progress();
      this.#bodyWanted();
    }
    this.resume();
  }

  replied(): void {
    this.#afterReply(this.exchange!);
  }
}
