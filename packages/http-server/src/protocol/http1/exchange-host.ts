import type { Blueprint } from '../../sans-io/blueprint.js';

/** What an exchange needs from the connection it runs on. */
export interface ExchangeHost {
  /** The request was received to its end. */
  readonly received: boolean;
  /** Nothing is received or sent any more. */
  readonly closed: boolean;
  /** The peer sent FIN. */
  readonly peerEnded: boolean;
  /** What the peer has yet to send of the body would not be received for nobody: the reply has to close. */
  readonly restUnwelcome: boolean;
  /** The most bytes the body may have that is being received. */
  maxBodyBytes: number;
  /** The number the observer gave the connection. */
  readonly serial: number;
  /** Nobody is at either end. */
  giveUp(): void;
  /** The body reader takes bytes. */
  pullBody(): void;
  /** The reply is complete. Not called for a reply completed within the handler's synchronous part. */
  replied(): void;
  /** The reply cannot be completed: the peer must notice, so no orderly end. */
  abort(): void;
  /** Everything from here on is another protocol's. */
  handOver(app: Blueprint): void;
}
