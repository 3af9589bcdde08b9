import { type KernelMemory, Owner } from '@ringbearer/io-uring-owner';
import { Cqe } from '../cqe.js';
import { occupy } from '../in-flight.js';
import type { OpCode } from '../opcode.js';
import { RECORD_BYTES, RecordMemory } from '../record-memory.js';
import { SQE_WORDS, Sqe } from '../sqe.js';
import type { Specimen, SpecimenCompletion, SpecimenKit } from './specimen.js';

const HIGH = 0x1_0000_0000;
/** Where memory of the kit is pretended to be; each next one is 16 MiB further on. */
const MEMORY_AT = 3 * HIGH + 0xff00_0000;
const MEMORY_STEP = 0x100_0000;
/** Where arrays of the caller's are. */
const BYTES_AT = 2 * HIGH + 0x2000;
const BYTES_STEP = 0x1_0000;
/** Slots and entries on either side of the operation's own must stay as they are. */
const PLACES = 3;

/** Memory of a specimen, with its pretended address. */
export interface WatchedMemory extends KernelMemory {
  readonly address: number;
}

/** An operation and the memory it was made of. */
export interface Made {
  readonly operation: OpCode<unknown>;
  readonly memory: readonly WatchedMemory[];
}

/** Where an entry is prepared. */
export interface Place {
  /** 0 to 2. Default 1. */
  readonly slot?: number;
  /** Default 7. */
  readonly generation?: number;
  /** Address of slot 0. Default 0x1_0000_1000. */
  readonly recordsAddress?: number;
  /** What the record memory is full of before. Default 0. */
  readonly fill?: number;
  /** Flags of the submission, the second byte of word 0. Default 0. */
  readonly flags?: number;
}

/** A prepared entry. */
export interface Prepared {
  readonly words: Uint32Array;
  readonly record: Uint8Array;
  /** Address of its record. */
  readonly recordAddress: number;
  /** Entries or records beside its own were written. */
  readonly strayed: boolean;
}

/** Makes operations of a specimen and does with them what a bearer does. */
export class Rig {
  readonly specimen: Specimen<unknown>;

  constructor(specimen: Specimen<unknown>) {
    this.specimen = specimen;
  }

  make(): Made {
    const memory: WatchedMemory[] = [];
    const kit: SpecimenKit = {
      memory: (byteLength, { shared = false } = {}) => {
        const address = MEMORY_AT + memory.length * MEMORY_STEP;
        const one: WatchedMemory = {
          owner: new Owner({ shared }),
          byteLength,
          address,
          unsafe: {
            addressLow: address % HIGH,
            addressHigh: Math.floor(address / HIGH),
            bytes: new Uint8Array(byteLength),
          },
        };
        memory.push(one);
        return one;
      },
    };
    return { operation: this.specimen.make(kit), memory };
  }

  /** The completions of one submission. */
  get completions(): readonly SpecimenCompletion[] {
    return this.specimen.completions ?? [{ res: 0 }];
  }

  /** Prepares an entry between two others. Acquires nothing. */
  prepare(operation: OpCode<unknown>, place: Place = {}): Prepared {
    const { slot = 1, generation = 7, recordsAddress = HIGH + 0x1000, fill = 0, flags = 0 } = place;
    const records = new Uint8Array(PLACES * RECORD_BYTES).fill(fill);
    const entries = new Uint32Array(PLACES * SQE_WORDS).fill(0xdead_beef);
    const cursor = cursorAt(records, recordsAddress);
    const sqe = new Sqe(new Int32Array(entries.buffer), cursor, newLookup());
    const at = slot * SQE_WORDS;
    sqe.open(at, operation.code | (flags << 8), slot, generation);
    operation.prepare(sqe);
    sqe.seal();
    const strayed =
      entries.some((word, i) => (i < at || i >= at + SQE_WORDS) && word !== 0xdead_beef) ||
      records.some((byte, i) => Math.floor(i / RECORD_BYTES) !== slot && byte !== fill);
    // Whoever kept the cursor reads another record from now on.
    cursor.select((slot + 1) % PLACES);
    return {
      words: entries.slice(at, at + SQE_WORDS),
      record: records.slice(slot * RECORD_BYTES, (slot + 1) * RECORD_BYTES),
      recordAddress: recordsAddress + slot * RECORD_BYTES,
      strayed,
    };
  }

  /** Submits and completes an operation, as often as it is called, and allocates nothing for that. */
  submitter(operation: OpCode<unknown>): () => void {
    const record = cursorAt(new Uint8Array(RECORD_BYTES), HIGH + 0x1000);
    const sqe = new Sqe(new Int32Array(SQE_WORDS), record, newLookup());
    const final = this.cqe(this.completions.at(-1)!);
    return () => {
      operation.acquire();
      sqe.open(0, operation.code, 0, 7);
      operation.prepare(sqe);
      sqe.seal();
      operation.release(final);
    };
  }

  /** The completion, on a record as `prepare` left it and the kernel changed it. */
  cqe(completion: SpecimenCompletion, record: Uint8Array = new Uint8Array(RECORD_BYTES)): Cqe {
    const memory = cursorAt(record, HIGH + 0x1000);
    completion.record?.(memory);
    const cqe = new Cqe(memory);
    cqe.res = completion.res;
    cqe.flags = completion.flags ?? 0;
    return cqe;
  }

  /** One whole submission, in the bearer's order. Returns the entry and what the completions decoded to. */
  run(operation: OpCode<unknown>): { prepared: Prepared; results: unknown[] } {
    operation.acquire();
    const prepared = this.prepare(operation);
    const mark = occupy(operation, 1, 7);
    const results = this.completions.map((completion, index, { length }) => {
      const cqe = this.cqe(completion, prepared.record);
      if (index === length - 1) {
        mark.slot = -1;
        operation.release(cqe);
      }
      return operation.complete(cqe);
    });
    return { prepared, results };
  }
}

/** What came back from the kernel may be used again, as its holder says when he has read it. */
export function reuse(memory: readonly WatchedMemory[]): void {
  for (const { owner } of memory) if (owner.name === 'Returned') owner.reuse();
}

function cursorAt(bytes: Uint8Array, address: number): RecordMemory {
  return new RecordMemory(bytes, address % HIGH, Math.floor(address / HIGH));
}

/** Addresses by buffer and offset: another view of the same bytes has the same. */
function newLookup(): (bytes: ArrayBufferView, out: Uint32Array) => void {
  const seen: ArrayBufferLike[] = [];
  return ({ buffer, byteOffset }, out) => {
    if (!seen.includes(buffer)) seen.push(buffer);
    const address = BYTES_AT + seen.indexOf(buffer) * BYTES_STEP + byteOffset;
    out[0] = address % HIGH;
    out[1] = Math.floor(address / HIGH);
  };
}
