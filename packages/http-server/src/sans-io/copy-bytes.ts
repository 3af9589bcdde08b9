/** A copy of `bytes[start, end)` with memory of its own. `slice` is no copy when the bytes are a Buffer. */
export function copyBytes(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}
