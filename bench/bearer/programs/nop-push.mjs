// NOPs in the push form: `depth` operations that are kept and pushed again, a handler for all.
//
// node nop-push.mjs operations=N warmUp=N depth=N driver=manual|embedded|owner

import { UringBearer } from '@ringbearer/io-uring-bearer';
import { Nop } from '@ringbearer/io-uring-opcode';
import { demand, measure, programArguments } from './measured.mjs';

const settings = programArguments();
const { depth, driver } = settings;
const bearer = UringBearer.withCapacity({ CoreQueue: depth }, { driver });
const nops = Array.from({ length: depth }, () => new Nop());
demand(bearer.driver === driver, `no ${driver} driver here`);

/** A batch at a time, as the C program does. */
async function byHand(operations) {
  let completed = 0;
  const handler = ({ res }) => {
    demand(res === 0, 'a NOP failed');
    completed++;
  };
  for (const nop of nops) nop.handler = handler;
  while (completed < operations) {
    for (let index = 0; index < depth; index++) bearer.push(nops[index]);
    bearer.submitAndWait(depth);
    demand(bearer.handleCompletions() === depth, 'a batch came back incomplete');
  }
  return completed;
}

/** Each is pushed again by its handler. */
function byTheLoop(operations) {
  return new Promise((resolve) => {
    let pushed = 0;
    let completed = 0;
    for (const nop of nops) {
      nop.handler = ({ res }) => {
        demand(res === 0, 'a NOP failed');
        if (++completed === operations) resolve(completed);
        else if (pushed < operations) {
          pushed++;
          bearer.push(nop);
        }
      };
    }
    for (; pushed < depth; pushed++) bearer.push(nops[pushed]);
  });
}

await measure(settings, driver === 'manual' ? byHand : byTheLoop);
await bearer.close();
