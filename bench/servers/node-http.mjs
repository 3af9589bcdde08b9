import { once } from 'node:events';
import { createServer } from 'node:http';
import { CHUNK, JSON_1K, JSON_10K, STREAM_CHUNKS } from './answers.mjs';

function json(response, value) {
  const body = JSON.stringify(value);
  response.writeHead(200, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}

function echo(request, response) {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    response.writeHead(200, { 'Content-Length': body.length });
    response.end(body);
  });
}

async function stream(response) {
  response.writeHead(200);
  for (let sent = 0; sent < STREAM_CHUNKS; sent++) {
    if (!response.write(CHUNK)) await once(response, 'drain');
  }
  response.end();
}

const server = createServer((request, response) => {
  switch (request.url) {
    case '/json-1k':
      json(response, JSON_1K);
      break;
    case '/json-10k':
      json(response, JSON_10K);
      break;
    case '/echo':
      echo(request, response);
      break;
    case '/stream-1m':
      stream(response);
      break;
    default:
      response.writeHead(200, {
        'Content-Type': 'text/plain; charset=utf-8',
        'Content-Length': 13,
      });
      response.end('Hello, World!');
  }
});
// The memory bench holds idle connections for longer than the default allows.
if (process.env.BENCH_IDLE) server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
