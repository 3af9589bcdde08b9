/** RFC 9110 section 5.6.2: 1*tchar. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 section 5.5 with obs-text: no CR, LF, NUL or other control except HTAB, nothing above latin1. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** RFC 9110 section 7.8: protocol-name with an optional version. */
const PROTOCOL = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?$/;
/** Up to this long a loop beats the regular expression. */
const SHORT = 48;

/** Names met before, with their lower case. A program has few; one that computes names stops being remembered. */
const names = new Map<string, string>();
const NAMES_MAX = 512;
/** A name longer than this, in characters, is nobody's habit but may be a client's doing. */
const NAME_LENGTH_MAX = 64;

/**
 * Checks a field name for sending.
 *
 * @returns the name in lower case
 * @throws TypeError when it is not a token (RFC 9110 section 5.1)
 */
export function fieldName(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  if (typeof name !== 'string' || !TOKEN.test(name)) {
    throw new TypeError(
      `Cannot set field as name must be a token: current value is ${JSON.stringify(name)}`,
    );
  }
  const lower = name.toLowerCase();
  if (names.size < NAMES_MAX && name.length <= NAME_LENGTH_MAX) names.set(name, lower);
  return lower;
}

/**
 * Checks a field value for sending.
 *
 * @throws TypeError when it holds CR, LF, NUL, another control or a character above U+00FF (RFC 9110 section 5.5)
 */
export function assertFieldValue(name: string, value: string): void {
  if (value.length <= SHORT ? isShortValue(value) : VALUE.test(value)) return;
  throw new TypeError(
    `Cannot set ${name} as value must hold visible latin1 characters only: current value is ${JSON.stringify(value)}`,
  );
}

/**
 * Checks the protocol of an upgrade.
 *
 * @throws TypeError when it is not a token, or two with a slash between (RFC 9110 section 7.8)
 */
export function assertProtocol(protocol: string): void {
  if (typeof protocol === 'string' && PROTOCOL.test(protocol)) return;
  throw new TypeError(
    `Cannot upgrade as protocol must be a token: current value is ${JSON.stringify(protocol)}`,
  );
}

function isShortValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 ? code !== 0x09 : code === 0x7f || code > 0xff) return false;
  }
  return true;
}
