// A Worker with operations of many kinds in flight, for the tests of termination. Direct descriptors only: those end with the ring.
import { parentPort, workerData } from 'node:worker_threads';
import { UringBearer } from '@ringbearer/io-uring-bearer';
import { TargetFd } from '@ringbearer/io-uring-fd';
import * as op from '@ringbearer/io-uring-opcode';

const { driver, scenario } = workerData;
if (scenario === 'opening') {
  // Terminated while the addon makes and refuses things: there is nobody left to throw to.
  parentPort.postMessage({ port: 0, rawPort: 0 });
  for (;;) {
    const opened = UringBearer.withCapacity({ CoreQueue: 8, RegisteredFd: 4 }, { manualFiles: 2 });
    for (let i = 0; i < 4; i++) opened.listen({});
    opened.buffers.ring({ count: 8, bufferBytes: 4096 });
    try {
      opened.listen({ address: 'no address' });
    } catch {}
    await opened.close();
  }
}
const bearer = UringBearer.withCapacity(
  { CoreQueue: 32, RegisteredFd: 16 },
  { driver, manualFiles: 4 },
);
const listener = bearer.listen({});
const raw = UringBearer.withCapacity({ CoreQueue: 8 }).listen({});
const { port } = listener.address;
const ring = bearer.buffers.ring({ count: 8, bufferBytes: 256 });
bearer.push(new op.AcceptMulti({ listener: listener.descriptor, direct: true }));
const client = await bearer.submit(
  new op.Socket({ family: op.AddressFamily.INET, type: op.SocketType.STREAM, into: TargetFd.auto }),
);
await bearer.submit(
  new op.Connect({ socket: client, address: { family: 'IPv4', address: '127.0.0.1', port } }),
);
bearer.push(new op.RecvMulti({ socket: client, group: ring.group }));
bearer.push(new op.Timeout({ milliseconds: 60_000 }));
bearer.push(new op.Timeout({ milliseconds: 1, repeat: Number.POSITIVE_INFINITY }));
bearer.push(new op.FutexWait({ word: bearer.buffers.futex(), expected: 0 }));
const nop = new op.Nop();
nop.handler = () => bearer.push(nop);
if (scenario === 'churning') bearer.push(nop);
if (scenario === 'in a handler') {
  nop.handler = () => {
    for (;;);
  };
  setTimeout(() => bearer.push(nop), 1);
}
if (scenario === 'resizing') {
  bearer.push(nop);
  const resizeForever = async () => {
    for (let i = 0; ; i++) {
      const CoreQueue = 1 << (i % 10);
      await bearer.resize({ CoreQueue, CompletionQueue: CoreQueue * 4 });
      if (i % 7 === 0) await new Promise(setImmediate);
    }
  };
  resizeForever();
}
if (scenario === 'leaving') setTimeout(() => process.exit(0), 1);
if (scenario === 'closing') setTimeout(() => bearer.close().then(() => process.exit(0)), 1);
parentPort.postMessage({ port, rawPort: raw.address.port });
