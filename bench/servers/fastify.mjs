import Fastify from 'fastify';

const app = Fastify({ logger: false });
app.get('/', (_request, reply) => {
  reply.type('text/plain; charset=utf-8').send('Hello, World!');
});
await app.listen({ port: 0, host: '127.0.0.1' });
console.log('listening', app.server.address().port);
