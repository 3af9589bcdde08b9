// NOPs in the Promise form: `depth` asynchronous loops, each awaiting one NOP after the other.
//
// node nop-submit.mjs operations=N warmUp=N depth=N driver=manual|embedded|owner operation=kept|new

import { UringBearer } from '@ringbearer/io-uring-bearer';
import { Nop } from '@ringbearer/io-uring-opcode';
import { demand, measure, programArguments } from './measured.mjs';

const settings = programArguments();
const { depth, driver, operation } = settings;
const bearer = UringBearer.withCapacity({ CoreQueue: depth }, { driver });
demand(bearer.driver === driver, `no ${driver} driver here`);

async function oneAfterTheOther(count) {
  const kept = operation === 'kept' ? new Nop() : null;
  for (let done = 0; done < count; done++) {
    demand((await bearer.submit(kept ?? new Nop())) === 0, 'a NOP failed');
  }
}

async function nops(operations) {
  const loops = Promise.all(
    Array.from({ length: depth }, () => oneAfterTheOther(operations / depth)),
  );
  if (driver === 'manual') {
    for (let completed = 0; completed < operations; ) {
      bearer.submitAndWait(depth);
      completed += bearer.handleCompletions();
      await null; // the loops go on, and submit their next
    }
  }
  await loops;
  return operations;
}

await measure(settings, nops);
await bearer.close();
