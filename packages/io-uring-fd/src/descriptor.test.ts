import { describe, expect, test } from 'vitest';
import {
  FdError,
  FdKind,
  FIXED_FILES_MAX,
  FixedFd,
  fdKindAllows,
  RawFd,
  RegisteredFd,
  TargetFd,
} from './index.js';

describe('RawFd() and FixedFd()', () => {
  test('keep their number and say which table it is of', () => {
    expect(new RawFd(3)).toMatchObject({ number: 3, direct: false });
    expect(new FixedFd(0)).toMatchObject({ number: 0, direct: true });
  });

  test.each([1.5, Number.NaN, '3', null, undefined])('refuse %s with TypeError', (value) => {
    expect(() => new RawFd(value as number)).toThrow(TypeError);
    expect(() => new FixedFd(value as number)).toThrow(TypeError);
  });

  test('refuse what the kernel cannot have with RangeError', () => {
    expect(() => new RawFd(-1)).toThrow(RangeError);
    expect(() => new RawFd(2 ** 31)).toThrow(RangeError);
    expect(() => new FixedFd(-1)).toThrow(RangeError);
    expect(() => new FixedFd(FIXED_FILES_MAX)).toThrow(
      'Cannot make a direct descriptor as its number must be 0 to 1048575: current value is 1048576',
    );
  });
});

describe('TargetFd', () => {
  test('raw, auto and slot(n) are file_index 0, ALLOC and n + 1', () => {
    expect(TargetFd.raw).toMatchObject({ fileIndex: 0, direct: false, automatic: false });
    expect(TargetFd.auto).toMatchObject({ fileIndex: 0xffff_ffff, direct: true, automatic: true });
    expect(TargetFd.slot(0)).toMatchObject({ fileIndex: 1, direct: true, automatic: false });
    expect(TargetFd.slot(41).fileIndex).toBe(42);
  });

  test('descriptor() names the descriptor that a completion created', () => {
    expect(TargetFd.raw.descriptor(9)).toEqual(new RawFd(9));
    expect(TargetFd.auto.descriptor(9)).toEqual(new FixedFd(9));
    expect(TargetFd.slot(5).descriptor(0)).toEqual(new FixedFd(5));
  });

  test.each([-1, 0.5, FIXED_FILES_MAX])('slot(%s) is refused', (index) => {
    expect(() => TargetFd.slot(index)).toThrow(RangeError);
  });
});

describe('RegisteredFd', () => {
  const kinds = Object.values(FdKind);

  test('expect() returns itself where the kind serves', () => {
    const fd = new RegisteredFd(new RawFd(8), new FixedFd(2), FdKind.RecvSend);
    expect(fd.expect(FdKind.Send)).toBe(fd);
    expect(fd).toMatchObject({ number: 2, direct: true });
  });

  test('expect() names both kinds where it does not', () => {
    const fd = new RegisteredFd(new RawFd(8), new FixedFd(2), FdKind.Acceptor);
    expect(() => fd.expect(FdKind.Recv)).toThrow(FdError);
    expect(() => fd.expect(FdKind.Recv)).toThrow(
      'Cannot use fixed file 2 as Recv as it was registered as Acceptor',
    );
  });

  test('fdKindAllows() is equality, Any, and RecvSend for its halves', () => {
    for (const have of kinds) {
      for (const need of kinds) {
        const allowed =
          have === need ||
          have === 'Any' ||
          need === 'Any' ||
          (have === 'RecvSend' && (need === 'Recv' || need === 'Send'));
        expect(fdKindAllows(have, need), `${have} as ${need}`).toBe(allowed);
      }
    }
  });
});
