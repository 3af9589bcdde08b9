import { createServer } from 'node:http';

const server = createServer((_request, response) => {
  response.writeHead(200, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': 13,
  });
  response.end('Hello, World!');
});
// The memory bench holds idle connections for longer than the default allows.
if (process.env.BENCH_IDLE) server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
