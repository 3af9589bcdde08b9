import type { KernelMemory } from '@ringbearer/io-uring-owner';
import type { Cqe } from '../../cqe.js';
import { ReceiveTarget } from '../../receive-target.js';
import { RECORD_BYTES } from '../../record-memory.js';
import type { Sqe } from '../../sqe.js';

/** Where the value of an attribute goes. */
export interface XattrInto {
  /** Kernel memory for values beyond 256 bytes; they have up to 65536. Default: the operation's record. */
  readonly memory?: KernelMemory;
  /** First byte of `memory` to use. Default 0. */
  readonly offset?: number;
  /** Bytes to use at most. Default: all from `offset`. */
  readonly length?: number;
}

/** The value of an attribute. */
export interface XattrValue {
  /** Bytes it has. */
  readonly length: number;
  /** A copy of it, or null when it is in memory of the caller's choice. */
  readonly value: Uint8Array | null;
}

/** The record, or kernel memory, as the place of a value. */
export class XattrTarget {
  readonly #target = new ReceiveTarget();
  readonly #inRecord: boolean;

  constructor({ memory, offset, length }: XattrInto) {
    this.#inRecord = memory === undefined;
    if (memory === undefined) return;
    this.#target.setMemory('get an attribute', memory, offset, length);
  }

  acquire(): void {
    this.#target.acquire();
  }
  release(): void {
    this.#target.release();
  }
  rollback(): void {
    this.#target.rollback();
  }

  /** Writes `addr2` and `len`. Name and path may be in the record, too: they are read by the time the value is written. */
  prepare(sqe: Sqe): void {
    if (this.#inRecord) {
      sqe.recordAddress2(0);
      sqe.length(RECORD_BYTES);
    } else {
      this.#target.prepare2(sqe);
    }
  }

  decode(cqe: Cqe): XattrValue {
    const length = cqe.res;
    return { length, value: this.#inRecord ? cqe.record.copyBytes(0, length) : null };
  }
}
