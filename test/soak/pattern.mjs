// Bytes that say where they belong: one that is lost, doubled, torn or another transfer's shows.

const at = (salt, position) =>
  (Math.imul(position, 31) ^ Math.imul(position >>> 8, 17) ^ salt) & 0xff;

/** `length` bytes of the stream `salt`, from `position` on. */
export function pattern(salt, position, length) {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = at(salt, position + i);
  return bytes;
}

/** @throws when `bytes` are not those of the stream `salt` from `position` on */
export function checkPattern(bytes, salt, position) {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === at(salt, position + i)) continue;
    throw new Error(
      `Wrong byte at ${position + i} of stream ${salt}: ${bytes[i]} in place of ${at(salt, position + i)}`,
    );
  }
}
