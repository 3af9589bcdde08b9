import { ProvideBuffers, Recv, Send, SocketType } from '@ringbearer/io-uring-opcode';
import { expect, test } from 'vitest';
import { encode, KernelFixture } from '../../test-support/kernel-fixture.js';
import { olderThan } from '../kernel-version.js';

const fixture = new KernelFixture();

test('bufferRingHead() is how many buffers the kernel took, before and after they come back', async (context) => {
  const { bearer } = fixture;
  const { kernel } = bearer.probe();
  if (olderThan(kernel, '6.8')) context.skip(`kernel ${kernel} is before 6.8`);
  const [receiver, sender] = await fixture.pair(SocketType.STREAM);
  const ring = bearer.buffers.ring({ count: 4, bufferBytes: 64 });
  const heads = [bearer.registration.bufferRingHead(ring.group)];
  // More than the ring has, so that buffers go around.
  for (let i = 0; i < 6; i++) {
    const receive = new Recv({ socket: receiver, group: ring.group });
    const received = bearer.submit(receive);
    await fixture.run(new Send({ socket: sender, data: encode('x') }));
    const lease = bearer.buffers.lease(receive, await received);
    heads.push(bearer.registration.bufferRingHead(ring.group));
    lease.release();
    expect(bearer.registration.bufferRingHead(ring.group)).toBe(i + 1);
  }
  expect(heads).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test('bufferRingHead() says why a group has none', async (context) => {
  const { bearer } = fixture;
  const { kernel } = bearer.probe();
  if (olderThan(kernel, '6.8')) context.skip(`kernel ${kernel} is before 6.8`);
  const { registration } = bearer;
  expect(() => registration.bufferRingHead(7)).toThrow(/ENOENT.*no buffer group 7.*buffers\.ring/);
  const group = bearer.buffers.classicGroup({ group: 7, count: 2, bufferBytes: 64 });
  await bearer.submit(new ProvideBuffers(group.provision()!));
  expect(() => registration.bufferRingHead(7)).toThrow(/EINVAL.*filled with ProvideBuffers/);
  for (const wrong of [-1, 0x1_0000, 0.5]) {
    expect(() => registration.bufferRingHead(wrong)).toThrow(RangeError);
  }
  expect(() => registration.bufferRingHead('7' as never)).toThrow(TypeError);
});
