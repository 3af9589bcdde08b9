// One thread and one ring per core, all on one port: the kernel spreads the connections, nothing is shared.
// Run it, then ask a few times: curl http://127.0.0.1:3000/
// SIGHUP replaces the workers without losing a request, SIGTERM and Ctrl-C drain them.

import { run } from '@ringbearer/http-server';

const server = await run({
  app: new URL('./app.mjs', import.meta.url),
  workers: 'auto',
  hostname: '127.0.0.1',
  port: Number(process.env.PORT ?? 3000),
});
const { workers, maxConnections } = server.stats();
console.log(
  `Process ${process.pid} serves ${server.url} with ${workers.length} threads and ${maxConnections} connections`,
);
await server.wait();
