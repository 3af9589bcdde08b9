// File reads in the push form: `depth` operations with a lease of a pool each, pushed again by their handlers.
//
// node read-push.mjs operations=N warmUp=N depth=N bytes=N order=random|sequential seed=N file=PATH driver=embedded|owner

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

function readBlocks(operations, warmingUp) {
  return new Promise((resolve) => {
    let sum = 0;
    let pushed = 0;
    let completed = 0;
    const push = (read) => {
      pushed++;
      read.position = choose();
      bearer.push(read);
    };
    for (const { lease, read, words } of slots) {
      read.handler = ({ res }) => {
        demand(res === bytes, 'a read was short');
        sum = (sum + sumOf(words, warmingUp)) | 0;
        lease.reuse();
        if (++completed === operations) resolve(sum);
        else if (pushed < operations) push(read);
      };
    }
    for (const { read } of slots) if (pushed < operations) push(read);
  });
}

await measure(settings, readBlocks);
await bearer.close();
closeSync(fd);
