/** RFC 9110 section 5.6.2: 1*tchar. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 section 5.5 with obs-text: no CR, LF, NUL or other control except HTAB, nothing above latin1. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Checks a field name for sending.
 *
 * @throws TypeError when it is not a token (RFC 9110 section 5.1)
 */
export function assertFieldName(name: string): void {
  if (typeof name !== 'string' || !TOKEN.test(name)) {
    throw new TypeError(
      `Cannot set field as name must be a token: current value is ${JSON.stringify(name)}`,
    );
  }
}

/**
 * Checks a field value for sending.
 *
 * @throws TypeError when it holds CR, LF, NUL, another control or a character above U+00FF (RFC 9110 section 5.5)
 */
export function assertFieldValue(name: string, value: string): void {
  if (!VALUE.test(value)) {
    throw new TypeError(
      `Cannot set ${name} as value must hold visible latin1 characters only: current value is ${JSON.stringify(value)}`,
    );
  }
}
