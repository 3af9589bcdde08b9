// Ping-pong in the iterator form: one multishot receive for each end, buffers that the kernel picks from a ring, and a
// Promise for each send. One receive operation serves all messages: less work for the kernel than the C program asks of it.
//
// node ping-pong-stream.mjs operations=N warmUp=N connections=N bytes=N driver=embedded|owner

import { UringBearer } from '@ringbearer/io-uring-bearer';
import { RecvMulti, Send } from '@ringbearer/io-uring-opcode';
import { closePairs, connectPairs, message, sumOfMessages } from './connections.mjs';
import { demand, measure, programArguments } from './measured.mjs';

const settings = programArguments();
const { connections, bytes, driver } = settings;
const bearer = UringBearer.withCapacity({ CoreQueue: 256 }, { driver });
demand(bearer.driver === driver, `no ${driver} driver here`);
const ring = bearer.buffers.ring({ count: 64, bufferBytes: bytes });
const pairs = await connectPairs(bearer, connections);

class End {
  #send;
  #messages;

  constructor(socket, first) {
    this.#send = new Send({ socket, data: first });
    this.#messages = bearer.stream(new RecvMulti({ socket, group: ring.group }));
  }

  async receive() {
    const { value, done } = await this.#messages.next();
    demand(!done && value.length === bytes, 'a message was cut');
    const lease = ring.lease(value.bufferId, value.length);
    lease.reuse();
    return lease;
  }

  async send(data) {
    demand((await bearer.submit(this.#send.set(data))) === bytes, 'a message was cut');
  }

  end() {
    return this.#messages.return();
  }
}

async function serve(end) {
  for (;;) {
    const lease = await end.receive();
    await end.send(lease);
    lease.release();
  }
}

const messages = pairs.map((_, index) => message(index, bytes));
const clients = pairs.map(({ client }, index) => new End(client, messages[index]));
const servers = pairs.map(({ server }, index) => new End(server, messages[index]));
const serving = servers.map((server) =>
  serve(server).catch((error) => demand(finished, error.stack)),
);
let finished = false;

async function bounce(client, index, count) {
  await client.send(messages[index]);
  for (let left = count; ; ) {
    const lease = await client.receive();
    if (--left === 0) {
      messages[index] = lease.toBytes();
      lease.release();
      return;
    }
    await client.send(lease);
    lease.release();
  }
}

async function pingPong(operations) {
  const count = operations / connections;
  await Promise.all(clients.map((client, index) => bounce(client, index, count)));
  return sumOfMessages(messages);
}

await measure(settings, pingPong);
finished = true;
await Promise.all([...clients, ...servers].map((end) => end.end()));
await Promise.all(serving);
await closePairs(bearer, pairs);
await bearer.close();
