/**
 * Which blocks of the file are read, in which order, and what is summed of them. The same in limit/read.c.
 */

/** A word of every page, and the last of a block, are summed while measuring. */
const STRIDE_WORDS = 1024;

/**
 * @param {{ bytes: number, order: 'random' | 'sequential', seed: number }} settings
 * @param {number} fileBytes
 * @returns {() => number} the position of the next block
 */
export function blockChooser({ bytes, order, seed }, fileBytes) {
  const blocks = Math.floor(fileBytes / bytes);
  if (order === 'sequential') {
    let next = 0;
    return () => {
      const block = next;
      next = (next + 1) % blocks;
      return block * bytes;
    };
  }
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) % blocks) * bytes;
  };
}

/** @param {Uint8Array} bytes of a whole block */
export function wordsOf(bytes) {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

/**
 * @param {Uint32Array} words
 * @param {boolean} all while warming up
 */
export function sumOf(words, all) {
  const stride = all ? 1 : STRIDE_WORDS;
  let sum = 0;
  for (let at = 0; at < words.length; at += stride) sum = (sum + words[at]) | 0;
  return (sum + words[words.length - 1]) | 0;
}
