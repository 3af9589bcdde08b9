// uWebSockets' C++ server inside Node: its parser and sockets are native, its event loop is Node's,
// and this handler runs once per request.
import uws from 'uwebsockets';
import { CHUNK, JSON_1K, JSON_10K, STREAM_CHUNKS } from './answers.mjs';

const json = (value) => (response) => {
  response.writeHeader('Content-Type', 'application/json').end(JSON.stringify(value));
};

// Chunks that arrive are valid during the call only.
function echo(response) {
  const chunks = [];
  response.onAborted(() => {});
  response.onData((chunk, last) => {
    chunks.push(Buffer.from(chunk.slice(0)));
    if (last) response.end(Buffer.concat(chunks));
  });
}

function stream(response) {
  let sent = 0;
  let over = false;
  const send = () => {
    while (!over && sent < STREAM_CHUNKS) {
      sent++;
      if (!response.write(CHUNK)) return;
    }
    if (!over) response.end();
    over = true;
  };
  response.onAborted(() => {
    over = true;
  });
  response.onWritable(() => {
    send();
    return true;
  });
  send();
}

uws
  .App()
  .get('/', (response) => {
    response.writeHeader('Content-Type', 'text/plain; charset=utf-8').end('Hello, World!');
  })
  .get('/json-1k', json(JSON_1K))
  .get('/json-10k', json(JSON_10K))
  .post('/echo', echo)
  .get('/stream-1m', stream)
  .listen('127.0.0.1', 0, uws.LIBUS_LISTEN_EXCLUSIVE_PORT, (socket) => {
    if (!socket) throw new Error('uwebsockets could not listen');
    console.log('listening', uws.us_socket_local_port(socket));
  });
