import { RawFd } from '@ringbearer/io-uring-fd';
import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { describe, expect, test } from 'vitest';
import { occupy } from '../in-flight.js';
import { Close, type Cqe, Nop, OpCode, type RecordMemory, type Sqe } from '../index.js';
import { CONFORMANCE_RULES, conformance, type Specimen, type SpecimenKit } from './index.js';

/** The rules an operation breaks. */
function broken(specimen: Specimen<never> | Specimen<unknown>): string[] {
  const failed: string[] = [];
  const test = (name: string, body: () => void) => {
    try {
      body();
    } catch {
      failed.push(name.replace(/^it /, ''));
    }
  };
  conformance({ test }, { title: 'it', ...specimen } as Specimen<unknown>);
  return failed;
}

/** A good operation, to be spoiled: it reads into memory, and keeps four bytes in its record. */
class Good extends OpCode<number> {
  override readonly code: number = 22;
  override readonly name: string = 'READ';
  override readonly since: string = '5.6';
  readonly memory: KernelMemory;
  readonly second: KernelMemory;
  position = 5;

  constructor(kit: SpecimenKit) {
    super();
    this.memory = kit.memory(64);
    this.second = kit.memory(64);
  }
  move(position: number): void {
    this.assertIdle();
    this.position = position;
  }
  override acquire(): void {
    this.memory.owner.lend();
    try {
      this.second.owner.lend();
    } catch (error) {
      this.memory.owner.withdraw();
      throw error;
    }
  }
  override release(_final?: Cqe): void {
    this.memory.owner.giveBack();
    this.second.owner.giveBack();
  }
  override rollback(): void {
    this.memory.owner.withdraw();
    this.second.owner.withdraw();
  }
  override prepare(sqe: Sqe): void {
    sqe.record.setUint32(0, this.position);
    sqe.recordAddress3(0);
    sqe.fd(3);
    sqe.memory(this.memory);
    sqe.fileOffset(this.position);
  }
  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }
}

const kept: Sqe[] = [];
const keptRecords: RecordMemory[] = [];
const leaked: unknown[] = [];
let calls = 0;

/** A spoiled operation -> how many rules it breaks, and one of them. */
const SPOILED: Record<string, [rule: string, make: new (kit: SpecimenKit) => OpCode<unknown>]> = {
  'a code that is not of the name': [
    'says what it is',
    class extends Good {
      override readonly code = 23;
    },
  ],
  'a since that is no version': [
    'says what it is',
    class extends Good {
      override readonly since = 'new';
    },
  ],
  'a handler of its own': [
    'is idle when it is new',
    class extends Good {
      override handler = () => {};
    },
  ],
  'an entry that counts': [
    'prepare() writes the same again',
    class extends Good {
      override prepare(sqe: Sqe): void {
        super.prepare(sqe);
        sqe.flags(++calls);
      }
    },
  ],
  'a prepare that submits itself': [
    'prepare() writes the same again',
    class extends Good {
      override prepare(sqe: Sqe): void {
        super.prepare(sqe);
        occupy(this, 1);
      }
    },
  ],
  'an address that is truncated': [
    'prepare() depends on where the record is',
    class extends Good {
      override prepare(sqe: Sqe): void {
        super.prepare(sqe);
        sqe.address3(sqe.record.addressLow(0) | 0, 1);
      }
    },
  ],
  'a record that is added to': [
    'prepare() does not depend on what the record held',
    class extends Good {
      override prepare(sqe: Sqe): void {
        super.prepare(sqe);
        sqe.record.setUint8(8, sqe.record.getUint8(8) | 1);
      }
    },
  ],
  'a group it does not admit': [
    'bufferGroup says what the entry says',
    class extends Good {
      override prepare(sqe: Sqe): void {
        super.prepare(sqe);
        sqe.bufferSelect(4);
      }
    },
  ],
  'memory it does not lend': [
    'acquire() lends the memory that the entry names',
    class extends Good {
      override acquire(): void {}
      override release(): void {}
      override rollback(): void {}
    },
  ],
  'memory it keeps': [
    'release() gives back',
    class extends Good {
      override release(): void {
        this.memory.owner.giveBack();
      }
    },
  ],
  'memory it keeps after an error': [
    'release() gives back',
    class extends Good {
      override release(final?: Cqe): void {
        if (final !== undefined && final.res >= 0) super.release();
      }
    },
  ],
  'a rollback that says the kernel was done': [
    'rollback() undoes',
    class extends Good {
      override rollback(): void {
        this.release();
      }
    },
  ],
  'an acquire that stops half way': [
    'acquire() lends all of the memory, or throws',
    class extends Good {
      override acquire(): void {
        this.memory.owner.lend();
        this.second.owner.lend();
      }
    },
  ],
  'a leak': [
    'submitting it again and again keeps nothing',
    class extends Good {
      override prepare(sqe: Sqe): void {
        super.prepare(sqe);
        leaked.push({ a: 1, b: 2 });
      }
    },
  ],
  'an error that is overlooked': [
    'complete() throws OpCodeError for every error',
    class extends Good {
      override complete(cqe: Cqe): number {
        return cqe.res;
      }
    },
  ],
  'an error of its own': [
    'complete() throws OpCodeError for every error',
    class extends Good {
      override complete(cqe: Cqe): number {
        if (cqe.res < 0) throw new Error('bad');
        return cqe.res;
      }
    },
  ],
  'an entry that is kept': [
    'complete() decodes',
    class extends Good {
      override prepare(sqe: Sqe): void {
        super.prepare(sqe);
        kept[0] = sqe;
      }
      override complete(cqe: Cqe): number {
        kept[0]!.length(1);
        return this.result(cqe);
      }
    },
  ],
  'a record that is kept': [
    'complete() decodes',
    class extends Good {
      override prepare(sqe: Sqe): void {
        super.prepare(sqe);
        keptRecords[0] = sqe.record;
      }
      override complete(cqe: Cqe): number {
        return this.result(cqe) + keptRecords[0]!.getUint32(0) - this.position;
      }
    },
  ],
  'a state that stays': [
    'is submitted again after its completion',
    class extends Good {
      override complete(cqe: Cqe): number {
        this.position += 1;
        return this.result(cqe);
      }
    },
  ],
  'a stream that never ends': [
    'rearms() and ends() answer',
    class extends Good {
      override readonly multishot = true;
      override rearms(): boolean {
        return true;
      }
    },
  ],
  'a descriptor that is freed one way only': [
    'discard() and discardResult() free the same',
    class extends Good {
      override discard(): Close {
        return new Close({ descriptor: new RawFd(3) });
      }
    },
  ],
  'a change in flight': [
    'refuses to be changed',
    class extends Good {
      override move(position: number): void {
        this.position = position;
      }
    },
  ],
};

