import { REPLY_STREAMING } from '../../exchange/carrier.js';
import { HttpServerError } from '../../exchange/errors.js';
import { peerGone } from '../../exchange/exchange-signals.js';
import type { Fault } from '../../exchange/observer.js';
import type { Blueprint } from '../../sans-io/blueprint.js';
import type { Left } from '../../sans-io/left.js';
import type { Orbit } from '../../sans-io/orbit.js';
import { ConnectionFlow } from './connection-flow.js';
import { faultCode, faultReport, faultStatus, faultText } from './faults.js';
import type { Http1Context } from './http1-context.js';
import type { Http1Exchange } from './http1-exchange.js';
import type { Http1Head } from './http1-head.js';
import { METHOD_HEAD } from './methods.js';
import { writeRefusal } from './whole-reply.js';

// What is being received.
export const READ_HEAD = 0;
export const READ_BODY = 1;
/** The request is complete, its reply is not. */
export const READ_NOTHING = 2;
/** `left.end` or `left.abort` was called: whatever comes is dropped. */
export const READ_CLOSED = 3;

/**
 * How a connection ends: in order, with a refusal, within an exchange, left alone, or in the hands of another protocol. Receiving is CLOSED from there on.
 */
export abstract class ConnectionEnds extends ConnectionFlow {
  protected exchange: Http1Exchange | null = null;
  /** What all bytes go to after an upgrade. */
  protected upgraded: Orbit | null = null;
  /** READ_* */
  protected read = READ_HEAD;
  /** Bytes received, as far as they were looked at. */
  protected bytes = 0;
  readonly serial: number;

  constructor(left: Left, context: Http1Context) {
    super(left, context);
    this.serial = context.observer.connectionOpened(left);
  }

  get closed(): boolean {
    return this.read === READ_CLOSED;
  }

  /** What came is no request. @param head null when not even that was understood */
  protected refuse(fault: number, head: Http1Head | null): void {
    const report = faultReport(fault);
    this.report(report);
    this.context.observer.refused(report, this.left, head);
    this.answer(fault, head?.methodCode === METHOD_HEAD);
  }

  /** Answers a fault with its status and closes. */
  protected answer(fault: number, isHead: boolean): void {
    const { heads, tally } = this.context;
    tally.refusals[(faultStatus(fault) / 100) | 0]!++;
    writeRefusal(this.left, heads, fault, isHead);
    this.end();
  }

  protected report(report: Fault): void {
    this.context.observer.fault(report, this.serial, this.left, this.bytes);
  }

  /** Nothing came for too long, or the connection is too old. */
  protected endIdle(now: number): void {
    const limit = now >= this.expires ? 'connectionTimeoutMs' : 'keepAliveTimeoutMs';
    this.context.observer.limit(limit, this.serial);
    this.end();
  }

  /**
   * Flushes, sends FIN and takes no more. The Left lingers, so that a peer still sending gets to read our last reply.
   *
   * @param allSaid it is not sending: it may not, after a request with `Connection: close` (RFC 9112 section 9.6)
   */
  protected end(allSaid = false): void {
    this.read = READ_CLOSED;
    this.disarm();
    this.left.end(allSaid);
    this.resume();
  }

  /** Ends the exchange from our side: an error reply when none was begun, else an abort. */
  protected breakExchange(fault: number): void {
    const exchange = this.exchange!;
    const begun = exchange.replyPhase === REPLY_STREAMING;
    const isHead = (exchange.head as Http1Head).methodCode === METHOD_HEAD;
    const tell = exchange.lose('fault', begun ? 0 : faultStatus(fault));
    this.report(faultReport(fault));
    if (begun) this.abort();
    else this.answer(fault, isHead);
    tell(new HttpServerError(faultCode(fault), faultText(fault), faultStatus(fault)));
  }

  /** The peer sent FIN. As long as either side does something, there is a reply to wait for. */
  protected leftAlone(now: number): void {
    this.armHalfClose(this.left.blocked ? now : this.exchange!.progressedAt);
    if (!this.peerIsLate(now)) return;
    this.context.observer.limit('halfCloseTimeoutMs', this.serial);
    this.giveUp();
  }

  giveUp(): void {
    const tell = this.exchange!.lose('peer-gone');
    this.abort();
    tell(peerGone('The client closed its side of the connection, and no reply came'));
  }

  abort(): void {
    this.read = READ_CLOSED;
    this.disarm();
    this.left.abort(this.exchange?.endsWithConnection);
  }

  handOver(app: Blueprint): void {
    this.read = READ_CLOSED;
    this.disarm();
    try {
      this.upgraded = app.instantiate(this.left);
    } catch (error) {
      // The peer was told 101 already: nobody is left to speak to it.
      this.left.abort();
      throw error;
    }
    this.resume();
  }
}
