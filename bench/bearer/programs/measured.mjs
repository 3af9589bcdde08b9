/**
 * What the programs share: their arguments, and the line they print. limit/measured.h is its twin.
 */

/**
 * The arguments NAME=VALUE; whole numbers are numbers.
 *
 * @returns {Record<string, any>}
 */
export function programArguments() {
  return Object.fromEntries(
    process.argv.slice(2).map((argument) => {
      const at = argument.indexOf('=');
      const text = argument.slice(at + 1);
      return [argument.slice(0, at), /^\d+$/.test(text) ? Number(text) : text];
    }),
  );
}

/**
 * Does the work unmeasured, then measured, and prints what it took: CPU is that of the whole process, all threads, user and
 * system. Collecting garbage is part of it.
 *
 * @param {{ operations: number, warmUp: number }} settings
 * @param {(operations: number, warmingUp: boolean) => Promise<number>} work resolves to its checksum
 */
export async function measure({ operations, warmUp }, work) {
  const warmUpSum = await work(warmUp, true);
  const cpu = process.cpuUsage();
  const started = performance.now();
  const sum = await work(operations, false);
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const checksum = (warmUpSum + sum) >>> 0;
  console.log(JSON.stringify({ operations, seconds, cpuMicroseconds: user + system, checksum }));
}

/** @throws {Error} with `what` unless `truth` */
export function demand(truth, what) {
  if (!truth) throw new Error(what);
}
