import { describe, expect, it } from 'vitest';
import { lockedMemoryShare, type ReadOfSelf } from './locked-memory.js';

const MIB = 1024 * 1024;

function machine(limit: string, capabilities: string, ids = '0 0 4294967295'): ReadOfSelf {
  const files = {
    limits: `Limit                     Soft Limit           Hard Limit           Units     \nMax locked memory         ${limit}              ${limit}              bytes     \nMax open files 1 1 files\n`,
    status: `Name:\tnode\nCapPrm:\t0000000000000000\nCapEff:\t${capabilities}\nCapBnd:\t000001ffffffffff\n`,
    uid_map: `         ${ids}\n`,
  };
  return (name) => files[name];
}

describe('lockedMemoryShare()', () => {
  it('is a share of a quarter of the limit, which others need too', () => {
    expect(lockedMemoryShare(machine('8388608', '0000000000000000'), 1)).toBe(2 * MIB);
    expect(lockedMemoryShare(machine('8388608', '0000000000000000'), 4)).toBe(MIB / 2);
    expect(lockedMemoryShare(machine('0', '0000000000000000'), 4)).toBe(0);
  });

  it('is without bound for those who are not counted, which root of a user namespace is not', () => {
    expect(lockedMemoryShare(machine('unlimited', '0000000000000000'), 4)).toBe(Infinity);
    expect(lockedMemoryShare(machine('65536', '000001ffffffffff'), 4)).toBe(Infinity);
    expect(lockedMemoryShare(machine('65536', '0000000000004000'), 1)).toBe(Infinity);
    expect(lockedMemoryShare(machine('65536', '000001ffffffbfff'), 1)).toBe(16_384);
    expect(lockedMemoryShare(machine('65536', '000001ffffffffff', '0 100000 65536'), 1)).toBe(
      16_384,
    );
  });

  it('is nothing where that cannot be read', () => {
    const nowhere: ReadOfSelf = () => {
      throw new Error('ENOENT');
    };
    expect(lockedMemoryShare(nowhere)).toBe(0);
    expect(lockedMemoryShare(() => '')).toBe(0);
    expect(lockedMemoryShare()).toBeGreaterThan(0);
  });
});
