import { HttpServerError } from './errors.js';

/**
 * The signals of one exchange, each made when it is first asked for. The request's is aborted as soon as the peer sends no more, the reply's when
 * nobody is left to take it: a peer that closed one direction only still reads.
 */
export class ExchangeSignals {
  #request: AbortController | null = null;
  #reply: AbortController | null = null;
  /** Why the request's is aborted; null while it is not. */
  #ended: unknown = null;
  /** Why the reply's is. */
  #lost: unknown = null;
  /** Told when the reply is lost: what costs a writer of ours less than a signal. */
  onLost: ((reason: unknown) => void) | null = null;

  /** Somebody has the request's signal, and so is told. */
  get heeded(): boolean {
    return this.#request !== null;
  }

  get request(): AbortSignal {
    this.#request ??= controllerOf(this.#ended);
    return this.#request.signal;
  }

  get reply(): AbortSignal {
    this.#reply ??= controllerOf(this.#lost);
    return this.#reply.signal;
  }

  /** The peer sends no more, and may be gone. */
  end(reason: unknown): void {
    if (this.#ended !== null) return;
    this.#ended = reason;
    this.#request?.abort(reason);
  }

  /** The exchange is over without its reply. */
  lose(reason: unknown): void {
    if (this.#lost !== null) return;
    this.#lost = reason;
    this.end(reason);
    this.#reply?.abort(reason);
    this.onLost?.(reason);
  }
}

function controllerOf(reason: unknown): AbortController {
  const controller = new AbortController();
  if (reason !== null) controller.abort(reason);
  return controller;
}

/** @param how what is known of the peer */
export function peerGone(how: string): HttpServerError {
  return new HttpServerError('PEER_GONE', how);
}
