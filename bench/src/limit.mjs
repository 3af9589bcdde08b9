/**
 * The limit server: where it is, and how it comes to be.
 */
import { fileURLToPath } from 'node:url';
import { compile } from './compile.mjs';

const SOURCE = fileURLToPath(new URL('../limit/limit.c', import.meta.url));
export const LIMIT_BINARY = fileURLToPath(new URL('../limit/limit', import.meta.url));

/**
 * @param {(line: string) => void} say
 * @returns {string | undefined} why there is no limit server; undefined when there is
 */
export function buildLimit(say) {
  return compile([SOURCE], LIMIT_BINARY, say);
}
