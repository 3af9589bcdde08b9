// Ping-pong in the Promise form: one asynchronous loop for each end, with the same operations as the push form.
//
// node ping-pong-submit.mjs operations=N warmUp=N connections=N bytes=N driver=embedded|owner

import { UringBearer } from '@ringbearer/io-uring-bearer';
import { Recv, Send } from '@ringbearer/io-uring-opcode';
import { closePairs, connectPairs, message, sumOfMessages } from './connections.mjs';
import { demand, measure, programArguments } from './measured.mjs';

const settings = programArguments();
const { connections, bytes, driver } = settings;
const bearer = UringBearer.withCapacity({ CoreQueue: 256 }, { driver });
demand(bearer.driver === driver, `no ${driver} driver here`);
const pool = bearer.buffers.pool({ count: connections * 4, bufferBytes: bytes });
const pairs = await connectPairs(bearer, connections);

class End {
  held = 0;
  leases = [pool.take(), pool.take()];
  #receives;
  #sends;

  constructor(socket) {
    this.#receives = this.leases.map((memory) => new Recv({ socket, memory }));
    this.#sends = this.leases.map((data) => new Send({ socket, data }));
  }

  /** Sends the message and waits for the next, in the other lease. */
  async passOn() {
    const sent = bearer.submit(this.#sends[this.held]);
    const sending = this.leases[this.held];
    this.held ^= 1;
    const received = this.receive();
    demand((await sent) === bytes, 'a message was cut');
    sending.reuse();
    await received;
  }

  async receive() {
    const { length } = await bearer.submit(this.#receives[this.held]);
    demand(length === bytes, 'a message was cut');
    this.leases[this.held].reuse();
  }
}

async function serve(end) {
  await end.receive();
  for (;;) await end.passOn();
}

const clients = pairs.map(({ client }, index) => {
  const end = new End(client);
  end.leases[0].fill(message(index, bytes));
  return end;
});
const servers = pairs.map(({ server }) =>
  serve(new End(server)).catch((error) => demand(finished, error.stack)),
);
let finished = false;

async function pingPong(operations) {
  await Promise.all(
    clients.map(async (client) => {
      for (let left = operations / connections; left > 0; left--) await client.passOn();
    }),
  );
  return sumOfMessages(clients.map(({ leases, held }) => leases[held].toBytes()));
}

await measure(settings, pingPong);
finished = true;
await closePairs(bearer, pairs);
await bearer.close();
await Promise.all(servers);
