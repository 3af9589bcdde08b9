import { serve } from '@ringbearer/http-server';

const server = await serve({
  port: 0,
  hostname: '127.0.0.1',
  raw: (_request, reply) => {
    reply.text('Hello, World!');
  },
});
console.log('listening', server.address().port);
