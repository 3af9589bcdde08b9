/** Start line and fields of a request, whatever protocol carried them. Implemented by each protocol over its own bytes. */
export interface RequestHead {
  /** As sent; methods are case-sensitive (RFC 9110 section 9.1). */
  readonly method: string;
  /** The request target as sent, one character per byte. For HTTP/2 the `:path`. */
  readonly target: string;
  /** The path of the target as sent, not decoded and not normalised; `*` for `OPTIONS *`. */
  readonly path: string;
  /** What follows the first `?` of the target, without it; empty when there is none. */
  readonly query: string;
  /** The authority: of the target when it is in absolute form, else of `Host` or `:authority`. Empty when HTTP/1.0 sent none. */
  readonly host: string;
  /** `https` when the connection is secured. */
  readonly scheme: 'http' | 'https';
  /** `'1.1'` or `'1.0'`. */
  readonly httpVersion: '1.0' | '1.1' | '2.0';
  /** How many field lines there are, in the order sent. */
  readonly fieldCount: number;
  /** The name of a field line as sent. */
  fieldName(index: number): string;
  /** The value of a field line without surrounding whitespace, one character per byte (latin1). */
  fieldValue(index: number): string;
  /**
   * The value of every line of a field, joined with `, ` (`; ` for Cookie, RFC 9113 section 8.2.3), or undefined.
   *
   * @param name in any case
   */
  field(name: string): string | undefined;
}
