const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  // The memory bench holds idle connections for longer than the default allows.
  ...(process.env.BENCH_IDLE ? { idleTimeout: 120 } : {}),
  fetch: () => new Response('Hello, World!'),
});
console.log('listening', server.port);
