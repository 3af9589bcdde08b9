import { describe, expect, test } from 'vitest';
import { fakeCqe } from '../../../test-support/fake-cqe.js';
import { FakeMemory } from '../../../test-support/fake-memory.js';
import { Errno } from '../../abi.generated.js';
import { dryRun } from '../../dry-run.js';
import { occupy } from '../../in-flight.js';
import { type BufferProvision, ProvideBuffers } from './provide-buffers.js';
import { RemoveBuffers } from './remove-buffers.js';

function provision(fields: Partial<BufferProvision> = {}): BufferProvision {
  const memory = new FakeMemory(4096, { shared: true });
  return Object.assign(memory, { group: 1, firstBid: 0, count: 4, bufferBytes: 1024 }, fields);
}

describe('ProvideBuffers', () => {
  test('says through the shared owner that it is in flight', () => {
    const buffers = provision();
    const [first, second] = [new ProvideBuffers(buffers), new ProvideBuffers(buffers)];
    first.acquire();
    second.acquire();
    expect(buffers.owner.users).toBe(2);
    first.release();
    expect(buffers.owner.name).toBe('Kernel');
    second.rollback();
    expect(buffers.owner.name).toBe('Reusable');
  });

  test('complete() has no result, or throws', () => {
    const provide = new ProvideBuffers(provision());
    expect(provide.complete(fakeCqe(0))).toBe(undefined);
    expect(() => provide.complete(fakeCqe(-Errno.E2BIG))).toThrow(/provide_buffers failed: E2BIG/);
  });

  test('is reusable with other buffers', () => {
    const provide = new ProvideBuffers(provision());
    const { words } = dryRun(provide.set(provision({ firstBid: 65_535, count: 1 })));
    expect([words[1], words[2]]).toEqual([1, 65_535]);
    occupy(provide);
    expect(() => provide.set(provision())).toThrow(/the kernel holds it/);
  });

  test.each([
    [{ group: 65_536 }, /group/],
    [{ firstBid: -1 }, /firstBid/],
    [{ firstBid: 65_534, count: 3 }, /count must be an integer from 1 to 2: current value is 3/],
    [{ count: 0 }, /count/],
    [{ bufferBytes: 1025 }, /bufferBytes must be an integer from 1 to 1024: current value is 1025/],
    [{ bufferBytes: 0 }, /bufferBytes/],
  ])('refuses %j', (fields, message) => {
    expect(() => new ProvideBuffers(provision(fields))).toThrow(message);
  });

  test('refuses memory of an exclusive owner, as the kernel keeps it beyond the operation', () => {
    const exclusive = Object.assign(new FakeMemory(4096), {
      group: 1,
      firstBid: 0,
      count: 4,
      bufferBytes: 1024,
    });
    expect(() => new ProvideBuffers(exclusive)).toThrow(/shared owner/);
    expect(() => new ProvideBuffers(null as never)).toThrow(TypeError);
  });
});

test('RemoveBuffers gives the number removed', () => {
  const remove = new RemoveBuffers({ group: 1, count: 65_536 });
  expect(dryRun(remove).words[1]).toBe(65_536);
  expect(remove.complete(fakeCqe(3))).toBe(3);
  expect(() => remove.complete(fakeCqe(-Errno.ENOENT))).toThrow(/ENOENT/);
  expect(() => new RemoveBuffers({ group: 1, count: 0 })).toThrow(RangeError);
  expect(() => new RemoveBuffers({ group: -1, count: 1 })).toThrow(RangeError);
});
