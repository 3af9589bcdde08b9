// Checks of constructor arguments. Every message reads "Cannot <action> as <name> must be ...: current value is ...".

import type { Descriptor } from '@ringbearer/io-uring-fd';

/** Largest unsigned 32-bit integer, where an SQE field ends. */
export const UINT32_MAX = 0xffff_ffff;
/** Largest buffer group or buffer id: 16 bits. */
export const UINT16_MAX = 0xffff;
/** Largest length one operation transfers: MAX_RW_COUNT of the kernel, INT_MAX rounded down to a 4 KiB page. */
export const TRANSFER_BYTES_MAX = 0x7fff_f000;

/** `value` when it is an integer from `min` to `max`. */
export function integerArgument(
  action: string,
  name: string,
  value: unknown,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== 'number') {
    throw new TypeError(
      `Cannot ${action} as ${name} must be a number: current value is ${show(value)}`,
    );
  }
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `>= ${min}` : `from ${min} to ${max}`;
    throw new RangeError(
      `Cannot ${action} as ${name} must be an integer ${range}: current value is ${value}`,
    );
  }
  return value;
}

/** `value` when it is a descriptor, regular or direct. */
export function descriptorArgument(action: string, name: string, value: unknown): Descriptor {
  if (!isDescriptor(value)) {
    throw new TypeError(
      `Cannot ${action} as ${name} must be a RawFd or a FixedFd: current value is ${show(value)}`,
    );
  }
  return value;
}

/** `value` when it is a regular descriptor: some opcodes do not look in the table of direct ones. */
export function rawDescriptorArgument(action: string, name: string, value: unknown): Descriptor {
  if (!isDescriptor(value) || value.direct) {
    throw new TypeError(
      `Cannot ${action} as ${name} must be a RawFd: current value is ${show(value)}`,
    );
  }
  return value;
}

/** A value for an error message: never throws, never long. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  }
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (isDescriptor(value))
    return `${value.direct ? 'direct' : 'regular'} descriptor ${value.number}`;
  return `an object of type ${value.constructor?.name ?? 'null prototype'}`;
}

function isDescriptor(value: unknown): value is Descriptor {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Descriptor).number === 'number' &&
    typeof (value as Descriptor).direct === 'boolean'
  );
}
