/** Node's latin1 decoder; unlike `Buffer.prototype.toString` it works on any Uint8Array. Not documented, stable since io.js 2. */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
};

/** Below this many bytes building the string here is cheaper than a call into C++. */
const SHORT = 1;

/** The bytes as a string, one character per byte (latin1, as RFC 9110 section 5.5 reads field values). */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT) return start === end ? '' : String.fromCharCode(bytes[start]!);
  return latin1Slice.call(bytes, start, end);
}
