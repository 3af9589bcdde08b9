import type { RawRing } from '@ringbearer/native/ring';

const tokens = new WeakMap<RawRing, object>();

/** An object that stands for a ring where rings are told apart, and gives no access to it. */
export function ringToken(raw: RawRing): object {
  let token = tokens.get(raw);
  if (token === undefined) {
    token = Object.freeze({});
    tokens.set(raw, token);
  }
  return token;
}
