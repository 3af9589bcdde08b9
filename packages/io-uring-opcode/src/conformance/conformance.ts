import { COMPLETION_RULES } from './completion-rules.js';
import { ENTRY_RULES, type Rule } from './entry-rules.js';
import { MEMORY_RULES } from './memory-rules.js';
import { Rig } from './rig.js';
import { type ConformanceApi, require, type Specimen } from './specimen.js';

const RULES: readonly Rule[] = [...ENTRY_RULES, ...MEMORY_RULES, ...COMPLETION_RULES];

/** The rules, in words: {@link conformance} registers a test for each. */
export const CONFORMANCE_RULES: readonly string[] = RULES.map(({ name }) => name);

/**
 * Registers the tests of the opcode contract for one operation, with any test runner: no ring is needed, as the kit does what a bearer
 * does. What only the kernel can tell (that it accepts the entry) is for a test of yours with a bearer.
 *
 * @throws {TypeError} an excuse without a reason
 *
 * @example
 * ```ts
 * import { RawFd } from '@ringbearer/io-uring-fd';
 * import { defineOpCode, OpNumber } from '@ringbearer/io-uring-opcode';
 * import { conformance } from '@ringbearer/io-uring-opcode/conformance';
 *
 * const Fsync = defineOpCode<{ file: RawFd }>({
 *   name: 'FSYNC',
 *   code: OpNumber.FSYNC,
 *   since: '5.1',
 *   prepare: (sqe, { file }) => sqe.descriptor(file),
 * });
 *
 * // In a test file: `import { test } from 'node:test'` or from 'vitest'.
 * const test = (name: string, body: () => void) => {
 *   body();
 *   console.log('ok', name); // ok FSYNC says what it is: code, name, since ...
 * };
 * conformance({ test }, { make: () => new Fsync({ file: new RawFd(3) }) });
 * ```
 */
export function conformance<Result>(api: ConformanceApi, specimen: Specimen<Result>): void {
  for (const [rule, reason] of Object.entries(specimen.explain ?? {})) {
    if (typeof reason !== 'string' || reason.trim() === '') {
      throw new TypeError(`Cannot excuse an operation of the rule '${rule}' without a reason`);
    }
  }
  const rig = new Rig(specimen as Specimen<unknown>);
  const title = specimen.title ?? rig.make().operation.name;
  for (const { name, check } of RULES) {
    api.test(`${title} ${name}`, () => {
      require(typeof specimen.make === 'function', 'make must be a function');
      check(rig);
    });
  }
}
