const getter = (length: PropertyDescriptor | undefined): (() => number) =>
  length!.get as () => number;
// Taken when the module is loaded: nobody's subclass, property or later change of a prototype stands between us and the number.
const TYPED_ARRAY: object = Object.getPrototypeOf(Uint8Array.prototype);
const BYTE_LENGTH = getter(Object.getOwnPropertyDescriptor(TYPED_ARRAY, 'byteLength'));

/**
 * The bytes that a typed array has. Its property `byteLength` says the same, unless somebody shadowed it: what the kernel is told goes by
 * this number. 0 once its buffer was transferred.
 *
 * @throws {TypeError} no typed array
 *
 * @example
 * ```ts
 * import { byteLengthOf } from '@ringbearer/io-uring-owner';
 *
 * const bytes = Object.defineProperty(new Uint8Array(4), 'byteLength', { value: 4096 });
 * console.log(bytes.byteLength, byteLengthOf(bytes)); // 4096 4
 * ```
 */
export function byteLengthOf(bytes: NodeJS.TypedArray): number {
  return BYTE_LENGTH.call(bytes);
}
