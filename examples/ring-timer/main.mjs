// The ring's own timers: one that is awaited, one that is given up, and one that is iterated over.

import { UringBearer } from '@ringbearer/io-uring-bearer';
import { Timeout } from '@ringbearer/io-uring-opcode';

const bearer = UringBearer.withCapacity({ CoreQueue: 8 });

console.log('once:', await bearer.submit(new Timeout({ milliseconds: 20 })));

const signal = AbortSignal.timeout(20);
try {
  await bearer.submit(new Timeout({ milliseconds: 60_000 }), { signal });
} catch (error) {
  console.log('given up:', error.name);
}

let ticks = 0;
for await (const _ of bearer.stream(new Timeout({ milliseconds: 10, repeat: 5 }))) {
  console.log('tick', ++ticks);
}

const { submitted, completed, enters } = bearer.stats();
console.log(`${submitted} submitted, ${completed} completed, ${enters} system calls`);
await bearer.close();
