import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { OwnerError } from '@ringbearer/io-uring-owner';
import type { Rule } from './entry-rules.js';
import { type Made, type Prepared, reuse, type WatchedMemory } from './rig.js';
import { require } from './specimen.js';

/**
 * Submissions of the test for growth, and what the heap may have grown by meanwhile: less than the smallest object each. What V8 itself
 * allocates, for code that is new and for collections under way, was at most 440 kB.
 */
const GROWTH_ROUNDS = 50_000;
const GROWTH_BYTES_MAX = 16 * GROWTH_ROUNDS;
const GROWTH_WINDOWS = 3;

/** Rules for who owns the memory an operation names. */
export const MEMORY_RULES: readonly Rule[] = [
  {
    name: 'acquire() lends the memory that the entry names',
    check(rig) {
      const { operation, memory } = rig.make();
      operation.acquire();
      const named = addresses(rig.prepare(operation));
      for (const one of memory) {
        const { owner, address, byteLength } = one;
        const inside = named.some((at) => at >= address && at < address + byteLength);
        if (inside && !rig.specimen.explain?.memory) {
          require(owner.users > 0, 'the entry names memory that acquire() did not lend');
        }
        require(owner.shared || owner.users <= 1, 'acquire() lends memory twice');
      }
      operation.rollback();
    },
  },
  {
    name: 'release() gives back what acquire() lent, once',
    check(rig) {
      const { operation, memory } = rig.make();
      operation.acquire();
      const lent = memory.filter(({ owner }) => owner.users > 0);
      const { record } = rig.prepare(operation);
      operation.release(rig.cqe(rig.completions.at(-1)!, record));
      requireIdle(memory, 'release()');
      for (const { owner } of lent) {
        require(owner.shared || owner.name === 'Returned', `release() left memory ${owner.name}`);
      }
      reuse(memory);
      // A completion with an error gives back all of it too.
      operation.acquire();
      operation.release(rig.cqe({ res: -125 }));
      requireIdle(memory, 'release() after ECANCELED');
    },
  },
  {
    name: 'rollback() undoes acquire(), and it can be submitted after that',
    check(rig) {
      const { operation, memory } = rig.make();
      const first = rig.prepare(operation);
      for (let round = 0; round < 2; round++) {
        operation.acquire();
        operation.rollback();
        requireIdle(memory, 'rollback()');
        for (const { owner } of memory) {
          require(owner.name !== 'Returned', 'rollback() says that the kernel had the memory');
        }
      }
      operation.acquire();
      const { words } = rig.prepare(operation);
      require(words.every(
        (word, index) => word === first.words[index],
      ), 'the entry is another one after a rollback');
      operation.rollback();
    },
  },
  {
    name: 'acquire() lends all of the memory, or throws and lends none',
    check(rig) {
      const { length } = rig.make().memory;
      for (let busy = 0; busy < length; busy++) {
        const { operation, memory } = rig.make();
        const { owner } = memory[busy]!;
        if (owner.shared || !uses(rig.make(), busy)) continue;
        owner.lend(); // another operation has it
        const error = thrownBy(() => operation.acquire());
        require(error instanceof OwnerError, `acquire() took memory ${busy}, which the kernel has`);
        for (const [index, one] of memory.entries()) {
          const users = index === busy ? 1 : 0;
          require(one.owner.users === users, `acquire() failed and kept memory ${index}`);
        }
        owner.withdraw();
        operation.acquire();
        operation.rollback();
      }
    },
  },
  {
    name: 'submitting it again and again keeps nothing',
    check(rig) {
      const { operation, memory } = rig.make();
      const submit = rig.submitter(operation);
      const collect = collector();
      // The first windows may pay for code that is new.
      let grown = Number.POSITIVE_INFINITY;
      for (let window = 0; window < GROWTH_WINDOWS && grown >= GROWTH_BYTES_MAX; window++) {
        collect();
        const before = process.memoryUsage().heapUsed;
        for (let i = 0; i < GROWTH_ROUNDS; i++) {
          submit();
          reuse(memory);
        }
        collect();
        grown = process.memoryUsage().heapUsed - before;
      }
      require(grown <
        GROWTH_BYTES_MAX, `${GROWTH_ROUNDS} submissions leave ${grown} bytes on the heap, again and again`);
    },
  },
];

/** Everything in the entry and the record that may be an address. */
function addresses({ words, record }: Prepared): number[] {
  const inRecord = new Uint32Array(record.buffer);
  const pairs = [...[2, 4, 12].map((at) => [words[at]!, words[at + 1]!] as const)];
  for (let at = 0; at < inRecord.length; at += 2) pairs.push([inRecord[at]!, inRecord[at + 1]!]);
  return pairs.map(([low, high]) => high * 0x1_0000_0000 + low);
}

/** The operation lends this memory: what was made and not used is nobody's business. */
function uses({ operation, memory }: Made, index: number): boolean {
  operation.acquire();
  const used = memory[index]!.owner.users > 0;
  operation.rollback();
  return used;
}

function requireIdle(memory: readonly WatchedMemory[], after: string): void {
  for (const [index, { owner }] of memory.entries()) {
    require(owner.users === 0, `memory ${index} has ${owner.users} users after ${after}`);
  }
}

function thrownBy(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

let collect: (() => void) | undefined;

/** V8's garbage collector, also where Node.js was started without --expose-gc. */
function collector(): () => void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    const once = runInNewContext('gc') as () => void;
    // The first may only finish a collection that was under way, which spares what was allocated meanwhile.
    collect = () => {
      once();
      once();
    };
  }
  return collect;
}
