import { Readable } from 'node:stream';
import Fastify from 'fastify';
import { JSON_1K, JSON_10K, streamOf } from './answers.mjs';

const app = Fastify({ logger: false });
app.addContentTypeParser(
  'application/octet-stream',
  { parseAs: 'buffer', bodyLimit: 2 ** 21 },
  (_request, body, done) => done(null, body),
);
app.get('/', (_request, reply) => {
  reply.type('text/plain; charset=utf-8').send('Hello, World!');
});
app.get('/json-1k', (_request, reply) => reply.send(JSON_1K));
app.get('/json-10k', (_request, reply) => reply.send(JSON_10K));
app.post('/echo', (request, reply) => reply.send(request.body));
app.get('/stream-1m', (_request, reply) => reply.send(Readable.fromWeb(streamOf())));
await app.listen({ port: 0, host: '127.0.0.1' });
console.log('listening', app.server.address().port);
