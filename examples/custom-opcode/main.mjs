// Uses an operation that the bearer has never heard of: alone, again, and as the last link of a chain.

import { UringBearer } from '@ringbearer/io-uring-bearer';
import { FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import { Close, OpenAt } from '@ringbearer/io-uring-opcode';
import { IsOpen } from './is-open.mjs';

const bearer = UringBearer.withCapacity({ CoreQueue: 8, RegisteredFd: 1 }, { manualFiles: 1 });

try {
  const isOpen = new IsOpen({ descriptor: new RawFd(1) });
  console.log('standard output is open:', await bearer.submit(isOpen));
  console.log(
    'descriptor 1000000 is open:',
    await bearer.submit(isOpen.set({ descriptor: new RawFd(1_000_000) })),
  );

  const slot = bearer.files.reserve();
  const file = new FixedFd(slot);
  const [, open, , closed] = await bearer
    .chain(new OpenAt({ path: '/dev/null', into: TargetFd.slot(slot) }))
    .link(new IsOpen({ descriptor: file }))
    .link(new Close({ descriptor: file }))
    .link(new IsOpen({ descriptor: file }))
    .submit();
  // NOP looks when it runs, so it sees what the links in front of it did; EBADF ends a chain, and is a result all the same.
  console.log('within a chain:', open.value, 'then', closed.value);
} catch (error) {
  if (error.code !== 'EINVAL') throw error;
  console.log(
    `Linux ${bearer.probe().kernel} has no NOP that looks up files: it is in 6.13 and later`,
  );
}
await bearer.close();
