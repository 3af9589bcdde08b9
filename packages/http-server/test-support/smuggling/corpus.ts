import { CHUNKS } from './chunks.js';
import { CODINGS } from './codings.js';
import { CONNECTIONS } from './connections.js';
import { HOSTS } from './hosts.js';
import { LENGTHS } from './lengths.js';
import { LINES } from './lines.js';
import { REQUEST_LINES } from './request-lines.js';

/** What it is about, and its bytes as latin1. */
export type Entry = readonly [what: string, wire: string];

/**
 * Malformed and ambiguous connections by what we answer to each when {@link NEXT} follows it: the statuses of the final replies. `'400'`: refused, and what
 * follows is not looked at. `'200 200'`: one message, then the next. A handler that reads the whole body answers 200.
 */
export type Topic = Readonly<Record<string, readonly Entry[]>>;

/** Follows every entry: what a smuggler would want to be read as a request, or not to be. */
export const NEXT = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';

/** Every entry of every topic. */
export const CORPUS: Readonly<Record<string, Topic>> = {
  'Content-Length': LENGTHS,
  'Transfer-Encoding': CODINGS,
  chunks: CHUNKS,
  'line ends and fields': LINES,
  'request lines': REQUEST_LINES,
  'hosts and targets': HOSTS,
  'connections, upgrades, expectations, trailers': CONNECTIONS,
};
