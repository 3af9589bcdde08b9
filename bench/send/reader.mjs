// Accepts connections, reads and forgets. Prints its port.

import { createServer } from 'node:net';

const [host = '127.0.0.1', port = '0'] = process.argv.slice(2);
const server = createServer((socket) => socket.on('error', () => {}).resume());
server.listen(Number(port), host, () => console.log(server.address().port));
