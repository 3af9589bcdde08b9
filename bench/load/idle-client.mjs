/**
 * Opens keep-alive connections, makes one request on each, and holds them: `node idle-client.mjs PORT COUNT`. Prints "held", then "open COUNT" for each line
 * on its stdin, and stays until that ends.
 */
import { connect } from 'node:net';

/** Connections that are being opened at any time: fewer than any listener's backlog. */
const OPENING_MAX = 64;
const REQUEST =
  'GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: idle-client\r\nAccept: */*\r\n\r\n';

const [port, count] = process.argv.slice(2).map(Number);
const held = [];
let open = 0;

function hold() {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('error', reject);
    socket.once('connect', () => socket.write(REQUEST));
    socket.once('close', () => open--);
    socket.once('data', () => {
      open++;
      held.push(socket);
      resolve();
    });
  });
}

async function opener() {
  while (held.length + opening < count) {
    opening++;
    await hold();
    opening--;
  }
}

let opening = 0;
await Promise.all(Array.from({ length: OPENING_MAX }, opener));
console.log('held');
process.stdin.on('data', () => console.log('open', open));
process.stdin.once('end', () => process.exit(0));
