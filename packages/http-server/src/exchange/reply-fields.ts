import { assertFieldValue, fieldName } from './field-syntax.js';

/** What a reply field may be set to; an array makes one line per element. */
export type FieldValue = string | number | readonly string[];

/**
 * The fields of a reply in sending order. Names keep their case, are compared without it, and both sides are validated when set,
 * so a protocol may write them as they are.
 */
export class ReplyFields {
  /** name, lower-case name, value; three entries per line. */
  readonly #lines: string[] = [];
  /** What `Content-Length` was set to, or -1. Not one of the lines: the protocol writes framing. */
  contentLength = -1;
  /** `Connection: close` was asked for. Not one of the lines either. */
  close = false;

  /** How many field lines there are. */
  get size(): number {
    return this.#lines.length / 3;
  }

  /** Name of field `index`, as it was set. */
  name(index: number): string {
    return this.#lines[index * 3]!;
  }

  /** The same in lower case. */
  lowerName(index: number): string {
    return this.#lines[index * 3 + 1]!;
  }

  /** Value of field `index`. */
  value(index: number): string {
    return this.#lines[index * 3 + 2]!;
  }

  /** The value of the first line with this name, in any case. */
  get(name: string): string | undefined {
    const lower = name.toLowerCase();
    if (lower === 'content-length') {
      return this.contentLength < 0 ? undefined : String(this.contentLength);
    }
    const lines = this.#lines;
    for (let i = 1; i < lines.length; i += 3) if (lines[i] === lower) return lines[i + 1];
    return undefined;
  }

  /** A field of this name is set. */
  has(lower: string): boolean {
    const lines = this.#lines;
    for (let i = 1; i < lines.length; i += 3) if (lines[i] === lower) return true;
    return false;
  }

  /**
   * Replaces every line of a field.
   *
   * @throws TypeError when name or value cannot be sent, or the field is the protocol's own (`Transfer-Encoding`, `Upgrade`)
   */
  set(name: string, value: FieldValue): void {
    const lower = fieldName(name);
    const before = this.#lines.length;
    if (lower === 'connection' || lower === 'content-length' || Array.isArray(value)) {
      this.#setWhole(lower, name, value);
      return;
    }
    // What cannot be sent throws before anything is taken away.
    this.#add(name, value);
    if (before > 0) this.#deleteLines(lower, before);
  }

  /** Adds lines to a field. @throws as {@link set} */
  append(name: string, value: FieldValue): void {
    this.#add(name, value);
  }

  /** Removes every line of a field. */
  delete(name: string): void {
    this.#delete(name.toLowerCase());
  }

  /** All of a value or nothing: a part of it may be refused. */
  #setWhole(lower: string, name: string, value: FieldValue): void {
    const { contentLength, close } = this;
    const before = this.#lines.slice();
    this.#delete(lower);
    try {
      this.#add(name, value);
    } catch (error) {
      this.contentLength = contentLength;
      this.close = close;
      this.#lines.splice(0, this.#lines.length, ...before);
      throw error;
    }
  }

  #delete(lower: string): void {
    if (lower === 'content-length') this.contentLength = -1;
    else if (lower === 'connection') this.close = false;
    this.#deleteLines(lower, this.#lines.length);
  }

  /** Removes the lines of a name among the first `length / 3`. */
  #deleteLines(lower: string, length: number): void {
    const lines = this.#lines;
    for (let i = length - 3; i >= 0; i -= 3) {
      if (lines[i + 1] === lower) lines.splice(i, 3);
    }
  }

  #add(name: string, value: FieldValue): void {
    if (Array.isArray(value)) {
      for (const one of value) this.#line(name, one);
    } else {
      this.#line(name, typeof value === 'number' ? String(value) : (value as string));
    }
  }

  #line(name: string, value: string): void {
    if (typeof value !== 'string') {
      throw new TypeError(
        `Cannot set ${name} as value must be a string, a number or an array of strings: current value is ${String(value)}`,
      );
    }
    const lower = fieldName(name);
    assertFieldValue(name, value);
    switch (lower) {
      case 'content-length':
        this.contentLength = contentLengthOf(value);
        return;
      case 'connection':
        if (/(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(value)) this.close = true;
        return;
      case 'keep-alive':
      case 'proxy-connection':
        return;
      case 'transfer-encoding':
      case 'upgrade':
        throw new TypeError(
          `Cannot set ${name} as the protocol frames messages itself: current value is ${JSON.stringify(value)}`,
        );
      default:
        this.#lines.push(name, lower, value);
    }
  }
}

function contentLengthOf(value: string): number {
  const length = Number(value);
  if (!/^[0-9]+$/.test(value) || !Number.isSafeInteger(length)) {
    throw new RangeError(
      `Cannot set Content-Length as value must be a safe integer >= 0: current value is ${JSON.stringify(value)}`,
    );
  }
  return length;
}
