/** Default of the backlog: a total. */
export const BACKLOG = 4096;

/**
 * Divides a total over workers: each gets the same, the first ones the remainder. The shares add up to the total.
 *
 * @throws RangeError when somebody would get nothing
 */
export function sharesOf(name: string, total: number, workers: number): number[] {
  if (!Number.isInteger(total) || total < workers) {
    throw new RangeError(
      `Cannot start as ${name} must be an integer that gives each of ${workers} workers at least 1: current value is ${total}`,
    );
  }
  const least = Math.floor(total / workers);
  const rest = total % workers;
  return Array.from({ length: workers }, (_, index) => (index < rest ? least + 1 : least));
}
