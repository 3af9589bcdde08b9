import { XattrFlag } from '../../abi.generated.js';
import { show } from '../../argument.js';
import { PathSource, XATTR_NAME_BYTES_MAX } from '../../path-source.js';

/** Create the attribute, replace it, or do whichever is needed. */
export type XattrMode = 'any' | 'create' | 'replace';

const MODES = { any: 0, create: XattrFlag.CREATE, replace: XattrFlag.REPLACE } as const;

/** The flags of a mode. */
export function xattrFlags(mode: XattrMode): number {
  if (!Object.hasOwn(MODES, mode)) {
    throw new TypeError(
      `Cannot set an attribute as mode must be any, create or replace: current value is ${show(mode)}`,
    );
  }
  return MODES[mode];
}

/** The name of an attribute as a string for the kernel. */
export function xattrName(
  action: string,
  name: string,
  into: PathSource = new PathSource(),
): PathSource {
  into.set(action, 'name', name, XATTR_NAME_BYTES_MAX);
  return into;
}
