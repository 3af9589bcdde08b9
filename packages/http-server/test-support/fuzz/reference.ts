/**
 * The grammar of RFC 9112 once more, as regular expressions over whole messages with our decisions: slow, obvious, and written apart from the parsers, to hold
 * them against.
 */
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const VALUE = '[\\t\\x20-\\x7e\\x80-\\xff]';
const LINE = `${TOKEN}:${VALUE}*\\r\\n`;
const HEAD = new RegExp(
  `^(${TOKEN}) ([\\x21\\x22\\x24-\\x7e\\x80-\\xff]+) HTTP/1\\.([01])\\r\\n((?:${LINE})*)\\r\\n`,
);
const SECTION = new RegExp(`((?:${LINE})*)\\r\\n`, 'y');
const SIZE = new RegExp(
  `([0-9A-Fa-f]{1,16})(?:;${TOKEN}(?:=(?:${TOKEN}|"(?:\\\\${VALUE}|(?!["\\\\])${VALUE})*"))?)*\\r\\n`,
  'y',
);
const HOST = /^(?:\[[0-9A-Fa-f:.vV]+\]|[0-9A-Za-z\-._~%!$&'()*+;=]+)(?::\d*)?$/;
const ABSOLUTE = /^https?:\/\/([^/?]*)(?:[/?].*)?$/i;

/** A field line: name and value without its whitespace. */
export type Line = readonly [name: string, value: string];

/** A head as the grammar has it. */
export interface ReferenceHead {
  readonly method: string;
  readonly target: string;
  readonly version: '1.0' | '1.1';
  readonly lines: readonly Line[];
  /** -1: none. */
  readonly length: number;
  readonly chunked: boolean;
  /** Where it ends. */
  readonly end: number;
}

const linesOf = (section: string): readonly (readonly [string, string])[] =>
  section
    .split('\r\n')
    .slice(0, -1)
    .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const);
const trim = (value: string): string => value.replace(/^[ \t]+|[ \t]+$/g, '');
const trimmed = (lines: readonly (readonly [string, string])[]): readonly Line[] =>
  lines.map(([name, value]) => [name, trim(value)]);

/** Whether a target fits its method (RFC 9112 section 3.2). */
function fits(method: string, target: string): boolean {
  if (method === 'CONNECT') return HOST.test(target) && /:\d+$/.test(target);
  if (target === '*') return method === 'OPTIONS';
  if (target.startsWith('/')) return true;
  const authority = ABSOLUTE.exec(target)?.[1];
  return authority !== undefined && HOST.test(authority);
}

/** The head `text` begins with, or null when it is incomplete or to be refused. */
export function referenceHead(text: string): ReferenceHead | null {
  const match = HEAD.exec(text);
  if (match === null) return null;
  const [whole, method = '', target = '', minor, section = ''] = match;
  if (method.length > 32 || target.length > 8_192 || /[\x80-\xff]/.test(target)) return null;
  const raw = linesOf(section);
  const named = (name: string): string[] =>
    raw.filter((line) => line[0].toLowerCase() === name).map((line) => line[1]);
  const hosts = named('host').map(trim);
  if (hosts.length > 1 || (hosts.length === 0 && minor === '1')) return null;
  if (hosts.some((host) => !HOST.test(host))) return null;
  const lengths = named('content-length');
  const codings = named('transfer-encoding');
  if (lengths.length + codings.length > 1) return null;
  const [length] = lengths;
  const [coding] = codings;
  if (length !== undefined) {
    if (!/^ *\d+ *$/.test(length) || Number(length) > Number.MAX_SAFE_INTEGER) return null;
  }
  if (coding !== undefined && (minor === '0' || !/^ *chunked *$/i.test(coding))) return null;
  if (!fits(method, target)) return null;
  return {
    method,
    target,
    version: minor === '0' ? '1.0' : '1.1',
    lines: trimmed(raw),
    length: length === undefined ? -1 : Number(length),
    chunked: coding !== undefined,
    end: whole.length,
  };
}

/** A chunked body as the grammar has it. */
export interface ReferenceBody {
  readonly data: string;
  readonly trailers: readonly Line[];
  readonly end: number;
}

/** The chunked body `text` begins with, or null when it is incomplete or to be refused. */
export function referenceChunks(text: string, maxBodyBytes: number): ReferenceBody | null {
  let at = 0;
  let data = '';
  for (;;) {
    SIZE.lastIndex = at;
    const size = SIZE.exec(text);
    if (size === null) return null;
    const length = Number.parseInt(size[1]!, 16);
    at = SIZE.lastIndex;
    if (length === 0) break;
    if (data.length + length > maxBodyBytes) return null;
    if (text.slice(at + length, at + length + 2) !== '\r\n') return null;
    data += text.slice(at, at + length);
    at += length + 2;
  }
  SECTION.lastIndex = at;
  const section = SECTION.exec(text);
  if (section === null) return null;
  return { data, trailers: trimmed(linesOf(section[1]!)), end: SECTION.lastIndex };
}
