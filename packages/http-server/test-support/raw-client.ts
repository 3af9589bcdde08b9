import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from '../src/server.js';

export const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A connected socket of the loopback. */
export async function dial(server: Server): Promise<Socket> {
  const address = server.address();
  if (address.family === 'Unix') throw new Error('no port');
  const socket = connect(address.port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Everything up to the peer's FIN. */
export async function allOf(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

/** Sends, and reads to the peer's FIN. */
export async function exchange(server: Server, wire: string): Promise<string> {
  const socket = await dial(server);
  socket.write(wire, 'latin1');
  return allOf(socket);
}

/** Waits for an effect; the bound only says when to give up. */
export async function until(condition: () => boolean): Promise<void> {
  for (let round = 0; round < 1000; round++) {
    if (condition()) return;
    await sleep(5);
  }
  throw new Error('It never came true');
}
