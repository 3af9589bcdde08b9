/**
 * A sample's middle and spread.
 *
 * @typedef {{ median: number, min: number, max: number }} Spread
 */

/**
 * The middle value, or the mean of the two middle ones; NaN for no values.
 *
 * @param {readonly number[]} values
 */
export function median(values) {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * @param {readonly number[]} values
 * @returns {Spread | undefined} undefined for no values
 */
export function spread(values) {
  if (values.length === 0) return undefined;
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * The spread of `value / base` taken pair by pair, so that what slowed a whole round down cancels out.
 * A pair that lacks a side is left out.
 *
 * @param {readonly (number | undefined)[]} values one per round
 * @param {readonly (number | undefined)[]} base one per round
 * @returns {Spread | undefined}
 */
export function pairedRatio(values, base) {
  const ratios = [];
  for (let round = 0; round < Math.min(values.length, base.length); round++) {
    const value = values[round];
    const unit = base[round];
    if (value !== undefined && unit !== undefined && unit > 0) ratios.push(value / unit);
  }
  return spread(ratios);
}
