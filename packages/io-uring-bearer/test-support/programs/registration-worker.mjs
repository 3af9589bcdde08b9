// A Worker that plays one part: a ring with restrictions, or a thread that has no ring and sends to others.

import { parentPort, workerData } from 'node:worker_threads';
import { sendToRing, UringBearer } from '@ringbearer/io-uring-bearer';
import { RawFd } from '@ringbearer/io-uring-fd';
import { Mailbox, MsgRing, Timeout } from '@ringbearer/io-uring-opcode';

const { role, driver, ring, key, count } = workerData;

const roles = {
  /** Waits for ever in a ring that may do nothing else. */
  async restricted() {
    const restrictions = { opcodes: ['TIMEOUT'], registrations: [] };
    const bearer = UringBearer.withCapacity({ CoreQueue: 8 }, { driver, restrictions });
    bearer.push(new Timeout({ milliseconds: 3_600_000 }));
    bearer.flush();
    parentPort.postMessage('running');
  },
  /** Sends 1 to count, without a ring. */
  async blind() {
    for (let message = 1; message <= count; message++) {
      sendToRing(new RawFd(ring), key, message);
    }
    parentPort.postMessage('sent');
  },
  /** Sends 1 to count, through a ring of its own. */
  async bearer() {
    const bearer = UringBearer.withCapacity({ CoreQueue: 8 }, { driver });
    for (let message = 1; message <= count; message++) {
      await bearer.submit(new MsgRing({ ring: new RawFd(ring), key, message }));
    }
    await bearer.close();
    parentPort.postMessage('sent');
  },
  /** Opens a mailbox, and tells what arrives in it until it is 0. */
  async receiver() {
    const bearer = UringBearer.withCapacity({ CoreQueue: 8 }, { driver });
    const mailbox = new Mailbox();
    mailbox.handler = (cqe) => {
      if (!cqe.more) return;
      parentPort.postMessage(cqe.res);
      if (cqe.res === 0) void bearer.close();
    };
    bearer.push(mailbox);
    bearer.flush();
    const { slot, generation } = mailbox;
    parentPort.postMessage({ ring: bearer.descriptor.number, key: { slot, generation } });
  },
};

await roles[role]();
