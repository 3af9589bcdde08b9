// Checks of arguments. Every message reads "Cannot <action> as <name> must be ...: current value is ...".

/** `value` when it is an integer from `min` to `max`. */
export function integerOf(
  action: string,
  name: string,
  value: unknown,
  min: number,
  max: number,
): number {
  if (typeof value !== 'number') {
    throw new TypeError(
      `Cannot ${action} as ${name} must be a number: current value is ${shown(value)}`,
    );
  }
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(
      `Cannot ${action} as ${name} must be an integer from ${min} to ${max}: current value is ${value}`,
    );
  }
  return value;
}

/** A value for an error message: never throws, never long. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
