// What the sanitizers wrote, one file for each process, and which of it is ours.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Frames that allocate for somebody: who asked is further down the stack. */
const ON_BEHALF =
  /libsanitizer|__interceptor_|operator new|\/node-addon-api\/|\/include\/c\+\+\/| in std::/;

/** Blocks that stay allocated on purpose. The frame names the function, as a suppression of LeakSanitizer would. */
const MEANT = [
  // Memory that a request which could not be cancelled in time may still write to is never given back.
  'ringbearer::Ring::CancelAll',
];

/** The stacks of a LeakSanitizer report. */
function leaks(text) {
  return text.split(/\n(?=(?:Direct|Indirect) leak of )/).slice(1);
}

/** Whose code allocated: Node.js gives much of its memory to the system only by ending, and programs like sh do so too. */
function isOurs(stack, sources) {
  const frames = stack.split('\n').filter((line) => /^\s*#\d+ /.test(line));
  const owner = frames.find((frame) => !ON_BEHALF.test(frame));
  if (owner === undefined || !owner.includes(sources)) return false;
  return !frames.some((frame) => MEANT.some((name) => frame.includes(name)));
}

/**
 * What is wrong according to one report: all of it, but of leaks only those of our own allocations.
 *
 * @param {string} sources folder of the addon's sources, as stacks name it
 */
export function findings(text, sources) {
  if (!text.includes('ERROR: LeakSanitizer')) {
    return /ERROR: \w*Sanitizer|runtime error:/.test(text) ? [text] : [];
  }
  return leaks(text).filter((stack) => isOurs(stack, sources));
}

/** Every finding of a folder of reports, with its file. */
export function readReports(folder, sources) {
  return readdirSync(folder).flatMap((name) => {
    const file = path.join(folder, name);
    return findings(readFileSync(file, 'utf8'), sources).map((text) => ({ file, text }));
  });
}
