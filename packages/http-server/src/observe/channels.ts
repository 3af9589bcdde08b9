import { channel } from 'node:diagnostics_channel';
import type { LossReason } from '../exchange/observer.js';
import type { PeerAddress } from '../sans-io/left.js';
import type { CloseReason } from '../sans-io/orbit.js';
import type { ClientError } from './client-error.js';

/** A channel of node:diagnostics_channel whose messages have a known shape. */
export interface TypedChannel<Message> {
  /** What `diagnostics_channel.subscribe` takes. */
  readonly name: string;
  /** Somebody listens. Nothing is built while nobody does. */
  readonly hasSubscribers: boolean;
  /** Listens. */
  subscribe(listener: (message: Message, name: string | symbol) => void): void;
  /** Stops to. @returns whether it listened */
  unsubscribe(listener: (message: Message, name: string | symbol) => void): boolean;
  /** Tells every listener; what one throws becomes an uncaught exception. */
  publish(message: Message): void;
}

/** A connection speaks HTTP from now on. */
export interface ConnectionOpened {
  /** Its number in this server, from 1. */
  readonly connection: number;
  /** Who it is. */
  readonly peer: PeerAddress | null;
}

/** A connection is gone. */
export interface ConnectionClosed {
  /** Its number in this server, from 1. */
  readonly connection: number;
  /** Who it was; null when nobody asked while it was open. */
  readonly peer: PeerAddress | null;
  /** Who ended it. */
  readonly reason: CloseReason;
  /** Requests it carried, refused ones with a complete head included. */
  readonly requests: number;
}

/** A request goes to its handler. */
export interface RequestStarted {
  /** The number of its connection. */
  readonly connection: number;
  /** Who sent it. */
  readonly peer: PeerAddress | null;
  /** As sent. */
  readonly method: string;
  /** The request target as sent, one character per byte. */
  readonly target: string;
}

/** A request is over: {@link RequestFinished.loss} says whether it got its reply. */
export interface RequestFinished extends RequestStarted {
  /** Status that was sent, 0 for none. */
  readonly status: number;
  /** From the handler's start to the last byte written, in milliseconds with fractions. */
  readonly durationMs: number;
  /** Body bytes written, without framing. */
  readonly bytes: number;
  /** Why it ended without a complete reply of its handler; null when it has one. */
  readonly loss: LossReason | null;
}

/** A client went away before its reply was complete: a {@link RequestFinished} of that kind. */
export interface ClientDisconnect extends RequestFinished {
  readonly loss: 'peer-gone';
}

/** A limit was reached. */
export interface LimitReached {
  /** The option: `'maxHeaderBytes'`, `'keepAliveTimeoutMs'`, `'writeTimeoutMs'`. */
  readonly limit: string;
  /** The number of the connection; 0 where the runtime reached it. */
  readonly connection: number;
}

/** Accepting stopped because `maxConnections` are open, or goes on. */
export interface AcceptPaused {
  /** Stopped, or goes on. */
  readonly paused: boolean;
  /** Open now. */
  readonly connections: number;
  /** The most there may be. */
  readonly maxConnections: number;
}

/**
 * What happens in every server of this thread, as channels of node:diagnostics_channel. A channel nobody listens to costs one look per event.
 *
 * @example
 * ```ts
 * import { httpChannels, serve } from '@ringbearer/http-server';
 *
 * httpChannels.requestFinish.subscribe(({ method, target, status, durationMs }) => {
 *   console.log(method, target, status, `${durationMs.toFixed(1)} ms`);
 * });
 * const server = await serve({ port: 0, fetch: () => new Response('Hello') });
 * await (await fetch(server.url)).text();
 * await server.close();
 * ```
 */
export const httpChannels = {
  /** `ringbearer:http:connection.open` */
  connectionOpen: typed<ConnectionOpened>('connection.open'),
  /** `ringbearer:http:connection.close` */
  connectionClose: typed<ConnectionClosed>('connection.close'),
  /** `ringbearer:http:request.start` */
  requestStart: typed<RequestStarted>('request.start'),
  /** `ringbearer:http:request.finish` */
  requestFinish: typed<RequestFinished>('request.finish'),
  /** `ringbearer:http:disconnect` */
  disconnect: typed<ClientDisconnect>('disconnect'),
  /** `ringbearer:http:protocol-error` */
  protocolError: typed<ClientError>('protocol-error'),
  /** `ringbearer:http:limit` */
  limit: typed<LimitReached>('limit'),
  /** `ringbearer:http:accept` */
  accept: typed<AcceptPaused>('accept'),
} as const;

function typed<Message>(name: string): TypedChannel<Message> {
  return channel(`ringbearer:http:${name}`) as unknown as TypedChannel<Message>;
}
