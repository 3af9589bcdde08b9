import type { RequestHead } from '../../exchange/request-head.js';
import { SlabMemory } from '../../exchange/slab-memory.js';
import type { FieldLines } from './field-lines.js';
import { LastText } from './last-text.js';
import { latin1 } from './latin1.js';
import { equalsIgnoreCase } from './list.js';
import { METHOD_NAMES, METHOD_OTHER } from './methods.js';

const QUESTION = 0x3f;

/** Requests of one server mostly name one host. */
const hosts = new LastText();
const NO_BYTES = new Uint8Array(0);
/** Of all copies of a thread. */
const kept = new SlabMemory();

/**
 * Start line and fields of an HTTP/1.x request, as offsets into the bytes they were parsed from: what handlers read.
 *
 * A `HeadParser` is one that its next request overwrites. What must outlive the call that delivered the bytes is a {@link copy}.
 */
export class Http1Head implements RequestHead {
  readonly #secure: boolean;
  protected readonly fields: FieldLines;
  protected bytes: Uint8Array = NO_BYTES;
  protected methodStart = 0;
  protected methodEnd = 0;
  protected targetStart = 0;
  protected targetEnd = 0;
  protected pathStart = 0;
  /** The authority: what `Host` says, but for a target that names its own. Both 0 when there is none. */
  protected hostStart = 0;
  protected hostEnd = 0;

  /** METHOD_* */
  methodCode = METHOD_OTHER;
  /** 10 or 11. */
  version = 11;
  /** `Upgrade` is there and named by `Connection`. */
  wantsUpgrade = false;

  constructor(secure: boolean, fields: FieldLines) {
    this.#secure = secure;
    this.fields = fields;
  }

  /** True for `OPTIONS *`. */
  get isAsterisk(): boolean {
    return this.bytes[this.targetStart] === 0x2a;
  }

  get method(): string {
    if (this.methodCode !== METHOD_OTHER) return METHOD_NAMES[this.methodCode]!;
    return this.#text(this.methodStart, this.methodEnd);
  }

  get target(): string {
    return this.#text(this.targetStart, this.targetEnd);
  }

  get path(): string {
    const start = this.pathStart;
    const end = this.#queryStart();
    if (end - start <= 1) return end > start && this.bytes[start] === 0x2a ? '*' : '/';
    return this.#text(start, end);
  }

  get query(): string {
    const start = this.#queryStart() + 1;
    return start >= this.targetEnd ? '' : this.#text(start, this.targetEnd);
  }

  get host(): string {
    return hosts.of(this.bytes, this.hostStart, this.hostEnd);
  }

  get scheme(): 'http' | 'https' {
    return this.#secure ? 'https' : 'http';
  }

  get httpVersion(): '1.0' | '1.1' {
    return this.version === 11 ? '1.1' : '1.0';
  }

  get fieldCount(): number {
    return this.fields.count;
  }

  fieldName(index: number): string {
    const table = this.fields.table;
    return this.#text(table[index * 4]!, table[index * 4 + 1]!);
  }

  fieldValue(index: number): string {
    const table = this.fields.table;
    return this.#text(table[index * 4 + 2]!, table[index * 4 + 3]!);
  }

  field(name: string): string | undefined {
    const lower = name.toLowerCase();
    const length = lower.length;
    const table = this.fields.table;
    const entries = this.fields.count << 2;
    const bytes = this.bytes;
    let joined: string | undefined;
    for (let entry = 0; entry < entries; entry += 4) {
      const from = table[entry]!;
      const to = table[entry + 1]!;
      if (to - from !== length || !equalsIgnoreCase(bytes, from, to, lower)) continue;
      const value = this.#text(table[entry + 2]!, table[entry + 3]!);
      if (joined === undefined) joined = value;
      else joined += (lower === 'cookie' ? '; ' : ', ') + value;
    }
    return joined;
  }

  /** A head with bytes that stay: a copy of `bytes[start, end)`, which this one was parsed from. */
  copy(start: number, end: number): Http1Head {
    const by = kept.keep(this.bytes, start, end) - start;
    const copy = new Http1Head(this.#secure, this.fields.copy(by));
    copy.bytes = kept.slab;
    copy.methodStart = this.methodStart + by;
    copy.methodEnd = this.methodEnd + by;
    copy.targetStart = this.targetStart + by;
    copy.targetEnd = this.targetEnd + by;
    copy.pathStart = this.pathStart + by;
    if (this.hostEnd > 0) {
      copy.hostStart = this.hostStart + by;
      copy.hostEnd = this.hostEnd + by;
    }
    copy.methodCode = this.methodCode;
    copy.version = this.version;
    copy.wantsUpgrade = this.wantsUpgrade;
    return copy;
  }

  #queryStart(): number {
    const bytes = this.bytes;
    const end = this.targetEnd;
    let p = this.pathStart;
    while (p < end && bytes[p] !== QUESTION) p++;
    return p;
  }

  #text(start: number, end: number): string {
    return latin1(this.bytes, start, end);
  }
}
