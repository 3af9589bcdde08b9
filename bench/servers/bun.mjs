import { answer } from './answers.mjs';

const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  // The memory bench holds idle connections for longer than the default allows.
  ...(process.env.BENCH_IDLE ? { idleTimeout: 120 } : {}),
  fetch: answer,
});
console.log('listening', server.port);
