// Ping-pong in the push form: an end sends what it received from where it is, and receives into its other lease.
//
// node ping-pong-push.mjs operations=N warmUp=N connections=N bytes=N driver=embedded|owner

import { UringBearer } from '@ringbearer/io-uring-bearer';
import { Recv, Send } from '@ringbearer/io-uring-opcode';
import { closePairs, connectPairs, message, sumOfMessages } from './connections.mjs';
import { demand, measure, programArguments } from './measured.mjs';

const settings = programArguments();
const { connections, bytes, driver } = settings;
const bearer = UringBearer.withCapacity({ CoreQueue: 256 }, { driver });
demand(bearer.driver === driver, `no ${driver} driver here`);
const pool = bearer.buffers.pool({ count: connections * 4, bufferBytes: bytes });
let finished = false;
const pairs = await connectPairs(bearer, connections);

/** One side of a connection: two leases in turns, with a receive and a send for each. */
class End {
  /** The lease with the message, or that receives it. */
  held = 0;
  leases = [pool.take(), pool.take()];
  onMessage;
  #receives;
  #sends;

  constructor(socket) {
    this.#receives = this.leases.map((memory, index) => {
      const receive = new Recv({ socket, memory });
      receive.handler = ({ res }) => {
        if (finished) return; // the end of the stream
        demand(res === bytes, 'a message was cut');
        this.leases[index].reuse();
        this.onMessage();
      };
      return receive;
    });
    this.#sends = this.leases.map((data, index) => {
      const send = new Send({ socket, data });
      send.handler = ({ res }) => {
        demand(res === bytes, 'a message was cut');
        this.leases[index].reuse();
      };
      return send;
    });
  }

  passOn() {
    bearer.push(this.#sends[this.held]);
    this.held ^= 1;
    this.receive();
  }

  receive() {
    bearer.push(this.#receives[this.held]);
  }
}

const clients = pairs.map(({ client }, index) => {
  const end = new End(client);
  end.leases[0].fill(message(index, bytes));
  return end;
});
for (const { server } of pairs) {
  const end = new End(server);
  end.onMessage = () => end.passOn();
  end.receive();
}

function pingPong(operations) {
  return new Promise((resolve) => {
    let running = connections;
    for (const client of clients) {
      let left = operations / connections;
      client.onMessage = () => {
        if (--left > 0) client.passOn();
        else if (--running === 0) {
          resolve(sumOfMessages(clients.map(({ leases, held }) => leases[held].toBytes())));
        }
      };
      client.passOn();
    }
  });
}

await measure(settings, pingPong);
finished = true;
await closePairs(bearer, pairs);
await bearer.close();
