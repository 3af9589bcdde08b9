import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../../../test-support/fake-cqe.js';
import { FakeMemory } from '../../../test-support/fake-memory.js';
import { CqeFlag, Errno } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { occupy } from '../../in-flight.js';
import { Close } from './close.js';
import { FixedFdInstall } from './fixed-fd-install.js';
import { Read } from './read.js';
import { Write } from './write.js';

const descriptor = new RawFd(3);

test('Close is reusable with regular and direct descriptors', () => {
  const close = new Close({ descriptor });
  expect(close.since).toBe('5.6');
  expect(close.complete(fakeCqe(0))).toBe(undefined);
  const { words } = dryRun(close.set(new FixedFd(6)));
  expect(close.since).toBe('5.15');
  expect([words[0], words[1], words[11]]).toEqual([19, 0, 7]);
  expect(() => close.complete(fakeCqe(-Errno.EBADF))).toThrow(/EBADF/);
  expect(() => close.set(undefined as never)).toThrow(TypeError);
});

describe('Read', () => {
  test('drives the owner of its memory', () => {
    const memory = new FakeMemory(64);
    const read = new Read({ descriptor, memory });
    read.acquire();
    expect(memory.owner.name).toBe('Kernel');
    read.release();
    expect(memory.owner.name).toBe('Returned');
  });

  test('position and memory may change between submissions', () => {
    const read = new Read({ descriptor, memory: new FakeMemory(64) });
    read.position = 2 ** 40 + 5;
    const { words } = dryRun(read.set(new FakeMemory(64), 0, 32));
    expect([words[2], words[3], words[6]]).toEqual([5, 256, 32]);
    expect(read.position).toBe(2 ** 40 + 5);
    occupy(read);
    expect(() => read.set(new FakeMemory(64))).toThrow(/the kernel holds it/);
    expect(() => {
      read.position = 0;
    }).toThrow(/the kernel holds it/);
  });

  test('complete() says how much and where', () => {
    const read = new Read({ descriptor, group: 2 });
    expect(read.bufferGroup).toBe(2);
    expect(read.complete(fakeCqe(9, CqeFlag.BUFFER | (4 << 16)))).toEqual({
      length: 9,
      bufferId: 4,
      bufferOffset: 0,
      socketNonEmpty: false,
    });
    expect(() => read.complete(fakeCqe(-Errno.EISDIR))).toThrow(/EISDIR/);
  });

  test('refuses positions and memory that are none', () => {
    expect(() => new Read({ descriptor, memory: new FakeMemory(8), position: -2 })).toThrow(
      'Cannot read as position must be an integer >= -1: current value is -2',
    );
    expect(() => new Read({ descriptor, memory: new Uint8Array(8) as never })).toThrow(TypeError);
  });
});

test('Write moves its position and gives the bytes written', () => {
  const write = new Write({ descriptor, data: new Uint8Array(5) });
  expect(dryRun(write).words[3]).toBe(0xffff_ffff);
  write.position = 5;
  expect(dryRun(write).words[2]).toBe(5);
  expect(write.position).toBe(5);
  expect(write.complete(fakeCqe(5))).toBe(5);
  expect(() => write.complete(fakeCqe(-Errno.ENOSPC))).toThrow(/ENOSPC/);
  occupy(write);
  expect(() => {
    write.position = 0;
  }).toThrow(/the kernel holds it/);
});

test('FixedFdInstall makes a regular descriptor of a direct one', () => {
  const install = new FixedFdInstall({ descriptor: new FixedFd(2) });
  expect(install.complete(fakeCqe(17))).toEqual(new RawFd(17));
  expect(dryRun(install.discard(fakeCqe(17))!).words[1]).toBe(17);
  expect(dryRun(install.discardResult(new RawFd(17))).words[1]).toBe(17);
  expect(install.discard(fakeCqe(-Errno.EMFILE))).toBe(null);
  expect(() => install.complete(fakeCqe(-Errno.EBADF))).toThrow(/fixed_fd_install failed: EBADF/);
  expect(() => new FixedFdInstall({ descriptor })).toThrow(
    'Cannot install as descriptor must be a FixedFd: current value is regular descriptor 3',
  );
});
