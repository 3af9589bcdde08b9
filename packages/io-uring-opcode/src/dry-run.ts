import type { OpCode } from './opcode.js';
import { RECORD_BYTES, RecordMemory } from './record-memory.js';
import { SQE_WORDS, Sqe } from './sqe.js';

/** What an operation would submit. */
export interface DryRun {
  /** The entry: 16 words, laid out as `struct io_uring_sqe`. */
  readonly words: Uint32Array;
  /** The 256 bytes of its record. */
  readonly record: Uint8Array;
}

/** Where things are pretended to be, so that addresses in the entry can be recognised. */
export interface DryRunOptions {
  /** Low half of `user_data`. Default 0. */
  readonly slot?: number;
  /** High half of `user_data`. Default 0. */
  readonly generation?: number;
  /** Address of the record. Default 0x1_0000_1000. */
  readonly recordAddress?: number;
  /** Address of the caller's bytes, the first of several; each next one is 64 KiB further on. Default 0x2_0000_2000. */
  readonly bytesAddress?: number;
}

const HIGH = 0x1_0000_0000;

/**
 * Prepares an operation without a ring and shows the entry: for tests of operations of your own, and to see what goes
 * to the kernel. Nothing is acquired or submitted.
 *
 * @throws whatever `prepare` throws
 *
 * @example
 * ```ts
 * import { dryRun, Timeout } from '@ringbearer/io-uring-opcode';
 *
 * const { words, record } = dryRun(new Timeout({ milliseconds: 1500 }));
 * console.log(words[0]! & 0xff); // 11: IORING_OP_TIMEOUT
 * console.log(record[0], new DataView(record.buffer).getUint32(8, true)); // 1 500000000
 * ```
 */
export function dryRun(operation: OpCode<unknown>, options: DryRunOptions = {}): DryRun {
  const { slot = 0, generation = 0 } = options;
  const { recordAddress = HIGH + 0x1000, bytesAddress = 2 * HIGH + 0x2000 } = options;
  // The cursor finds the record of a slot by multiplying, so this one starts `slot` records earlier.
  const start = recordAddress - slot * RECORD_BYTES;
  const bytes = new Uint8Array((slot + 1) * RECORD_BYTES);
  const record = new RecordMemory(bytes, start % HIGH, Math.floor(start / HIGH));
  const words = new Uint32Array(SQE_WORDS);
  const seen: ArrayBufferView[] = [];
  const sqe = new Sqe(new Int32Array(words.buffer), record, (callerBytes, out) => {
    if (!seen.includes(callerBytes)) seen.push(callerBytes);
    const address = bytesAddress + seen.indexOf(callerBytes) * 0x1_0000;
    out[0] = address % HIGH;
    out[1] = Math.floor(address / HIGH);
  });
  sqe.open(0, operation.code, slot, generation);
  operation.prepare(sqe);
  sqe.seal();
  return { words, record: bytes.slice(slot * RECORD_BYTES) };
}
