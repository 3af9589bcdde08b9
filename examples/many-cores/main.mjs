// One thread and one ring per core, all on one port: the kernel spreads the connections (SO_REUSEPORT), nothing is shared.
// Run it, then ask a few times: curl http://127.0.0.1:3000/

import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, threadId, Worker, workerData } from 'node:worker_threads';
import { serve } from '@ringbearer/http-server';

if (isMainThread) {
  const first = start(Number(process.env.PORT ?? 3000));
  const [port] = await once(first, 'message');
  const workers = [first];
  while (workers.length < availableParallelism()) workers.push(start(port));
  console.log(`Serving http://127.0.0.1:${port}/ with ${workers.length} threads`);
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      for (const worker of workers) worker.postMessage('close');
    });
  }
} else {
  const server = await serve({
    hostname: '127.0.0.1',
    port: workerData.port,
    reusePort: true,
    raw: (_request, reply) => reply.text(`Hello from thread ${threadId}\n`),
  });
  parentPort.once('message', () => server.close());
  parentPort.postMessage(server.address().port);
}

function start(port) {
  return new Worker(new URL(import.meta.url), { workerData: { port } });
}
