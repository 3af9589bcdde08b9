import type { Orbit } from '../sans-io/orbit.js';

/** Takes the place of an orbit that was closed: nobody hears of anything any more. */
export const NO_ORBIT: Orbit = {
  receive: (_bytes, start, end) => end - start,
  receiveEnd() {},
  drained() {},
  tick() {},
  shutdown() {},
  close() {},
};
