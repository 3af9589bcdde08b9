import { REPLY_NONE, type ReplyCarrier } from './carrier.js';
import { HttpServerError } from './errors.js';

/** What those are told who wait for its end. */
export function gone(): HttpServerError {
  return new HttpServerError('PEER_GONE', 'The exchange ended before its reply');
}

/**
 * What a reply is written to once the exchange was lost under a handler that is still at work: it takes everything and sends nothing, so that
 * a peer that hangs up is no error in every handler. A streaming handler learns it from `write() === false` and `drained()`.
 */
export const NOWHERE: Omit<ReplyCarrier, 'whenSent' | 'fail'> = {
  replyPhase: REPLY_NONE,
  respondString() {},
  respondBytes() {},
  respondLease: (_status, _fields, _kind, body) => body.release(),
  start() {},
  writeString: () => false,
  writeBytes: () => false,
  finish() {},
  informational() {},
  whenDrained: () => Promise.reject(gone()),
  upgrade() {
    throw gone();
  },
};
