/** Throws RangeError unless `value` is an integer from `min` to `max`. `verb` completes "Cannot <verb> as". */
export function checkInteger(
  verb: string,
  name: string,
  value: number,
  min: number,
  max: number,
): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot ${verb} as ${name} must be an integer from ${min} to ${max}: current value is ${value}`,
  );
}
