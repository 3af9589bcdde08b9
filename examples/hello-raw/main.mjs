// The fastest form of a handler: it sees the exchange itself, and a reply leaves in the same batch as the request came.
// Run it, then: curl http://127.0.0.1:3000/who?name=Frodo

import { serve } from '@ringbearer/http-server';

const server = await serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT ?? 3000),
  raw: (request, reply) => {
    if (request.path !== '/who') {
      reply.text('Hello, World!');
      return;
    }
    const name = new URLSearchParams(request.query).get('name') ?? 'nobody';
    reply.header('Cache-Control', 'no-store').json({ name });
  },
});
console.log(`Serving ${server.url}`);

// Requests in flight are finished, idle connections closed at once, and the process ends by itself.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close());
