const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: () => new Response('Hello, World!'),
});
console.log('listening', server.port);
