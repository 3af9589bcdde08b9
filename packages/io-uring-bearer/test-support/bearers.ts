import { afterEach } from 'vitest';
import {
  type BearerCapacity,
  type BearerOptions,
  type DriverKind,
  UringBearer,
} from '../src/index.js';

/** Makes bearers that are closed when the test is over. */
export function bearerMaker(): (
  driver: DriverKind,
  capacity?: Partial<BearerCapacity>,
  options?: BearerOptions,
) => UringBearer {
  const made: UringBearer[] = [];
  afterEach(async () => {
    for (const bearer of made.splice(0)) await bearer.close();
  });
  return (driver, capacity = {}, options = {}) => {
    const bearer = UringBearer.withCapacity({ CoreQueue: 16, ...capacity }, { driver, ...options });
    made.push(bearer);
    return bearer;
  };
}

/** Records in use: 0 when nothing is in flight. */
export const inUse = (bearer: UringBearer): number =>
  bearer.stats().capacity.PendingCompletions.used;

/** Waits until nothing is in flight, cancellations included. */
export async function settled(bearer: UringBearer): Promise<void> {
  for (let i = 0; i < 500; i++) {
    const { submitted, completed } = bearer.stats();
    if (inUse(bearer) === 0 && submitted <= completed) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`not settled: ${JSON.stringify(bearer.stats())}`);
}
