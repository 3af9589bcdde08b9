import { EventEmitter } from 'node:events';
import { type ContentKind, contentType } from '../exchange/content-kind.js';
import type { HttpReply } from '../exchange/reply.js';
import type { FieldValue, ReplyFields } from '../exchange/reply-fields.js';
import type { RequestHead } from '../exchange/request-head.js';
import { reasonPhrase } from '../protocol/http1/status.js';
import type { PeerAddress } from '../sans-io/left.js';

/** Of these node:http keeps the first line and drops the others. */
const FIRST_ONLY: ReadonlySet<string> = new Set([
  'age',
  'authorization',
  'content-length',
  'content-type',
  'etag',
  'expires',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'retry-after',
  'server',
  'user-agent',
]);

/** What tools read of a `net.Socket`. Emits `close`. */
export class SocketView extends EventEmitter {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: string | undefined;
  readonly encrypted: boolean = false;
  destroyed = false;

  constructor(peer: PeerAddress | null) {
    super();
    const internet = peer !== null && peer.family !== 'Unix' ? peer : null;
    this.remoteAddress = internet?.address;
    this.remotePort = internet?.port;
    this.remoteFamily = internet?.family;
  }

  closed(): void {
    this.destroyed = true;
    this.emit('close', false);
  }
}

/** What tools read of an `http.Server`. */
export class ServerView extends EventEmitter {
  /** What `server.address()` says; null before it listens. */
  name: unknown = null;

  get listening(): boolean {
    return this.name !== null;
  }
  address(): unknown {
    return this.name;
  }
}

/** What tools read of an `http.IncomingMessage`, from a head of its own. Emits `close`. */
export class RequestView extends EventEmitter {
  readonly socket: SocketView;
  readonly #head: RequestHead;
  #headers: Record<string, string | string[]> | null = null;
  complete = false;
  aborted = false;

  constructor(head: RequestHead, socket: SocketView) {
    super();
    this.#head = head;
    this.socket = socket;
  }

  get connection(): SocketView {
    return this.socket;
  }
  get method(): string {
    return this.#head.method;
  }
  /** The request target as sent. */
  get url(): string {
    return this.#head.target;
  }
  get httpVersion(): string {
    return this.#head.httpVersion;
  }
  get httpVersionMajor(): number {
    return Number(this.#head.httpVersion[0]);
  }
  get httpVersionMinor(): number {
    return Number(this.#head.httpVersion[2]);
  }
  get rawHeaders(): string[] {
    const raw: string[] = [];
    const head = this.#head;
    for (let i = 0; i < head.fieldCount; i++) raw.push(head.fieldName(i), head.fieldValue(i));
    return raw;
  }
  /** Joined as node:http does: names in lower case, `set-cookie` an array. */
  get headers(): Readonly<Record<string, string | string[]>> {
    this.#headers ??= headersOf(this.#head);
    return this.#headers;
  }
}

/** What tools read of an `http.ServerResponse`, and change before the handler runs. Emits `finish` and `close`. */
export class ResponseView extends EventEmitter {
  readonly req: RequestView;
  readonly #reply: HttpReply;
  #status = 0;
  #fields: ReplyFields | null = null;
  #kind: ContentKind = 0;
  /** The reply is complete. */
  finished = false;

  constructor(request: RequestView, reply: HttpReply) {
    super();
    this.req = request;
    this.#reply = reply;
  }

  /** The head was written. */
  sent(status: number, fields: ReplyFields | null, kind: ContentKind): void {
    this.#status = status;
    this.#fields = fields;
    this.#kind = kind;
  }

  get socket(): SocketView {
    return this.req.socket;
  }
  get connection(): SocketView {
    return this.req.socket;
  }
  get statusCode(): number {
    return this.headersSent ? this.#status : this.#reply.statusCode;
  }
  get statusMessage(): string {
    return reasonPhrase(this.statusCode);
  }
  get headersSent(): boolean {
    return this.#status !== 0;
  }
  get writableEnded(): boolean {
    return this.finished;
  }
  get writableFinished(): boolean {
    return this.finished;
  }
  setHeader(name: string, value: FieldValue): this {
    this.#reply.header(name, value);
    return this;
  }
  appendHeader(name: string, value: FieldValue): this {
    this.#reply.append(name, value);
    return this;
  }
  removeHeader(name: string): void {
    this.#reply.removeHeader(name);
  }
  /** The first line of a field. */
  getHeader(name: string): string | string[] | undefined {
    return this.headersSent ? this.getHeaders()[name.toLowerCase()] : this.#reply.getHeader(name);
  }
  hasHeader(name: string): boolean {
    return this.getHeader(name) !== undefined;
  }
  getHeaderNames(): string[] {
    return Object.keys(this.getHeaders());
  }
  /** What the handler set; empty before the head was sent. `Date` and framing are the protocol's and not among them. */
  getHeaders(): Record<string, string | string[]> {
    const all: Record<string, string | string[]> = Object.create(null);
    const fields = this.#fields;
    if (this.#kind > 0) all['content-type'] = contentType(this.#kind);
    if (fields === null) return all;
    if (fields.contentLength >= 0) all['content-length'] = String(fields.contentLength);
    for (let i = 0; i < fields.size; i++) {
      const name = fields.lowerName(i);
      const before = all[name];
      all[name] = before === undefined ? fields.value(i) : [before, fields.value(i)].flat();
    }
    return all;
  }
}

function headersOf(head: RequestHead): Record<string, string | string[]> {
  // No prototype: a field named __proto__ is a field.
  const all: Record<string, string | string[]> = Object.create(null);
  for (let i = 0; i < head.fieldCount; i++) {
    const name = head.fieldName(i).toLowerCase();
    const value = head.fieldValue(i);
    const before = all[name];
    if (name === 'set-cookie') all[name] = [...(before ?? []), value];
    else if (before === undefined) all[name] = value;
    else if (!FIRST_ONLY.has(name))
      all[name] = `${before}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return all;
}
