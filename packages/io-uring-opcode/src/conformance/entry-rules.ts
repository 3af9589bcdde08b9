import { OpNumber, SqeFlag } from '../abi.generated.js';
import { RECORD_BYTES } from '../record-memory.js';
import type { Prepared, Rig } from './rig.js';
import { require } from './specimen.js';

/** A rule of the contract. */
export interface Rule {
  /** A sentence that is true of an operation that keeps it. */
  readonly name: string;
  /** @throws ConformanceError */
  check(rig: Rig): void;
}

/** Words that carry 64-bit values, and so addresses: off, addr, addr3. */
const PAIRS = [2, 4, 12] as const;
const OWN_FLAGS = SqeFlag.FIXED_FILE | SqeFlag.BUFFER_SELECT;
const SUBMISSION_FLAGS = SqeFlag.IO_DRAIN | SqeFlag.ASYNC;
const USER_DATA = 8;

const show = (words: Uint32Array): string =>
  Array.from(words, (word) => word.toString(16)).join(' ');

const same = (a: Uint8Array | Uint32Array, b: Uint8Array | Uint32Array): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index]);

function requireSame(what: string, a: Prepared, b: Prepared): void {
  require(same(a.words, b.words), `${what}: the entry was ${show(a.words)}, then ${show(b.words)}`);
  require(same(a.record, b.record), `${what}: the record differs`);
}

/** Rules for what an operation says of itself, and for `prepare`. */
export const ENTRY_RULES: readonly Rule[] = [
  {
    name: 'says what it is: code, name, since',
    check(rig) {
      const { code, name, since, multishot } = rig.make().operation;
      require(Number.isInteger(code) && code >= 0 && code <= 255, `code must be 0 to 255: ${code}`);
      require(/^[A-Z][A-Z0-9_]*$/.test(name), `name must be as in the kernel's table: ${name}`);
      require(/^\d+\.\d+$/.test(since), `since must be a kernel version like 5.19: ${since}`);
      require(typeof multishot === 'boolean', 'multishot must be a boolean');
      if (rig.specimen.explain?.code) return;
      const known = (OpNumber as Readonly<Record<string, number>>)[name];
      require(known ===
        code, `OpNumber has ${known} for ${name}, not ${code}: explain.code says why`);
    },
  },
  {
    name: 'is idle when it is new',
    check(rig) {
      const { operation } = rig.make();
      require(operation.slot === -1 &&
        !operation.inFlight, 'slot must be -1 until it is submitted');
      require(operation.handler === null, 'handler must be null: it is for whoever pushes');
      require(rig.make().operation !== operation, 'make must return a new object each time');
    },
  },
  {
    name: 'prepare() writes the same again, and the same for an equal operation',
    check(rig) {
      const { operation } = rig.make();
      const first = rig.prepare(operation);
      requireSame('prepared twice', first, rig.prepare(operation));
      requireSame('prepared by an equal operation', first, rig.prepare(rig.make().operation));
      require(operation.slot === -1, 'prepare must not change the slot: that is for the bearer');
    },
  },
  {
    name: 'prepare() writes its own entry and its own record only',
    check(rig) {
      for (const slot of [0, 1, 2]) {
        const { operation } = rig.make();
        const { strayed } = rig.prepare(operation, { slot });
        require(!strayed, 'an entry or record beside its own was written');
      }
    },
  },
  {
    name: 'prepare() keeps opcode, user_data and the flags of the submission',
    check(rig) {
      const { operation } = rig.make();
      const place = { slot: 2, generation: 0xffff_fffe, flags: SUBMISSION_FLAGS };
      const { words } = rig.prepare(operation, place);
      require((words[0]! & 0xff) === operation.code, 'the opcode was changed');
      const flags = (words[0]! >>> 8) & 0xff;
      require((flags & ~OWN_FLAGS) ===
        SUBMISSION_FLAGS, `the flags of the submission were changed: ${flags} instead of ${SUBMISSION_FLAGS}`);
      require(words[USER_DATA] === 2 &&
        words[USER_DATA + 1] === 0xffff_fffe, 'user_data was changed');
    },
  },
  {
    name: 'prepare() depends on where the record is by its address only',
    check(rig) {
      if (rig.specimen.explain?.placement) return;
      const { operation } = rig.make();
      const a = rig.prepare(operation, { slot: 0, generation: 7 });
      // The address carries into the upper half within the record.
      const place = { slot: 2, recordsAddress: 0x2_ffff_ffc0 - 2 * RECORD_BYTES };
      const b = rig.prepare(operation, place);
      const moved = BigInt(b.recordAddress - a.recordAddress);
      for (let word = 0; word < USER_DATA * 2; word++) {
        const paired = PAIRS.some((at) => word === at || word === at + 1);
        if (paired || word === USER_DATA) continue;
        require(a.words[word] === b.words[word], `word ${word} depends on where the record is`);
      }
      for (const at of PAIRS) {
        const by = pair(b.words, at) - pair(a.words, at);
        require(by === 0n ||
          by === moved, `words ${at} and ${at + 1} depend on the record's place`);
      }
      const was = new Uint32Array(a.record.buffer);
      const is = new Uint32Array(b.record.buffer);
      for (let at = 0; at < was.length; at += 2) {
        const by = pair(is, at) - pair(was, at);
        require(by === 0n || by === moved, `bytes ${at * 4} to ${at * 4 + 7} of the record differ`);
      }
    },
  },
  {
    name: 'prepare() does not depend on what the record held before',
    check(rig) {
      const { operation } = rig.make();
      const clean = rig.prepare(operation, { fill: 0 });
      const dirty = [0x55, 0xaa].map((fill) => rig.prepare(operation, { fill }));
      for (const { words } of dirty) {
        require(same(words, clean.words), 'the entry depends on what the record held before');
      }
      for (let at = 0; at < RECORD_BYTES; at++) {
        const bytes = [clean, ...dirty].map(({ record }) => record[at]);
        const untouched = bytes[0] === 0 && bytes[1] === 0x55 && bytes[2] === 0xaa;
        const written = bytes[0] === bytes[1] && bytes[1] === bytes[2];
        require(untouched || written, `byte ${at} of the record depends on what it was before`);
      }
    },
  },
  {
    name: 'bufferGroup says what the entry says',
    check(rig) {
      const { operation } = rig.make();
      const { bufferGroup } = operation;
      if (rig.specimen.explain?.bufferGroup && bufferGroup === -1) return;
      const { words } = rig.prepare(operation);
      const selects = ((words[0]! >>> 8) & SqeFlag.BUFFER_SELECT) !== 0;
      const group = selects ? words[10]! & 0xffff : -1;
      require(bufferGroup === group, `bufferGroup is ${bufferGroup}, the entry says ${group}`);
    },
  },
];

function pair(words: Uint32Array, at: number): bigint {
  return (BigInt(words[at + 1]!) << 32n) | BigInt(words[at]!);
}
