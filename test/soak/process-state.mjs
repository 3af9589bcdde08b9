// What a process holds, as the kernel and the heap see it.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { mappedMemory } from '@ringbearer/native/ring';

/** Open descriptors, and what each is. */
export function descriptors() {
  const found = new Map();
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      found.set(Number(name), readlinkSync(`/proc/self/fd/${name}`));
    } catch {
      // the one that listed them
    }
  }
  return found;
}

/** What the addon has mapped and not yet unmapped, in all threads, and ring queues the kernel still shows. */
export function mappings() {
  const { mappings: count, bytes } = mappedMemory();
  const queues = readFileSync('/proc/self/maps', 'utf8').match(/io_uring/g)?.length ?? 0;
  return { count, bytes, queues };
}

/** Collects garbage until finalizers had their turn. Needs --expose-gc. */
export async function collect(rounds = 4) {
  for (let i = 0; i < rounds; i++) {
    globalThis.gc();
    await sleep(5);
  }
}

/** RSS and JavaScript heap in bytes, after a collection. */
export async function memory() {
  await collect(2);
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heapUsed };
}

/** Waits for `value()` to become `expected`: the kernel ends some things a moment later. Returns the last value. */
export async function eventually(value, expected, attempts = 200) {
  let last = value();
  for (let i = 0; i < attempts && last !== expected; i++) {
    await collect(1);
    await sleep(5);
    last = value();
  }
  return last;
}

export const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
