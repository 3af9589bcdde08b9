import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../../../test-support/fake-cqe.js';
import { FakeMemory } from '../../../test-support/fake-memory.js';
import { Errno } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { occupy } from '../../in-flight.js';
import { FutexWait } from './futex-wait.js';
import { FutexWake } from './futex-wake.js';

const newWord = () => new FakeMemory(4, { shared: true });

describe('FutexWait', () => {
  test('many may wait on one word, again and again', () => {
    const word = newWord();
    const [first, second] = [
      new FutexWait({ word, expected: 0 }),
      new FutexWait({ word, expected: 0 }),
    ];
    for (let i = 0; i < 2; i++) {
      first.acquire();
      second.acquire();
      expect(word.owner.users).toBe(2);
      first.release();
      second.rollback();
      expect(word.owner.users).toBe(0);
    }
  });

  test('complete() tells a wake-up from a word that had changed', () => {
    const wait = new FutexWait({ word: newWord(), expected: 0 });
    expect(wait.complete(fakeCqe(0))).toBe('ok');
    expect(wait.complete(fakeCqe(-Errno.EAGAIN))).toBe('not-equal');
    expect(() => wait.complete(fakeCqe(-Errno.ECANCELED))).toThrow(/ECANCELED/);
  });

  test('expected may change between submissions, signed or unsigned', () => {
    const wait = new FutexWait({ word: newWord(), expected: 0 });
    for (const value of [-1, 0xffff_ffff]) {
      wait.expected = value;
      const { words } = dryRun(wait);
      expect([words[2], words[3]]).toEqual([0xffff_ffff, 0]);
    }
    expect(wait.expected).toBe(0xffff_ffff);
    occupy(wait);
    expect(() => {
      wait.expected = 1;
    }).toThrow(/the kernel holds it/);
  });
});

test('FutexWake gives the number woken', () => {
  const wake = new FutexWake({ word: newWord() });
  expect(dryRun(wake).words[2]).toBe(0x7fff_ffff);
  expect(wake.complete(fakeCqe(2))).toBe(2);
  expect(() => wake.complete(fakeCqe(-Errno.EFAULT))).toThrow(/EFAULT/);
  const word = newWord();
  const other = new FutexWake({ word });
  other.acquire();
  expect(word.owner.users).toBe(1);
  other.rollback();
  other.acquire();
  other.release();
  expect(word.owner.users).toBe(0);
});

test.each([
  [{ word: undefined, expected: 0 }, /word must be a FutexWord: current value is undefined/],
  [{ word: new FakeMemory(8), expected: 0 }, /word must be 4 bytes long: current value is 8/],
  [
    { word: new FakeMemory(4, { addressLow: 6 }), expected: 0 },
    /multiple of 4: current value is 2 bytes beyond/,
  ],
  [{ word: newWord(), expected: 2 ** 32 }, /expected/],
  [{ word: newWord() }, /expected must be a number: current value is undefined/],
  [{ word: newWord(), expected: 0, mask: 0 }, /mask must be an integer from 1/],
])('FutexWait refuses %#', (options, message) => {
  expect(() => new FutexWait(options as never)).toThrow(message);
});

test.each([
  [{ word: newWord(), count: 0 }, /count/],
  [{ word: newWord(), mask: 0 }, /mask/],
  [{ word: new Int32Array(1) }, /word must be a FutexWord/],
])('FutexWake refuses %#', (options, message) => {
  expect(() => new FutexWake(options as never)).toThrow(message);
});
