import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dryRun } from '../src/dry-run.js';
import type { OpCode } from '../src/opcode.js';

const goldens = JSON.parse(
  readFileSync(new URL('../src/opcodes/sqe-goldens.json', import.meta.url), 'utf8'),
) as Record<string, Record<string, string>>;

const hex = (words: Uint32Array) => Array.from(words, (value) => value.toString(16)).join(' ');

/**
 * For tests: compares entries with those liburing writes (`ours`: one for every entry of the group) and with words written by
 * hand from struct io_uring_sqe, where the system's liburing is older than the opcode (`newer`). Word 0: opcode, flags,
 * ioprio; 1: fd; 2-3: off; 4-5: addr; 6: len; 7: flags of the opcode; 8-9: user_data; 10: buf_group; 11: file_index; 12-13:
 * addr3.
 */
export function compareGoldens(
  group: string,
  ours: Record<string, OpCode<unknown>>,
  newer: Record<string, [OpCode<unknown>, string]>,
): void {
  const golden = goldens[group]!;

  describe('prepare() writes what liburing writes', () => {
    test('there is one of ours for every golden entry', () => {
      expect(Object.keys(ours)).toEqual(Object.keys(golden));
    });
    test.each(Object.keys(golden))('%s', (name) => {
      expect(hex(dryRun(ours[name]!).words)).toBe(golden[name]);
    });
  });

  describe('prepare() writes what the kernel reads', () => {
    test.each(Object.keys(newer))('%s', (name) => {
      const [operation, words] = newer[name]!;
      expect(hex(dryRun(operation).words)).toBe(words);
    });
  });

  describe('prepare() twice writes the same, wherever the record is', () => {
    const all = { ...ours };
    for (const [name, [operation]] of Object.entries(newer)) all[name] = operation;
    test.each(Object.keys(all))('%s', (name) => {
      const operation = all[name]!;
      const first = dryRun(operation);
      expect(dryRun(operation)).toEqual(first);
      // A slot that is not the first: nothing but the key depends on it.
      const slotted = dryRun(operation, { slot: 3, generation: 9 });
      expect(slotted.record).toEqual(first.record);
      expect([slotted.words[8], slotted.words[9]]).toEqual([3, 9]);
      slotted.words.set([0, 0], 8);
      expect(slotted.words).toEqual(first.words);
      // A record whose address carries into the upper half: only addresses change.
      const { words } = dryRun(operation, { recordAddress: 0x2_ffff_ffc0 });
      for (const at of [0, 1, 6, 7, 10, 11]) expect([at, words[at]]).toEqual([at, first.words[at]]);
    });
  });
}
