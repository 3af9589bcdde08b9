// File reads with node:fs, into buffers that are kept: FileHandle.read, fs.read with a callback, or fs.readSync.
//
// node read-fs.mjs operations=N warmUp=N depth=N bytes=N order=random|sequential seed=N file=PATH form=promises|callback|sync

import { closeSync, fstatSync, openSync, promises, read, readSync } from 'node:fs';
import { blockChooser, sumOf, wordsOf } from './blocks.mjs';
import { demand, measure, programArguments } from './measured.mjs';

const settings = programArguments();
const { depth, bytes, form } = settings;
const fd = openSync(settings.file, 'r');
const choose = blockChooser(settings, fstatSync(fd).size);
const slots = Array.from({ length: depth }, () => {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  return { buffer, words: wordsOf(buffer) };
});

async function withPromises(operations, warmingUp) {
  const handle = await promises.open(settings.file, 'r');
  let sum = 0;
  let begun = 0;
  await Promise.all(
    slots.map(async ({ buffer, words }) => {
      while (begun < operations) {
        begun++;
        const { bytesRead } = await handle.read(buffer, 0, bytes, choose());
        demand(bytesRead === bytes, 'a read was short');
        sum = (sum + sumOf(words, warmingUp)) | 0;
      }
    }),
  );
  await handle.close();
  return sum;
}

function withCallbacks(operations, warmingUp) {
  return new Promise((resolve, reject) => {
    let sum = 0;
    let begun = 0;
    let completed = 0;
    const begin = (slot) => {
      begun++;
      read(fd, slot.buffer, 0, bytes, choose(), slot.done);
    };
    for (const slot of slots) {
      slot.done = (error, bytesRead) => {
        if (error) return reject(error);
        demand(bytesRead === bytes, 'a read was short');
        sum = (sum + sumOf(slot.words, warmingUp)) | 0;
        if (++completed === operations) resolve(sum);
        else if (begun < operations) begin(slot);
      };
    }
    for (const slot of slots) if (begun < operations) begin(slot);
  });
}

async function atOnce(operations, warmingUp) {
  const [{ buffer, words }] = slots;
  let sum = 0;
  for (let done = 0; done < operations; done++) {
    demand(readSync(fd, buffer, 0, bytes, choose()) === bytes, 'a read was short');
    sum = (sum + sumOf(words, warmingUp)) | 0;
  }
  return sum;
}

const FORMS = { promises: withPromises, callback: withCallbacks, sync: atOnce };
await measure(settings, FORMS[form]);
closeSync(fd);
