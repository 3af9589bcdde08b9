import { integerOf } from './argument.js';
import type { Registrar } from './registrar.js';

/** Asks the kernel how far it has taken buffers from a ring of provided buffers: `struct io_uring_buf_status`. */
export function bufferRingHead(registrar: Registrar, group: number): number {
  integerOf('look at a buffer ring', 'its group', group, 0, 0xffff);
  const status = new Uint32Array(10);
  status[0] = group;
  registrar.call('REGISTER_PBUF_STATUS', status, 1, {
    ENOENT: `there is no buffer group ${group} on this ring: make it with bearer.buffers.ring()`,
    EINVAL: `group ${group} is no ring: it was filled with ProvideBuffers`,
  });
  return status[1]!;
}
