// Ping-pong with node:net: an end writes the chunk it was given.
//
// node ping-pong-net.mjs operations=N warmUp=N connections=N bytes=N

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { message, sumOfMessages } from './connections.mjs';
import { demand, measure, programArguments } from './measured.mjs';

const settings = programArguments();
const { connections, bytes } = settings;

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', (chunk) => {
    demand(chunk.length === bytes, 'a message was cut');
    socket.write(chunk);
  });
});
await once(server.listen(0, '127.0.0.1'), 'listening');

const messages = Array.from({ length: connections }, (_, index) => message(index, bytes));
const clients = [];
for (let index = 0; index < connections; index++) {
  const { port } = server.address();
  const client = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(client, 'connect');
  client.on('data', (chunk) => {
    demand(chunk.length === bytes, 'a message was cut');
    client.onMessage(chunk);
  });
  clients.push(client);
}

function pingPong(operations) {
  return new Promise((resolve) => {
    let running = connections;
    clients.forEach((client, index) => {
      let left = operations / connections;
      client.onMessage = (chunk) => {
        if (--left > 0) {
          client.write(chunk);
          return;
        }
        messages[index] = chunk;
        if (--running === 0) resolve(sumOfMessages(messages));
      };
      client.write(messages[index]);
    });
  });
}

await measure(settings, pingPong);
for (const client of clients) client.destroy();
server.close();
