import type { AccessEntry } from './access-entry.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** What could end a quoted string or a line, move a cursor, or be no ASCII. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a log
const UNSAFE = /[\x00-\x1f"\\\x7f-\uffff]/g;
/** What JSON.stringify leaves alone and a terminal does not. */
const UNSAFE_IN_JSON = /[\x7f-\uffff]/g;

/**
 * The Combined Log Format of Apache and nginx, in UTC, without the line's end. Every byte a client may have chosen that is no printable ASCII, and `"` and
 * `\`, becomes `\xHH`, so that a log line is one line and says nothing to a terminal.
 */
export function combinedLine(entry: AccessEntry): string {
  const { method, target, httpVersion } = entry;
  const request = method === '' ? '-' : `${safe(method)} ${safe(target)} HTTP/${httpVersion}`;
  return `${peerOf(entry)} - - [${stamp(entry.time)}] "${request}" ${statusOf(entry)} ${entry.bytes} "${orDash(entry.referer)}" "${orDash(entry.userAgent)}"`;
}

/** One JSON object, without the line's end: the members of {@link AccessEntry}, empty ones left out, `peer` as a string, `time` in RFC 3339. */
export function jsonLine(entry: AccessEntry): string {
  const members: Record<string, unknown> = {
    time: new Date(entry.time).toISOString(),
    peer: peerOf(entry),
    method: entry.method,
    target: entry.target,
    httpVersion: entry.httpVersion,
    status: statusOf(entry),
    bytes: entry.bytes,
    durationMs: Math.round(entry.durationMs * 1000) / 1000,
    referer: entry.referer,
    userAgent: entry.userAgent,
    traceId: entry.traceId,
    loss: entry.loss,
    fault: entry.fault,
  };
  for (const [name, value] of Object.entries(members)) {
    if (value === '' || value === null) delete members[name];
  }
  return JSON.stringify(members).replace(
    UNSAFE_IN_JSON,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** 499 is what nginx logs for a client that left before its reply. */
function statusOf(entry: AccessEntry): number {
  return entry.status === 0 && entry.loss === 'peer-gone' ? 499 : entry.status;
}

function peerOf({ peer }: AccessEntry): string {
  if (peer === null) return '-';
  return peer.family === 'Unix' ? `unix:${safe(peer.path)}` : peer.address;
}

function orDash(text: string): string {
  return text === '' ? '-' : safe(text);
}

function safe(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    return code > 0xff ? '?' : `\\x${code.toString(16).padStart(2, '0').toUpperCase()}`;
  });
}

/** `10/Oct/2000:13:55:36 +0000` */
function stamp(time: number): string {
  const at = new Date(time);
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${two(at.getUTCDate())}/${MONTHS[at.getUTCMonth()]}/${at.getUTCFullYear()}`;
  return `${day}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
}
