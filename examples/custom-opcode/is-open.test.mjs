import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { UringBearer } from '@ringbearer/io-uring-bearer';
import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import { conformance } from '@ringbearer/io-uring-opcode/conformance';
import { IsOpen } from './is-open.mjs';

// The contract, without a ring. EBADF (9) is a result of ours.
for (const descriptor of [new RawFd(9), new FixedFd(4)]) {
  conformance(
    { test },
    {
      title: descriptor.direct ? 'IsOpen of a direct descriptor' : 'IsOpen of a regular descriptor',
      make: () => new IsOpen({ descriptor }),
      completions: [{ res: 0, result: true }],
      errorsAsResults: [9],
      change: (operation) => operation.set({ descriptor: new RawFd(1) }),
      invalid: {
        'no descriptor': () => new IsOpen({}),
        'a number': () => new IsOpen({ descriptor: 3 }),
      },
    },
  );
}

// What only the kernel can tell.
test('IsOpen asks the kernel', async (context) => {
  const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
  const fd = openSync('/dev/null', 'r');
  const operation = new IsOpen({ descriptor: new RawFd(fd) });
  try {
    assert.equal(await bearer.submit(operation), true);
    closeSync(fd);
    assert.equal(await bearer.submit(operation), false);
  } catch (error) {
    if (error.code !== 'EINVAL') throw error;
    context.skip(`Linux ${bearer.probe().kernel} has no NOP that looks up files: it is in 6.13`);
  } finally {
    await bearer.close();
  }
});
