// File reads in the Promise form: `depth` asynchronous loops, each with an operation and a lease of a pool.
//
// node read-submit.mjs operations=N warmUp=N depth=N bytes=N order=random|sequential seed=N file=PATH driver=embedded|owner

import { closeSync, fstatSync, openSync } from 'node:fs';
import { UringBearer } from '@ringbearer/io-uring-bearer';
import { RawFd } from '@ringbearer/io-uring-fd';
import { Read } from '@ringbearer/io-uring-opcode';
import { blockChooser, sumOf, wordsOf } from './blocks.mjs';
import { demand, measure, programArguments } from './measured.mjs';

const settings = programArguments();
const { depth, bytes, driver } = settings;
const bearer = UringBearer.withCapacity({ CoreQueue: 256 }, { driver });
demand(bearer.driver === driver, `no ${driver} driver here`);
const pool = bearer.buffers.pool({ count: depth, bufferBytes: bytes });
const fd = openSync(settings.file, 'r');
const descriptor = new RawFd(fd);
const choose = blockChooser(settings, fstatSync(fd).size);
const slots = Array.from({ length: depth }, () => {
  const lease = pool.take();
  const read = new Read({ descriptor, memory: lease, position: 0 });
  return { lease, read, words: wordsOf(lease.unsafe.bytes) };
});

async function readBlocks(operations, warmingUp) {
  let sum = 0;
  let begun = 0;
  await Promise.all(
    slots.map(async ({ lease, read, words }) => {
      while (begun < operations) {
        begun++;
        read.position = choose();
        const { length } = await bearer.submit(read);
        demand(length === bytes, 'a read was short');
        sum = (sum + sumOf(words, warmingUp)) | 0;
        lease.reuse();
      }
    }),
  );
  return sum;
}

await measure(settings, readBlocks);
await bearer.close();
closeSync(fd);
