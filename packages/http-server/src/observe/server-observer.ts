import type { Carrier } from '../exchange/carrier.js';
import type { ExchangeWatch, Fault, HttpObserver } from '../exchange/observer.js';
import type { RequestHead } from '../exchange/request-head.js';
import { HttpTally } from '../exchange/tally.js';
import { parseTraceContext } from '../exchange/trace-context.js';
import type { RuntimeObserver } from '../runtime/runtime-observer.js';
import type { Left, PeerAddress } from '../sans-io/left.js';
import type { CloseReason } from '../sans-io/orbit.js';
import { AccessLog, type AccessLogOption } from './access-log.js';
import { type ClientDisconnect, httpChannels, type RequestFinished } from './channels.js';
import { ClientError } from './client-error.js';
import { ExchangeRecord } from './exchange-record.js';
import {
  requestStartChannel,
  responseCreatedChannel,
  responseFinishChannel,
} from './node-channels.js';
import { ServerView, SocketView } from './node-views.js';

/** What a server tells its operator, beside counting. */
export interface ObservationOptions {
  /**
   * Logs every request: `true` in the Combined Log Format on standard output, a function gets the entries, an object chooses format and stream. Written in
   * batches, never waited for: lines a slow stream has no room for are dropped and counted. Default false.
   */
  readonly accessLog?: AccessLogOption;
  /** Told of every client that broke the protocol or reached a limit. It was answered already. */
  readonly onClientError?: (error: ClientError) => void;
  /** Told of every client that went away before its reply was complete. */
  readonly onDisconnect?: (disconnect: ClientDisconnect) => void;
}

/** Counts, and tells channels, access log and callbacks of one server what its protocol and its runtime report. */
export class ServerObserver implements HttpObserver, RuntimeObserver {
  readonly tally: HttpTally;
  /** Null when there is none. @internal */
  readonly accessLog: AccessLog | null;
  /** For tools that expect an `http.Server`. @internal */
  readonly server = new ServerView();
  readonly #onClientError: ((error: ClientError) => void) | undefined;
  readonly #onDisconnect: ((disconnect: ClientDisconnect) => void) | undefined;
  /** An option asks for every exchange. */
  readonly #always: boolean;
  readonly #sockets = new Map<number, SocketView>();
  #connections = 0;

  /** @param tally where it counts */
  constructor(options: ObservationOptions = {}, tally: HttpTally = new HttpTally()) {
    const { accessLog = false } = options;
    this.tally = tally;
    this.accessLog = accessLog === false ? null : new AccessLog(accessLog, tally);
    this.#onClientError = options.onClientError;
    this.#onDisconnect = options.onDisconnect;
    this.#always = this.accessLog !== null || this.#onDisconnect !== undefined;
  }

  get watching(): boolean {
    return (
      this.#always ||
      requestStartChannel.hasSubscribers ||
      responseFinishChannel.hasSubscribers ||
      responseCreatedChannel.hasSubscribers ||
      httpChannels.requestFinish.hasSubscribers ||
      httpChannels.requestStart.hasSubscribers ||
      httpChannels.disconnect.hasSubscribers
    );
  }

  watch(carrier: Carrier, left: Left, connection: number): ExchangeWatch {
    const host = {
      server: this.server,
      socket: (peer: PeerAddress | null) => this.#socket(connection, peer),
      ended: (message: RequestFinished, head: RequestHead) => this.#ended(message, head),
    };
    return new ExchangeRecord(host, carrier, connection, left.peer());
  }

  connectionOpened(left: Left): number {
    this.tally.opened++;
    const connection = ++this.#connections;
    if (httpChannels.connectionOpen.hasSubscribers) {
      httpChannels.connectionOpen.publish({ connection, peer: left.peer() });
    } else if (httpChannels.connectionClose.hasSubscribers) left.peer(); // known from now on
    return connection;
  }

  connectionClosed(connection: number, left: Left, reason: CloseReason, requests: number): void {
    this.tally.closed++;
    if (this.#sockets.size > 0) {
      this.#sockets.get(connection)?.closed();
      this.#sockets.delete(connection);
    }
    if (!httpChannels.connectionClose.hasSubscribers) return;
    httpChannels.connectionClose.publish({ connection, peer: left.peer(), reason, requests });
  }

  fault(fault: Fault, connection: number, left: Left, bytes: number): void {
    this.tally.fault(fault.code);
    const channel = httpChannels.protocolError;
    if (this.#onClientError !== undefined || channel.hasSubscribers) {
      const error = new ClientError(fault, connection, left.peer(), bytes);
      if (channel.hasSubscribers) channel.publish(error);
      if (this.#onClientError !== undefined) safely(this.#onClientError, error);
    }
    if (fault.limit !== null) this.limit(fault.limit, connection);
  }

  limit(limit: string, connection: number): void {
    this.tally.limit(limit);
    if (httpChannels.limit.hasSubscribers) httpChannels.limit.publish({ limit, connection });
  }

  refused(fault: Fault, left: Left, head: RequestHead | null): void {
    if (this.accessLog === null) return;
    this.accessLog.push({
      time: Date.now(),
      peer: left.peer(),
      method: head?.method ?? '',
      target: head?.target ?? '',
      httpVersion: head?.httpVersion ?? '',
      status: fault.status,
      bytes: head?.method === 'HEAD' ? 0 : fault.message.length + 1,
      durationMs: 0,
      referer: head?.field('referer') ?? '',
      userAgent: head?.field('user-agent') ?? '',
      traceId: '',
      loss: 'fault',
      fault: fault.code,
    });
  }

  acceptPaused(paused: boolean, connections: number, maxConnections: number): void {
    if (paused) this.tally.limit('maxConnections');
    if (!httpChannels.accept.hasSubscribers) return;
    httpChannels.accept.publish({ paused, connections, maxConnections });
  }

  /** Nothing follows: the access log is written to its end. */
  close(): void {
    this.server.name = null;
    this.server.emit('close');
    this.accessLog?.close();
  }

  writeTimedOut(_peer: PeerAddress | null): void {
    this.limit('writeTimeoutMs', 0);
  }

  #socket(connection: number, peer: PeerAddress | null): SocketView {
    let socket = this.#sockets.get(connection);
    if (socket === undefined) {
      socket = new SocketView(peer);
      this.#sockets.set(connection, socket);
    }
    return socket;
  }

  #ended(message: RequestFinished, head: RequestHead): void {
    const { requestFinish, disconnect } = httpChannels;
    if (requestFinish.hasSubscribers) requestFinish.publish(message);
    if (message.loss === 'peer-gone') {
      if (disconnect.hasSubscribers) disconnect.publish(message as ClientDisconnect);
      if (this.#onDisconnect !== undefined) safely(this.#onDisconnect, message as ClientDisconnect);
    }
    this.accessLog?.push({
      time: Date.now(),
      peer: message.peer,
      method: message.method,
      target: message.target,
      httpVersion: head.httpVersion,
      status: message.status,
      bytes: message.bytes,
      durationMs: message.durationMs,
      referer: head.field('referer') ?? '',
      userAgent: head.field('user-agent') ?? '',
      traceId: parseTraceContext(head.field('traceparent'), undefined)?.traceId ?? '',
      loss: message.loss,
      fault: '',
    });
  }
}

/** The protocol is in the middle of something: a callback that throws must not end it. */
function safely<T>(callback: (value: T) => void, value: T): void {
  try {
    callback(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
