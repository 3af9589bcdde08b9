/**
 * CPU of one send by its size and by what it does with the caller's bytes. See README.md.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UringBearer } from '@ringbearer/io-uring-bearer';
import {
  AddressFamily,
  Close,
  Connect,
  RecvSendFlag,
  Send,
  SendMsg,
  SendMsgZc,
  SendZc,
  Socket,
  SocketType,
} from '@ringbearer/io-uring-opcode';

const { values } = parseArgs({
  options: {
    address: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    megabytes: { type: 'string', default: '64' },
    sizes: { type: 'string', default: '1,2,4,8,12,16,32,64,128,256,1024,4096' },
  },
});
const KIB = 1024;
const SIZES = values.sizes.split(',').map((kib) => Number(kib) * KIB);
const HEAD_BYTES = 128;
/** Bodies take turns in so much memory, as they come from all over a heap. */
const MEMORY_BYTES = 32 * 1024 * KIB;

const child =
  values.port === undefined
    ? spawn(process.execPath, [fileURLToPath(new URL('./reader.mjs', import.meta.url))], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
    : null;
const port = Number(values.port ?? String((await once(child.stdout, 'data'))[0]));

const bearer = UringBearer.withCapacity({ CoreQueue: 64, BufferBytes: 2 ** 26 });
const socket = await bearer.submit(
  new Socket({ family: AddressFamily.INET, type: SocketType.STREAM }),
);
await bearer.submit(
  new Connect({ socket, address: { family: 'IPv4', address: values.address, port } }),
);
const head = new Uint8Array(HEAD_BYTES).fill(0x68);
const memory = new Uint8Array(MEMORY_BYTES).fill(0x78);
const slot = bearer.allocate(HEAD_BYTES + SIZES.at(-1));
let at = 0;

/** The next body of so many bytes. */
function body(bytes) {
  if (at + bytes > MEMORY_BYTES) at = 0;
  const next = memory.subarray(at, at + bytes);
  at += bytes;
  return next;
}

const send = new Send({ socket, data: head });
const second = new Send({ socket, data: head });
const gather = new SendMsg({ socket, data: [head] });
const zeroCopy = new SendMsgZc({ socket, data: [head] });
let tried = 0;
let copied = 0;
/** Sends that wait for their notification, as many as a connection of the server may have. */
const HELD_MAX = 16;
const spare = [];
let held = 0;
let released = () => {};

/** Sends without a copy, and waits for the result only. */
async function sendHeld(bytes) {
  while (held === HELD_MAX) {
    await new Promise((resolve) => {
      released = resolve;
    });
  }
  const zc = spare.pop() ?? new SendZc({ socket, data: head });
  held++;
  tried++;
  await new Promise((resolve, reject) => {
    zc.handler = ({ res, notification }) => {
      if (!notification) {
        if (res === bytes.length) resolve();
        else reject(new Error(`A send of ${bytes.length} bytes came to ${res}`));
        return;
      }
      if ((res & RecvSendFlag.NOTIF_USAGE_ZC_COPIED) !== 0) copied++;
      held--;
      spare.push(zc);
      released();
    };
    bearer.push(zc.set(bytes));
  });
}

/** Each sends a head and a body. */
const WAYS = {
  async copy(bytes) {
    slot.unsafe.bytes.set(head, 0);
    slot.unsafe.bytes.set(body(bytes), HEAD_BYTES);
    await bearer.submit(send.set(slot, 0, HEAD_BYTES + bytes));
    slot.reuse();
  },
  async gather(bytes) {
    await bearer.submit(gather.set([head, body(bytes)]));
  },
  async 'zero copy'(bytes) {
    tried++;
    const sent = await bearer.submit(zeroCopy.set([head, body(bytes)]));
    if (sent.copied) copied++;
  },
  async 'zero copy, held'(bytes) {
    await bearer.submit(send.set(head));
    await sendHeld(body(bytes));
  },
  async 'one by one'(bytes) {
    const first = bearer.submit(send.set(head));
    await first;
    await bearer.submit(second.set(body(bytes)));
  },
};

async function measured(way, bytes, count) {
  for (let done = 0; done < Math.ceil(count / 10); done++) await way(bytes);
  const before = process.cpuUsage();
  for (let done = 0; done < count; done++) await way(bytes);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const names = Object.keys(WAYS);
console.log(`| KiB | ${names.join(' | ')} |\n|---|${names.map(() => '---|').join('')}`);
for (const bytes of SIZES) {
  const count = Math.max(
    8,
    Math.min(4000, Math.floor((Number(values.megabytes) * 2 ** 20) / bytes)),
  );
  const figures = names.map(() => []);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [index, name] of names.entries()) {
      figures[index].push(await measured(WAYS[name], bytes, count));
    }
  }
  const cells = figures.map((all) => median(all).toFixed(1));
  console.log(`| ${bytes / KIB} | ${cells.join(' | ')} |`);
}
console.log(
  `\nCPU microseconds per send, median of ${values.rounds} rounds; ${copied} of ${tried} sends without a copy were copied`,
);

await bearer.submit(new Close({ descriptor: socket }));
slot.release();
await bearer.close();
child?.kill();
