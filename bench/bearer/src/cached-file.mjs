/**
 * The file that is read: random bytes from a seed, written and read once, so that the page cache has it.
 */
import { mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const FILE_BYTES = 64 * 1024 * 1024;

/** statfs(2) magic numbers of the file systems one is likely to meet. */
const FILE_SYSTEMS = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlayfs'],
]);

export class CachedFile {
  #folder = mkdtempSync(join(tmpdir(), 'ringbearer-bench-'));
  path = join(this.#folder, 'blocks');

  /** @param {number} seed */
  constructor(seed) {
    writeFileSync(this.path, randomBytes(seed, FILE_BYTES));
    readFileSync(this.path);
  }

  /** Which kind of file system it is on. */
  get fileSystem() {
    const { type } = statfsSync(this.#folder);
    return FILE_SYSTEMS.get(type) ?? `file system 0x${type.toString(16)}`;
  }

  remove() {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * Bytes that differ from block to block, so that a checksum tells which was read. xorshift32.
 *
 * @param {number} seed not 0
 * @param {number} length a multiple of 4
 */
export function randomBytes(seed, length) {
  const words = new Uint32Array(length / 4);
  let state = seed >>> 0;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer);
}
