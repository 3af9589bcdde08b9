import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fakeCqe } from '../test-support/fake-cqe.js';
import { CqeFlag } from './abi.generated.js';

test('a CQE reads its flags, whatever else is set', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 31 }), fc.nat(0xffff), (low, bufferId) => {
      const cqe = fakeCqe(1, low | (bufferId << 16));
      expect(cqe.hasBuffer).toBe((low & CqeFlag.BUFFER) !== 0);
      expect(cqe.more).toBe((low & CqeFlag.MORE) !== 0);
      expect(cqe.socketNonEmpty).toBe((low & CqeFlag.SOCK_NONEMPTY) !== 0);
      expect(cqe.notification).toBe((low & CqeFlag.NOTIF) !== 0);
      expect(cqe.bufferMore).toBe((low & CqeFlag.BUF_MORE) !== 0);
      expect(cqe.bufferId).toBe(bufferId);
    }),
  );
});
