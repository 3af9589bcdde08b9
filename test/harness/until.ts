import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until a condition holds; fails when it does not within `msMax`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  msMax = 5_000,
): Promise<void> {
  const end = performance.now() + msMax;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${msMax} ms: ${what}`);
    await sleep(10);
  }
}
