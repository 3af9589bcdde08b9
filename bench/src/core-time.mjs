/**
 * How busy a core was, from /proc/stat: shows a saturated load generator, and other work on the server's core.
 *
 * @typedef {{ idle: number, total: number }} CoreTime ticks since boot
 */
import { readFileSync } from 'node:fs';

/**
 * @param {number} core
 * @returns {CoreTime | undefined}
 */
export function readCoreTime(core) {
  return parseCoreTime(readFileSync('/proc/stat', 'latin1'), core);
}

/**
 * @param {string} text /proc/stat
 * @param {number} core
 * @returns {CoreTime | undefined} undefined when there is no such core
 */
export function parseCoreTime(text, core) {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`cpu${core} `));
  if (!line) return undefined;
  // user nice system idle iowait irq softirq steal; guest time is already inside user (proc(5)).
  const fields = line.split(/\s+/).slice(1, 9).map(Number);
  return { idle: fields[3] + fields[4], total: fields.reduce((sum, ticks) => sum + ticks, 0) };
}

/**
 * The share of the time between two readings that the core worked, 0 to 1.
 *
 * @param {CoreTime | undefined} before
 * @param {CoreTime | undefined} after
 */
export function coreBusy(before, after) {
  if (!before || !after || after.total <= before.total) return undefined;
  return Math.max(0, 1 - (after.idle - before.idle) / (after.total - before.total));
}
