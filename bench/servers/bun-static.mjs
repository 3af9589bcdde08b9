// A static route is answered by Bun's own fork of uWebSockets in native code: no JavaScript runs per request.
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  // The memory bench holds idle connections for longer than the default allows.
  ...(process.env.BENCH_IDLE ? { idleTimeout: 120 } : {}),
  routes: { '/': new Response('Hello, World!') },
});
console.log('listening', server.port);