const specimenOf = (make: new (kit: SpecimenKit) => OpCode<unknown>): Specimen<unknown> => ({
  make: (kit) => new make(kit),
  completions: [{ res: 9, result: 9 }],
  change: (operation) => (operation as Good).move(6),
});

test('a good operation keeps every rule', () => {
  expect(CONFORMANCE_RULES.length).toBe(20);
  expect(broken(specimenOf(Good))).toEqual([]);
});

describe('the kit sees', () => {
  test.each(Object.entries(SPOILED))('%s', (_, [rule, make]) => {
    const failed = broken(specimenOf(make));
    expect(failed.some((name) => name.startsWith(rule))).toBe(true);
  });

  test('an entry beside its own', () => {
    // A cursor writes one entry; whoever gets past it is seen all the same.
    class Stray extends Good {
      override prepare(sqe: Sqe): void {
        super.prepare(sqe);
        sqe.open(0, this.code, 0, 0);
      }
    }
    expect(broken(specimenOf(Stray))).toContain(
      'prepare() writes its own entry and its own record only',
    );
  });

  test('a result that is another one, and a constructor that takes anything', () => {
    const nop = { make: () => new Nop(), completions: [{ res: 7, result: 8 }] };
    expect(broken(nop)).toEqual([
      CONFORMANCE_RULES.find((name) => name.startsWith('complete() d')),
    ]);
    expect(broken({ make: () => new Nop(), invalid: { 'no options': () => new Nop() } })).toEqual([
      'refuses arguments that cannot be, when it is made',
    ]);
    const errors = { make: () => new Nop(), errorsAsResults: [5] };
    expect(broken(errors)).toEqual([
      'complete() throws OpCodeError for every error that is no result',
    ]);
  });

  test('an excuse, when it has a reason', () => {
    class Newer extends Nop {
      override readonly code = 200 as never;
      override readonly name = 'NEWER' as never;
    }
    expect(broken({ make: () => new Newer() })).toEqual([CONFORMANCE_RULES[0]]);
    expect(broken({ make: () => new Newer(), explain: { code: 'Linux 7.0' } })).toEqual([]);
    expect(() => broken({ make: () => new Newer(), explain: { code: ' ' } })).toThrow(TypeError);
  });
});
