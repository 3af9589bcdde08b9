import type { Fault } from '../exchange/observer.js';
import type { PeerAddress } from '../sans-io/left.js';

/** A peer broke the protocol or reached a limit. Never thrown: given to `onClientError` and to {@link httpChannels}. */
export class ClientError extends Error {
  /** Name of the class. */
  override readonly name = 'ClientError';
  /** What was wrong, stable across releases: `'BARE_LF'`, `'HEAD_TIMEOUT'`. docs/guides/observation.md has the list. */
  readonly code: string;
  /** The status that answers it, unless a reply was begun. */
  readonly status: number;
  /** The option whose limit was reached, such as `'maxHeaderBytes'`; null for plain mistakes. */
  readonly limit: string | null;
  /** Who it was; null when that is not known any more. */
  readonly peer: PeerAddress | null;
  /** Number of the connection in this server, from 1. */
  readonly connection: number;
  /** Bytes this connection had received when the mistake was found. */
  readonly bytesReceived: number;

  /** Made by the server. */
  constructor(fault: Fault, connection: number, peer: PeerAddress | null, bytesReceived: number) {
    super(fault.message);
    this.code = fault.code;
    this.status = fault.status;
    this.limit = fault.limit;
    this.connection = connection;
    this.peer = peer;
    this.bytesReceived = bytesReceived;
  }
}
