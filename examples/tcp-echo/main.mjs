// A TCP server against the bearer itself: one multishot accept for all connections, one multishot receive for each, and buffers
// that the kernel picks when bytes arrive. Run it, then: nc 127.0.0.1 3000

import { UringBearer } from '@ringbearer/io-uring-bearer';
import { AcceptMulti, Close, RecvMulti, Send } from '@ringbearer/io-uring-opcode';

const bearer = UringBearer.withCapacity({ CoreQueue: 256, BufferBytes: 2 ** 20, BufferGroups: 1 });
const buffers = bearer.buffers.ring({ count: 64, bufferBytes: 4096 });
const listener = bearer.listen({ address: '127.0.0.1', port: Number(process.env.PORT ?? 3000) });
const ending = new AbortController();
const { signal } = ending;

async function echo(socket) {
  try {
    for await (const { length, bufferId } of bearer.stream(
      new RecvMulti({ socket, group: buffers.group }),
      { signal },
    )) {
      if (length === 0) break; // the peer has said all
      const lease = buffers.lease(bufferId, length);
      try {
        lease.reuse(); // received; now the same bytes go through another round
        // The bytes go back from where they are. Waiting here is the back-pressure: who does not read is not read from either.
        await bearer.submit(new Send({ socket, data: lease }));
      } finally {
        lease.release();
      }
    }
  } catch (error) {
    if (!signal.aborted) console.log('a connection ended:', error.code);
  } finally {
    await bearer.submit(new Close({ descriptor: socket }));
  }
}

for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => ending.abort());
console.log(`Echo on port ${listener.address.port}`);

const connections = new Set();
try {
  const accept = new AcceptMulti({ listener: listener.descriptor });
  for await (const socket of bearer.stream(accept, { signal })) {
    const connection = echo(socket).finally(() => connections.delete(connection));
    connections.add(connection);
  }
} catch (error) {
  if (!signal.aborted) throw error;
}
await Promise.all(connections);
await listener.close();
await bearer.close();
console.log('Over');
